//! The name in a condition's key is in quotes.
//!
//! Lua, CEL and Rego write `request.headers['x-role']`. In a rule the quotes are a part of the name: no
//! request has such a header, so an ALLOW rule with the condition allows nothing, and a DENY rule denies
//! nothing.
//!
//! Bad:
//!
//! ```yaml
//! # spec.authz.rules
//! - id: readers
//!   action: ALLOW
//!   from: [{source: {serviceAccounts: [httpbin/sleep]}}]
//!   when: [{key: "request.headers['x-role']", values: [reader]}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec.authz.rules
//! - id: readers
//!   action: ALLOW
//!   from: [{source: {serviceAccounts: [httpbin/sleep]}}]
//!   when: [{key: "request.headers[x-role]", values: [reader]}]
//! ```
//!
//! Fix: Write the name between the brackets without quotes.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::wording::quoted;
use sallyport_core::policy::key::WrittenKey;

pub(super) const LINT: Lint = Lint { code: Code::KeyInQuotes, run, source: include_str!("key_in_quotes.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        for (rule, at) in subject.egress.spec.authz.rules.iter().zip(0..) {
            for (when, position) in rule.when.iter().flatten().zip(0..) {
                let Some(bare) = without_quotes(&when.key) else { continue };
                let message = format!("the quotes in {} are a part of the name", quoted(&when.key));
                let path = format!("authz.rules[{at}].when[{position}].key");
                findings.push(subject.at(&path, message, format!("write {}", quoted(&bare))));
            }
        }
    }
    findings
}

/// The key with the bare names, if one is in quotes.
fn without_quotes(key: &str) -> Option<String> {
    let names = WrittenKey::read(key)?.names;
    let bare = |name: &str| {
        let inside =
            |quote: char| name.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)).map(str::to_owned);
        inside('\'').or_else(|| inside('"')).filter(|inside| !inside.is_empty())
    };
    let replaced = names.iter().filter_map(|name| Some((name, bare(name)?)));
    let cured =
        replaced.fold(key.to_owned(), |key, (name, bare)| key.replace(&format!("[{name}]"), &format!("[{bare}]")));
    (cured != key).then_some(cured)
}
