//! A gateway pulls its filter from a registry whose certificate is not verified.
//!
//! For the hosts in `WASM_INSECURE_REGISTRIES` (`*` means all) Istio's agent verifies no certificate.
//! Without a digest, an attacker on the network decides which filter runs.
//!
//! Bad:
//!
//! ```yaml
//! kind: Deployment
//! metadata: {name: httpbin-egress, namespace: egress}
//! spec:
//!   template:
//!     spec:
//!       containers:
//!       - {name: istio-proxy, env: [{name: WASM_INSECURE_REGISTRIES, value: "*"}]}
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: Deployment
//! metadata: {name: httpbin-egress, namespace: egress}
//! spec:
//!   template:
//!     spec:
//!       containers:
//!       - {name: istio-proxy}
//! ```
//!
//! Fix: Remove the variable. A registry without TLS works without it; for a registry with its own
//! certificate authority, mount that authority's certificate.

use crate::code::Code;
use crate::import::Kind;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;

pub(super) const LINT: Lint =
    Lint { code: Code::RegistryUnverified, run, source: include_str!("registry_unverified.rs") };

const VARIABLE: &str = "WASM_INSECURE_REGISTRIES";

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pods in input.set.of(Kind::Deployment).chain(input.set.of(Kind::IstioOperator)) {
        let variables = pods.spec().descendants().filter(|node| node.text_at(&["name"]) == Some(VARIABLE));
        for value in variables.filter_map(|variable| variable.get("value")) {
            let which = match value.text().unwrap_or_default() {
                "" => continue,
                "*" => "any registry".to_owned(),
                some => quoted(some),
            };
            let message = format!("certificates of {which} are not verified");
            findings.push(finding(pods.file, value, message, "remove the variable"));
        }
    }
    findings
}
