//! The verdict on all answers: what agrees, what is of a class, and what is neither, in groups that can be read.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sallyport_core::policy::source::{ActionSource, RuleSource};
use serde_json::Value;

use super::caller::{WHO, tokens};
use super::case::{Asked, Case, field_kinds};
use super::class::{CLASSES, Direction, Pair};
use super::run::{Answers, End};

/// How many pairs of one kind are shown in full.
const SHOWN: usize = 3;

/// What came of all pairs.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) pairs: usize,
    pub(crate) both_allowed: usize,
    pub(crate) both_refused: usize,
    /// Answered by Envoy before either side was asked, on both sides alike.
    pub(crate) before: usize,
    /// By class, in the order of the table.
    classes: BTreeMap<usize, usize>,
    /// What is of no class, by its signature.
    strange: BTreeMap<String, Vec<String>>,
}

impl Report {
    /// Takes the answers to one case.
    pub(crate) fn take(&mut self, case: &Case, answers: &[Answers]) {
        let all = tokens();
        for (asked, answers) in case.asked.iter().zip(answers) {
            self.take_pair(case, asked, &all[asked.token], answers);
        }
    }

    fn take_pair(&mut self, case: &Case, asked: &Asked, claims: &Value, answers: &Answers) {
        self.pairs += 1;
        let direction = match (&answers.istio, &answers.sallyport) {
            (End::Allowed, End::Allowed) => return self.both_allowed += 1,
            (End::Refused, End::Refused) => return self.both_refused += 1,
            (End::Before(istio), End::Before(sallyport)) if istio == sallyport => return self.before += 1,
            // Envoy's codec resets the stream, or the client does not send it at all.
            (End::Nothing, End::Nothing) => return self.before += 1,
            (End::Refused, End::Allowed) => Direction::Looser,
            (End::Allowed, End::Refused) => Direction::Stricter,
            _ => return self.note("answered by different parts of Envoy".to_owned(), case, asked, claims, answers),
        };
        let suspects = suspects(case, direction, answers);
        let pair = Pair {
            rules: &suspects,
            who: &WHO[asked.who],
            claims,
            request: &asked.request,
            http2: asked.http2,
            spoken: &answers.spoken,
        };
        let class = CLASSES.iter().position(|class| class.direction == direction && (class.holds)(&pair));
        match class {
            Some(class) => *self.classes.entry(class).or_default() += 1,
            None => self.note(signature(direction, &suspects, answers), case, asked, claims, answers),
        }
    }

    fn note(&mut self, signature: String, case: &Case, asked: &Asked, claims: &Value, answers: &Answers) {
        self.strange.entry(signature).or_default().push(show(case, asked, claims, answers));
    }

    /// How many pairs are of no class.
    pub(crate) fn strange(&self) -> usize {
        self.strange.values().map(Vec::len).sum()
    }

    /// The table, and what is wrong, the most frequent kinds first.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        let mut line = |count: usize, what: &str| {
            let _ = writeln!(text, "{count:>7}  {what}");
        };
        line(self.pairs, "pairs");
        line(self.both_allowed, "allowed by both");
        line(self.both_refused, "refused by both");
        line(self.before, "answered by Envoy before either was asked");
        for (at, class) in CLASSES.iter().enumerate() {
            let count = self.classes.get(&at).copied().unwrap_or_default();
            line(count, &format!("{}: {}: {}", class.direction.as_str(), class.name, class.what));
        }
        line(self.strange(), "of no class");
        let mut groups: Vec<_> = self.strange.iter().collect();
        groups.sort_by_key(|(_, shown)| std::cmp::Reverse(shown.len()));
        for (signature, shown) in &groups {
            let _ = writeln!(text, "{:>7}  {signature}", shown.len());
        }
        for (signature, shown) in groups {
            let _ = writeln!(text, "\n{} x {signature}", shown.len());
            for example in shown.iter().take(SHOWN) {
                text.push_str(example);
            }
        }
        text
    }
}

/// The rules that can have made the difference.
fn suspects<'c>(case: &'c Case, direction: Direction, answers: &Answers) -> Vec<&'c RuleSource> {
    let rules = &case.policy.rules;
    let spoke = || rules.iter().filter(|rule| rule.id == answers.spoken.rule).collect();
    let allows = || rules.iter().filter(|rule| rule.action == ActionSource::Allow).collect();
    match (direction, &answers.istio_rule) {
        // Istio's DENY rule matched, and ours did not; or our ALLOW rule matched, and Istio's did not.
        (Direction::Looser, Some((policy, index))) => case.istio_rule(policy, *index).into_iter().collect(),
        (Direction::Looser, None) => spoke(),
        (Direction::Stricter, _) => match answers.spoken.reason.as_str() {
            "denied" => spoke(),
            "not_allowed" | "no_identity" => allows(),
            _ => rules.iter().collect(),
        },
    }
}

/// A short name for what two failures have in common.
fn signature(direction: Direction, suspects: &[&RuleSource], answers: &Answers) -> String {
    let mut kinds: Vec<String> = suspects.iter().flat_map(|rule| field_kinds(rule)).collect();
    kinds.sort();
    kinds.dedup();
    let actions = match suspects.first().map(|rule| rule.action) {
        Some(ActionSource::Deny) => "DENY",
        _ => "ALLOW",
    };
    let reason = format!("{} {}", answers.spoken.reason, answers.spoken.kind);
    format!("{} {actions} [{}] {}", direction.as_str(), kinds.join(", "), reason.trim())
}

fn show(case: &Case, asked: &Asked, claims: &Value, answers: &Answers) -> String {
    let policy = &case.policy;
    let who = &WHO[asked.who];
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let headers: Vec<String> =
        asked.request.headers.iter().map(|(name, value)| format!("{}: {:?}", text(name), text(value))).collect();
    let rules: Vec<String> =
        policy.rules.iter().map(|rule| serde_json::to_string(rule).unwrap_or_else(|error| error.to_string())).collect();
    format!(
        "  {} of {} {:?}, trusted proxies {}\n    {}\n    {} {} {} {{{}}}\n    {} {:?} {:?}, SNI {}, to {}, token {}\n    \
         istio {:?} {:?}, sallyport {:?} {} {} {}\n",
        policy.upstream,
        policy.trust_domain.as_deref().unwrap_or("cluster.local"),
        policy.trust_domain_aliases,
        policy.num_trusted_proxies,
        rules.join("\n    "),
        if asked.http2 { "HTTP/2" } else { "HTTP/1.1" },
        text(&asked.request.method),
        format_args!("{}{}", text(asked.request.host.as_deref().unwrap_or_default()), text(&asked.request.path)),
        headers.join(", "),
        who.name,
        who.uris,
        who.dns,
        who.sni,
        who.to,
        claims,
        answers.istio,
        answers.istio_rule,
        answers.sallyport,
        answers.spoken.reason,
        answers.spoken.kind,
        answers.spoken.rule,
    )
}
