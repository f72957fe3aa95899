//! Two Egress files have the same `host`.
//!
//! A caller in the mesh names an upstream by its host alone. With one host in two files Istio keeps one of the two
//! routes, the older one, and says nothing: requests meant for one upstream reach the other, under the other's policy.
//!
//! Give each Egress a host of its own.

use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::parse::suggest::quoted;
use std::collections::HashMap;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let (mut first, mut findings) = (HashMap::new(), Vec::new());
    for subject in &input.egresses {
        let host = subject.egress.spec.host.as_str();
        if let Some(other) = first.get(host).and_then(|file: &usize| input.files.get(*file)) {
            let message = format!("the host {} is that of {}, too", quoted(host), quoted(&other.name));
            findings.push(subject.at("host", message, "give each Egress a host of its own"));
        } else {
            first.insert(host, subject.file);
        }
    }
    findings
}
