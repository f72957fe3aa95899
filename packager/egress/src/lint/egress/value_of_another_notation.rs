//! The value of a header has a variable in the notation of another program.
//!
//! `headers.set` fills in `%{caller.principal}` and the like. `${NAME}`, `%REQ(x-a)%` of Envoy and
//! `{{ name }}` of templates are ordinary text there, and the upstream gets them as they are.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! headers: {set: [{name: x-caller, value: "${caller.namespace}"}]}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! headers: {set: [{name: x-caller, value: "%{caller.namespace}"}]}
//! ```
//!
//! Fix: Write `%{NAME}` with one of the names that the reference has for `headers.set`, or leave the header
//! out.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::wording::{has_variable, quoted};
use sallyport_core::outbound::placeholders;

pub(super) const LINT: Lint =
    Lint { code: Code::ValueOfAnotherNotation, run, source: include_str!("value_of_another_notation.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        for (position, set) in subject.egress.spec.headers.set.iter().enumerate() {
            let Some(help) = foreign(&set.value) else { continue };
            let message = format!("{} goes to the upstream as it is: no variable is filled in", quoted(&set.value));
            findings.push(subject.at(&format!("headers.set[{position}].value"), message, help));
        }
    }
    findings
}

/// What to write instead of a value with another program's variable.
fn foreign(value: &str) -> Option<String> {
    let is_command = value.split('%').skip(1).step_by(2).any(|inside| {
        let name = inside.split('(').next().unwrap_or(inside);
        name.len() > 2 && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    });
    let ours = placeholders().fold(value.to_owned(), |value, name| with_ours(&value, name));
    if ours != value && !is_command {
        return Some(format!("write {}", quoted(&ours)));
    }
    let names = "write the text itself, or `%{NAME}` with a name such as `caller.principal`, `rule` or `requestId`";
    (is_command || has_variable(value)).then(|| match value.eq_ignore_ascii_case(REQUEST_ID) {
        true => "write `%{requestId}`".to_owned(),
        false => names.to_owned(),
    })
}

/// In Envoy's words.
const REQUEST_ID: &str = "%REQ(x-request-id)%";

/// What stands around names in the notations of other programs.
const NOTATIONS: [(&str, &str); 9] = [
    ("${{ ", " }}"),
    ("{{ ", " }}"),
    ("{{", "}}"),
    ("${", "}"),
    ("#{", "}"),
    ("%(", ")s"),
    ("%(", ")"),
    ("$(", ")"),
    ("%", "%"),
];

/// The value with a name in our notation.
fn with_ours(value: &str, name: &str) -> String {
    let ours = format!("%{{{name}}}");
    let value = NOTATIONS
        .iter()
        .fold(value.to_owned(), |value, (open, close)| value.replace(&format!("{open}{name}{close}"), &ours));
    // In braces alone it is ours if a percent sign is before it.
    let parts: Vec<_> = value.split(&ours).map(|part| part.replace(&format!("{{{name}}}"), &ours)).collect();
    parts.join(&ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_other_programs() {
        for (value, ours) in [
            ("${traceId}", "%{traceId}"),
            ("{{traceId}}/{{ rule }}", "%{traceId}/%{rule}"),
            ("${{ rule }}", "%{rule}"),
            ("%(traceId)", "%{traceId}"),
            ("%(traceId)s", "%{traceId}"),
            ("$(caller.namespace)", "%{caller.namespace}"),
            ("a %traceId% b", "a %{traceId} b"),
            ("#{gateway}", "%{gateway}"),
            ("{rule}-%{rule}-{rule}", "%{rule}-%{rule}-%{rule}"),
            ("%REQ(X-Request-Id)%", "%{requestId}"),
        ] {
            assert_eq!(foreign(value), Some(format!("write {}", quoted(ours))), "{value}");
        }
        for value in ["%{traceId}", "a%{rule}b%{gateway}", "50% of {a} (traceId)", "traceId", "{\"rule\": 1}", ""] {
            assert_eq!(foreign(value), None, "{value}");
        }
    }
}
