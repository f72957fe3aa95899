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
    if !is_command && !has_variable(value) {
        return None;
    }
    let ours =
        value.replace("${", "%{").replace("{{ ", "%{").replace("{{", "%{").replace(" }}", "}").replace("}}", "}");
    let is_ours = ours.contains("%{caller.") || NAMES.iter().any(|name| ours.contains(&format!("%{{{name}}}")));
    Some(if is_ours && !is_command {
        format!("write {}", quoted(&ours))
    } else {
        "write the text itself, or `%{NAME}` with a name such as `caller.principal`, `rule` or `requestId`".to_owned()
    })
}

/// What can be filled in, beside the caller's names.
const NAMES: [&str; 5] = ["gateway", "rule", "traceId", "requestId", "foreignTrace"];
