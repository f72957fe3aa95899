//! What came of all pairs: what agrees, what is of a class, and what is neither.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sallyport_core::wire;
use serde_json::Value;

use super::caller::{WHO, tokens};
use super::case::{Asked, Case};
use super::class::{CLASSES, Direction, Pair};
use super::run::{Answers, End};

/// The numbers, and the pairs that are of no class.
#[derive(Debug, Default)]
pub(crate) struct Report<'c> {
    pub(crate) pairs: usize,
    pub(crate) both_allowed: usize,
    pub(crate) both_refused: usize,
    /// Answered by Envoy before either side was asked, on both sides alike.
    pub(crate) before: usize,
    /// Not answered at all: Envoy resets the stream, or the client cannot say it.
    pub(crate) nothing: usize,
    /// By class, in the order of the table.
    classes: BTreeMap<usize, usize>,
    pub(crate) strange: Vec<Strange<'c>>,
}

/// A difference of no class.
#[derive(Debug)]
pub(crate) struct Strange<'c> {
    pub(crate) case: &'c Case,
    pub(crate) asked: &'c Asked,
    pub(crate) answers: &'c Answers,
    /// Nothing where one side was not asked at all.
    pub(crate) direction: Option<Direction>,
    /// The rules that can have made the difference.
    pub(crate) suspects: Vec<&'c wire::Rule>,
}

impl<'c> Report<'c> {
    /// Takes the answers to one case.
    pub(crate) fn take(&mut self, case: &'c Case, answers: &'c [Answers]) {
        let all = tokens();
        for (asked, answers) in case.asked.iter().zip(answers) {
            self.take_pair(case, asked, &all[asked.token], answers);
        }
    }

    fn take_pair(&mut self, case: &'c Case, asked: &'c Asked, claims: &Value, answers: &'c Answers) {
        self.pairs += 1;
        let direction = match (&answers.istio, &answers.sallyport) {
            (End::Allowed, End::Allowed) => return self.both_allowed += 1,
            (End::Refused, End::Refused) => return self.both_refused += 1,
            (End::Before(istio), End::Before(sallyport)) if istio == sallyport => return self.before += 1,
            (End::Nothing, End::Nothing) => return self.nothing += 1,
            (End::Refused, End::Allowed) => Direction::Looser,
            (End::Allowed, End::Refused) => Direction::Stricter,
            _ => return self.strange.push(Strange { case, asked, answers, direction: None, suspects: Vec::new() }),
        };
        let suspects = suspects(case, direction, answers);
        let own = case.policy.trust_domain.clone().unwrap_or_else(|| "cluster.local".to_owned());
        let domains: Vec<String> = [own].into_iter().chain(case.policy.trust_domain_aliases.clone()).collect();
        let pair = Pair {
            direction,
            rules: &suspects,
            domains: &domains,
            who: &WHO[asked.who],
            claims,
            request: &asked.request,
            http2: asked.http2,
            spoken: &answers.spoken,
        };
        let class = CLASSES.iter().position(|class| class.takes(&pair));
        match class {
            Some(class) => *self.classes.entry(class).or_default() += 1,
            None => self.strange.push(Strange { case, asked, answers, direction: Some(direction), suspects }),
        }
    }

    /// The table.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        let mut line = |count: usize, what: &str| {
            let _ = writeln!(text, "{count:>7}  {what}");
        };
        line(self.pairs, "pairs");
        line(self.both_allowed, "allowed by both");
        line(self.both_refused, "refused by both");
        line(self.before, "answered by Envoy before either was asked");
        line(self.nothing, "not answered on either side");
        for (at, class) in CLASSES.iter().enumerate() {
            let count = self.classes.get(&at).copied().unwrap_or_default();
            line(count, &format!("{}: {}: {}", class.direction.as_str(), class.name, class.what));
        }
        line(self.strange.len(), "of no class");
        text
    }
}

/// The rules that can have made the difference.
fn suspects<'c>(case: &'c Case, direction: Direction, answers: &Answers) -> Vec<&'c wire::Rule> {
    let rules = &case.policy.rules;
    let spoke = || rules.iter().filter(|rule| rule.id == answers.spoken.rule).collect();
    let allows = || rules.iter().filter(|rule| rule.action == wire::Action::Allow).collect();
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

impl Strange<'_> {
    /// `looser`, `stricter`, or that one side was not asked.
    pub(crate) fn kind(&self) -> &'static str {
        self.direction.map_or("answered by different parts of Envoy", Direction::as_str)
    }

    /// All there is to know of it.
    pub(crate) fn to_text(&self) -> String {
        let policy = &self.case.policy;
        let (who, answers, request) = (&WHO[self.asked.who], self.answers, &self.asked.request);
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        let rules = policy.rules.iter().map(|rule| serde_json::to_string(rule).unwrap_or_default());
        let headers = request.headers.iter().map(|(name, value)| format!("{}: {:?}", text(name), text(value)));
        let mut lines = vec![format!(
            "{} of {} {:?}, trusted proxies {}",
            policy.upstream,
            policy.trust_domain.as_deref().unwrap_or("cluster.local"),
            policy.trust_domain_aliases,
            policy.num_trusted_proxies,
        )];
        lines.extend(rules.map(|rule| format!("  {rule}")));
        lines.push(format!(
            "  {} {} {}{} {{{}}}",
            if self.asked.http2 { "HTTP/2" } else { "HTTP/1.1" },
            text(&request.method),
            text(request.host.as_deref().unwrap_or_default()),
            text(&request.path),
            headers.collect::<Vec<_>>().join(", "),
        ));
        lines.push(format!("  {}: {:?} {:?}, SNI {}, to {}", who.name, who.uris, who.dns, who.sni, who.to));
        lines.push(format!("  token {}", tokens()[self.asked.token]));
        let spoken = &answers.spoken;
        lines.push(format!(
            "  Istio: {:?} {:?}; Sallyport: {:?} {} {} {}",
            answers.istio, answers.istio_rule, answers.sallyport, spoken.reason, spoken.kind, spoken.rule,
        ));
        lines.iter().map(|line| format!("  {}\n", line.trim_end())).collect()
    }
}
