//! A path has a placeholder or a pattern of another tool, and matches only its own text.
//!
//! Frameworks write `/accounts/:id`, and regular expressions `/v1/.+`. In a rule both are ordinary
//! characters: only a request with that very path matches, so an ALLOW rule allows nothing and a DENY rule
//! denies nothing.
//!
//! Bad:
//!
//! ```yaml
//! # spec.authz.rules
//! - id: readers
//!   action: ALLOW
//!   from: [{source: {serviceAccounts: [httpbin/sleep]}}]
//!   to: [{operation: {methods: [GET], paths: ["/accounts/:id"]}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec.authz.rules
//! - id: readers
//!   action: ALLOW
//!   from: [{source: {serviceAccounts: [httpbin/sleep]}}]
//!   to: [{operation: {methods: [GET], paths: ["/accounts/{*}"]}}]
//! ```
//!
//! Fix: Write `{*}` for one segment and `{**}` for any number of them, or a regular expression in
//! `pathRegex`.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::value::foreign_path::{Meant, meant};
use crate::wording::quoted;
use sallyport_core::wire;

pub(super) const LINT: Lint =
    Lint { code: Code::PathOfAnotherNotation, run, source: include_str!("path_of_another_notation.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        for (rule, at) in subject.egress.spec.authz.rules.iter().zip(0..) {
            for (path, text) in paths(rule) {
                let Some((message, help)) = foreign(text) else { continue };
                findings.push(subject.at(&format!("authz.rules[{at}].{path}"), message, help));
            }
        }
    }
    findings
}

/// Each path of a rule, with its place.
fn paths(rule: &wire::Rule) -> impl Iterator<Item = (String, &str)> {
    rule.to.iter().flatten().enumerate().flat_map(|(to, entry)| {
        let lists = [("paths", &entry.operation.paths), ("notPaths", &entry.operation.not_paths)];
        lists.into_iter().flat_map(move |(field, list)| {
            let texts = list.iter().flatten().enumerate();
            texts.map(move |(at, text)| (format!("to[{to}].operation.{field}[{at}]"), text.as_str()))
        })
    })
}

fn foreign(text: &str) -> Option<(String, String)> {
    // A star at an end is a rule's own.
    let (problem, meant) = meant(text.strip_suffix('*').unwrap_or(text).trim_start_matches('*'))?;
    let help = match meant {
        Meant::Path(path) => format!("write {}: `{{*}}` is one segment, `{{**}}` any number of them", quoted(&path)),
        Meant::Regex(regex) => format!("write {} in `pathRegex` or `notPathRegex`", quoted(&regex)),
    };
    Some((format!("the path {} {problem}: it matches only itself", quoted(text)), help))
}
