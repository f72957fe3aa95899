//! What came of a case against what was expected.

use super::suite::Case;
use crate::model::cases::{Expect, ExpectHeader, ExpectUpstream};
use crate::scenario::{Effect, Outcome};
use sallyport_core::verdict::Reason;

/// A field of an expectation that is not fulfilled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The path of the field: `rule`, `upstream.headers[0]`.
    pub field: String,
    /// What is written.
    pub expected: String,
    /// What came of the request, in the same words.
    pub actual: String,
}

/// A verdict in the words of an expectation.
pub(super) struct Words {
    pub(super) verdict: &'static str,
    pub(super) rule: Option<String>,
    pub(super) reason: Option<&'static str>,
    pub(super) ambiguity: Option<&'static str>,
}

impl Words {
    pub(super) fn of(effect: &Effect) -> Self {
        let reason = effect.reason();
        Self {
            verdict: if effect.is_allowed() { "ALLOW" } else { "DENY" },
            rule: effect.rule().map(str::to_owned),
            reason: reason.map(Reason::as_str),
            ambiguity: match reason {
                Some(Reason::Ambiguous(kind)) => Some(kind.as_str()),
                _ => None,
            },
        }
    }
}

/// Collects what differs.
#[derive(Default)]
struct Comparison(Vec<Mismatch>);

impl Comparison {
    fn field(&mut self, field: &str, expected: Option<&str>, actual: Option<&str>) {
        if let Some(expected) = expected.filter(|expected| Some(*expected) != actual) {
            let (expected, actual) = (expected.to_owned(), actual.unwrap_or("none").to_owned());
            self.0.push(Mismatch { field: field.to_owned(), expected, actual });
        }
    }
}

impl Case<'_> {
    /// What of the expectation is not fulfilled; nothing if the case passes.
    #[must_use]
    pub fn judge(&self, outcome: &Outcome) -> Vec<Mismatch> {
        let Expect { verdict, rule, reason, ambiguity, status, shadow, audits, upstream } = self.expected;
        let mut found = Comparison::default();
        let words = Words::of(&outcome.effect);
        found.field("verdict", verdict.map(|verdict| verdict.as_str()), Some(words.verdict));
        found.field("rule", rule.as_deref(), words.rule.as_deref());
        found.field("reason", reason.map(|reason| reason.as_str()), words.reason);
        found.field("ambiguity", ambiguity.map(|kind| kind.as_str()), words.ambiguity);
        let actual_status = outcome.status.map(|status| status.to_string());
        found.field("status", status.map(|status| status.to_string()).as_deref(), actual_status.as_deref());
        if let Some(shadow) = shadow {
            let words = Words::of(outcome.shadow.as_ref().unwrap_or(&outcome.effect));
            found.field("shadow.verdict", shadow.verdict.map(|verdict| verdict.as_str()), Some(words.verdict));
            found.field("shadow.rule", shadow.rule.as_deref(), words.rule.as_deref());
            found.field("shadow.reason", shadow.reason.map(|reason| reason.as_str()), words.reason);
        }
        if let Some(audits) = audits {
            found.field("audits", Some(&sorted(audits)), Some(&sorted(&outcome.audits)));
        }
        if let Some(upstream) = upstream {
            judge_upstream(upstream, outcome, &mut found);
        }
        found.0
    }
}

pub(super) fn sorted(ids: &[String]) -> String {
    let mut ids = ids.to_vec();
    ids.sort();
    format!("[{}]", ids.join(", "))
}

fn judge_upstream(expected: &ExpectUpstream, outcome: &Outcome, found: &mut Comparison) {
    let Some(upstream) = &outcome.upstream else {
        found.field("upstream", Some("a request"), Some("nothing"));
        return;
    };
    found.field("upstream.route", expected.route.as_deref(), Some(&upstream.route));
    for (position, header) in expected.headers.iter().enumerate() {
        let ExpectHeader { name, value, absent } = header;
        let values = values_of(&upstream.headers, name);
        let shown = if values.is_empty() { "absent".to_owned() } else { values.join(" | ") };
        let (expected, holds) = match (value, absent) {
            (_, true) => ("absent".to_owned(), values.is_empty()),
            (Some(value), false) => (value.clone(), values.contains(value)),
            (None, false) => ("any value".to_owned(), !values.is_empty()),
        };
        if !holds {
            let field = format!("upstream.headers[{position}]");
            let (expected, actual) = (format!("{name}: {expected}"), format!("{name}: {shown}"));
            found.0.push(Mismatch { field, expected, actual });
        }
    }
}

/// The values of the lines of a header.
pub(super) fn values_of(headers: &[(String, Vec<u8>)], name: &str) -> Vec<String> {
    let lines = headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
    lines.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
}
