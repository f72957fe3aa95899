//! An ALLOW rule says only what it does not allow.
//!
//! A source or operation with nothing but `not...` fields holds for all the rest, and the rest grows: the upstream's next
//! path, the mesh's next namespace are allowed before anybody has thought of them.
//!
//! Write what is allowed, and the exceptions in a DENY rule: DENY comes first.

use super::{Finding, Input};
use crate::parse::suggest::quoted;
use sallyport_core::wire;
use serde::Serialize;
use serde_json::Value;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        for (path, rule) in subject.rules(wire::Action::Allow) {
            for place in exceptions(rule) {
                let message = format!("the rule {} allows everything but what it names", quoted(&rule.id));
                let help = "write what is allowed, and the exceptions in a rule with `action: DENY`";
                findings.push(subject.at(&format!("{path}.{place}"), message, help));
            }
        }
    }
    findings
}

fn exceptions(rule: &wire::Rule) -> Vec<String> {
    let from = rule.from.iter().flatten().enumerate();
    let sources = from.filter(|(_, from)| is_negative(&from.source)).map(|(at, _)| format!("from[{at}].source"));
    let to = rule.to.iter().flatten().enumerate();
    let operations = to.filter(|(_, to)| is_negative(&to.operation)).map(|(at, _)| format!("to[{at}].operation"));
    sources.chain(operations).collect()
}

/// As the policy is written: absent fields are left out, and all others that begin with `not` are exceptions.
fn is_negative(fields: &impl Serialize) -> bool {
    let json = serde_json::to_value(fields).unwrap_or_default();
    json.as_object().is_some_and(|fields| {
        let mut written = fields.iter().filter(|(_, value)| **value != Value::Null).peekable();
        written.peek().is_some() && written.all(|(name, _)| name.starts_with("not"))
    })
}
