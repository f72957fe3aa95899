//! The second opinion: a naive evaluator written from the semantics in `authz.rs` alone.
//!
//! It looks at every rule, builds every string and compiles every expression anew for each request, so that each
//! sentence of the semantics is a few lines here and can be checked by eye. Where it and the engine differ, the
//! semantics say who is right. It takes policies that compile; what it makes of others means nothing.

pub mod facts;
mod metadata;
mod path;
pub mod rules;

use sallyport_core::wire;
use sallyport_core::{Ambiguity, Decision, Reason, Refusal, RequestView, RuleRef, Shadow, Verdict};
use std::fmt;

pub use facts::Facts;

/// What was said of one request, in a form that both opinions can be put into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub verdict: Said,
    pub shadow: Option<Said>,
    pub audits: Vec<String>,
}

/// A verdict, and the id of the rule that spoke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    Continue(Option<String>),
    Refuse(Reason, Option<String>),
}

impl Said {
    pub fn continues(&self) -> bool {
        matches!(self, Said::Continue(_))
    }
}

/// Decides one request by the naive reading of the policy. Of several defects, the first is as good as any.
pub fn decide(policy: &wire::Policy, view: &RequestView<'_>) -> Outcome {
    match Facts::read(policy, view) {
        Ok(facts) => by_facts(policy, &facts),
        Err(defects) => ambiguous(policy, defects[0]),
    }
}

/// Whether this is what the naive reading gives, or another of the request's defects.
pub fn agrees(policy: &wire::Policy, view: &RequestView<'_>, said: &Outcome) -> bool {
    match Facts::read(policy, view) {
        Ok(facts) => *said == by_facts(policy, &facts),
        Err(defects) => defects.iter().any(|defect| *said == ambiguous(policy, *defect)),
    }
}

/// The ids of the rules that match, unless the request is refused before any is asked.
pub fn matching<'p>(policy: &'p wire::Policy, view: &RequestView<'_>) -> Option<Vec<&'p str>> {
    let facts = Facts::read(policy, view).ok()?;
    let matching = policy.rules.iter().filter(|rule| rules::matches(policy, rule, &facts));
    Some(matching.map(|rule| rule.id.as_str()).collect())
}

fn by_facts(policy: &wire::Policy, facts: &Facts) -> Outcome {
    let matching: Vec<&wire::Rule> = policy.rules.iter().filter(|rule| rules::matches(policy, rule, facts)).collect();
    let enforced = by_rules(policy, &matching, facts, |rule| rule.stage == wire::Stage::Enforce);
    let all = by_rules(policy, &matching, facts, |_| true);
    let audits = matching.iter().filter(|r| r.action == wire::Action::Audit).map(|r| r.id.clone()).collect();
    if policy.stage == wire::Stage::Shadow {
        let permit = match &all {
            Said::Continue(rule) => rule.clone(),
            Said::Refuse(..) => None,
        };
        let shadow = Some(all).filter(|said| !said.continues());
        return Outcome { verdict: Said::Continue(permit), shadow, audits };
    }
    let shadow = (enforced.continues() != all.continues()).then_some(all);
    Outcome { verdict: enforced, shadow, audits }
}

fn ambiguous(policy: &wire::Policy, ambiguity: Ambiguity) -> Outcome {
    let refusal = Said::Refuse(Reason::Ambiguous(ambiguity), None);
    match policy.stage {
        wire::Stage::Enforce => Outcome { verdict: refusal, shadow: None, audits: Vec::new() },
        wire::Stage::Shadow | wire::Stage::Canary => {
            Outcome { verdict: Said::Continue(None), shadow: Some(refusal), audits: Vec::new() }
        }
    }
}

/// DENY, then ALLOW, then the default, among the rules that count.
fn by_rules(
    policy: &wire::Policy,
    matching: &[&wire::Rule],
    facts: &Facts,
    counts: impl Fn(&wire::Rule) -> bool,
) -> Said {
    let first = |action| matching.iter().find(|rule| rule.action == action && counts(rule)).map(|rule| rule.id.clone());
    if let Some(rule) = first(wire::Action::Deny) {
        return Said::Refuse(Reason::Denied, Some(rule));
    }
    if let Some(rule) = first(wire::Action::Allow) {
        return Said::Continue(Some(rule));
    }
    let allows: Vec<&wire::Rule> =
        policy.rules.iter().filter(|rule| rule.action == wire::Action::Allow && counts(rule)).collect();
    let showed_certificate = facts.identity.is_some();
    let showed_token = facts.token.is_some();
    let neither = !showed_certificate
        && !showed_token
        && allows.iter().any(|rule| rules::asks_for_certificate(rule) || rules::asks_for_token(rule));
    let all_ask_for_token =
        !showed_token && !allows.is_empty() && allows.iter().all(|rule| rules::asks_for_token(rule));
    let reason = if neither || all_ask_for_token { Reason::NoIdentity } else { Reason::NotAllowed };
    Said::Refuse(reason, None)
}

impl From<&Decision<'_>> for Outcome {
    fn from(decision: &Decision<'_>) -> Self {
        let id = |rule: RuleRef<'_>| rule.id.to_owned();
        let refused = |refusal: Refusal<'_>| Said::Refuse(refusal.reason, refusal.rule.map(id));
        Self {
            verdict: match decision.verdict {
                Verdict::Continue(permit) => Said::Continue(permit.rule().map(id)),
                Verdict::Refuse(refusal) => refused(refusal),
            },
            shadow: decision.shadow.map(|shadow| match shadow {
                Shadow::WouldContinue(rule) => Said::Continue(Some(id(rule))),
                Shadow::WouldRefuse(refusal) => refused(refusal),
            }),
            audits: decision.audits.iter().map(|rule| id(*rule)).collect(),
        }
    }
}

impl fmt::Display for Outcome {
    /// `allow readers`, `denied admins | shadow: not_allowed | audit: a b`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.verdict)?;
        if let Some(shadow) = &self.shadow {
            write!(f, " | shadow: {shadow}")?;
        }
        if !self.audits.is_empty() {
            write!(f, " | audit: {}", self.audits.join(" "))?;
        }
        Ok(())
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = match self {
            Said::Continue(rule) => {
                f.write_str("allow")?;
                rule
            }
            Said::Refuse(Reason::Ambiguous(ambiguity), rule) => {
                write!(f, "400 {}", ambiguity.as_str())?;
                rule
            }
            Said::Refuse(reason, rule) => {
                f.write_str(reason.as_str())?;
                rule
            }
        };
        match rule {
            Some(rule) => write!(f, " {rule}"),
            None => Ok(()),
        }
    }
}
