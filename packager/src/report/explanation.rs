//! What `explain` found of one request, for people and for programs.

use std::fmt::Write as _;

use sallyport_core::verdict::Reason;
use sallyport_core::wire::Action;
use sallyport_egress::scenario::{Effect, Outcome, RuleTrace, Scenario};
use serde_json::{Value, json};

use super::Place;
use crate::printable::visible;

/// One request, and what becomes of it.
#[derive(Debug)]
pub(crate) struct Explanation {
    /// The Egress file.
    pub(crate) file: String,
    pub(crate) scenario: Scenario,
    pub(crate) outcome: Outcome,
    /// Each rule, with the place of the part that failed, or of its id.
    pub(crate) rules: Vec<(RuleTrace, Place)>,
    /// What the log says.
    pub(crate) logged: Option<String>,
    /// What the reader should know.
    pub(crate) notes: Vec<String>,
}

impl Explanation {
    /// `CALLER METHOD HOST/PATH: VERDICT`, with the shadow verdict and what the log says. Its headers would hide it.
    pub(crate) fn line(&self) -> String {
        let Scenario { caller, request } = &self.scenario;
        let text = String::from_utf8_lossy;
        let (method, host, path) = (text(&request.method), text(&request.authority), text(&request.path));
        let effect = self.outcome.effect.to_string();
        let mut line = format!("{caller} {method} {host}{path}: {effect}");
        match &self.logged {
            Some(logged) if *logged == effect => line.push_str(", as the log says"),
            Some(logged) => line.push_str(&format!(", the log says {logged}")),
            None => {}
        }
        if let Some(shadow) = &self.outcome.shadow {
            line.push_str(&format!("; shadow would be {shadow}"));
        }
        visible(&line)
    }

    pub(crate) fn human(&self) -> String {
        let Self { file, scenario, outcome, rules, logged, notes } = self;
        let mut text = format!("{}\n\n", visible(&format!("{} {}", scenario.caller, scenario.request)));
        let mut field = |name: &str, value: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name:<10}{}", visible(value));
        };
        field("verdict", &outcome.effect.to_string());
        if let Some(shadow) = &outcome.shadow {
            field("shadow", &format!("would be {shadow}"));
        }
        if let Some(logged) = logged {
            field("the log", logged);
        }
        // Without the filter there is no principal.
        if outcome.principal.is_some() || !matches!(outcome.effect, Effect::ByEnvoy(_)) {
            field("principal", outcome.principal.as_deref().unwrap_or("none"));
        }
        if !outcome.audits.is_empty() {
            field("audits", &outcome.audits.join(", "));
        }
        if let Some(status) = outcome.status {
            let headers = outcome.answer.iter().map(|(name, value)| format!(", {name}: {value}"));
            field("caller", &format!("gets {status}{}", headers.collect::<String>()));
        } else if outcome.upstream.is_none() {
            field("caller", "gets nothing");
        }
        match &outcome.upstream {
            None => field("upstream", "gets nothing"),
            Some(upstream) => {
                field("upstream", &format!("{} gets", upstream.route));
                for (name, value) in &upstream.headers {
                    field("", &format!("{name}: {}", String::from_utf8_lossy(value)));
                }
            }
        }
        notes.iter().for_each(|note| field("note", note));
        text.push_str(if rules.is_empty() { "\nNo rule was evaluated.\n" } else { "\nrules\n" });
        let longest = rules.iter().map(|(rule, _)| rule.id.len()).max().unwrap_or_default();
        let widest = rules.iter().map(|(rule, _)| action_of(rule).len()).max().unwrap_or_default();
        for (rule, Place { start, .. }) in rules {
            let what = match (&rule.failed, self.decides(rule)) {
                (None, true) => "matches, and decides".to_owned(),
                (None, false) => format!("matches{}", self.why_it_does_not_decide(rule)),
                (Some(failed), _) => format!("no: {}", visible(&failed.found)),
            };
            let action = action_of(rule);
            let _ = writeln!(
                text,
                "  {:<longest$}  {action:<widest$}  {what}  ({file}:{}:{})",
                rule.id, start.line, start.column
            );
        }
        text
    }

    fn decides(&self, rule: &RuleTrace) -> bool {
        self.outcome.effect.rule() == Some(&rule.id)
    }

    fn why_it_does_not_decide(&self, rule: &RuleTrace) -> &'static str {
        match (rule.action, &self.outcome.effect) {
            (Action::Audit, _) => ", and is recorded",
            _ if !rule.enforced => ", but is in shadow mode",
            (Action::Allow, Effect::Refused(Reason::Denied, _)) => ", but a DENY rule does, too",
            (_, Effect::ByEnvoy(_)) => ", but Envoy has no route for the host",
            (Action::Allow | Action::Deny, Effect::Allowed(None)) => ", but the policy is in shadow mode",
            _ => ", as one before it does",
        }
    }

    pub(crate) fn json(&self) -> Value {
        let Self { file, scenario, outcome, rules, logged, notes } = self;
        let effect = |effect: &Effect| {
            json!({
                "verdict": if effect.is_allowed() { "ALLOW" } else { "DENY" },
                "rule": effect.rule(),
                "reason": effect.reason().map(Reason::as_str),
                "ambiguity": match effect.reason() {
                    Some(Reason::Ambiguous(kind)) => Some(kind.as_str()),
                    _ => None,
                },
                "byEnvoy": match effect {
                    Effect::ByEnvoy(answer) => Some(answer.to_string()),
                    _ => None,
                },
            })
        };
        let lines = |headers: &[(String, Vec<u8>)]| {
            let lines =
                headers.iter().map(|(name, value)| json!({"name": name, "value": String::from_utf8_lossy(value)}));
            lines.collect::<Vec<_>>()
        };
        let answer: Vec<_> = outcome.answer.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        let rules = rules.iter().map(|(rule, place)| {
            json!({
                "id": rule.id,
                "action": rule.action.as_str(),
                "enforced": rule.enforced,
                "matched": rule.failed.is_none(),
                "failed": rule.failed.as_ref().map(|failed| json!({"path": failed.path, "found": failed.found})),
                "file": file,
                "line": place.start.line,
                "column": place.start.column,
            })
        });
        json!({
            "version": 1,
            "caller": scenario.caller.to_string(),
            "principal": outcome.principal,
            "request": scenario.request.to_string(),
            "decision": effect(&outcome.effect),
            "shadow": outcome.shadow.as_ref().map(effect),
            "audits": outcome.audits,
            "logged": logged,
            "answer": outcome.status.map(|status| json!({"status": status, "headers": answer})),
            "upstream": outcome.upstream.as_ref().map(|upstream| json!({"route": upstream.route, "headers": lines(&upstream.headers)})),
            "rules": rules.collect::<Vec<_>>(),
            "notes": notes,
        })
    }
}

fn action_of(rule: &RuleTrace) -> String {
    format!("{}{}", rule.action, if rule.enforced { "" } else { " (shadow)" })
}
