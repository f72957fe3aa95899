//! A gateway runs as root.
//!
//! `runAsRoot`, or `runAsUser: 0`, was needed for ports below 1024. A Service can map its port to any
//! other, so a gateway no longer needs root, and root only helps an attacker.
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
//!       - {name: istio-proxy, securityContext: {runAsUser: 0}}
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
//!       - {name: istio-proxy, securityContext: {runAsNonRoot: true}}
//! ```
//!
//! Fix: Remove it, and listen on a port such as 8443.

use crate::code::Code;
use crate::import::Kind;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;

pub(super) const LINT: Lint = Lint { code: Code::GatewayAsRoot, run, source: include_str!("gateway_as_root.rs") };

const ROOT: [(&str, &str); 3] = [("runAsRoot", "true"), ("runAsUser", "0"), ("privileged", "true")];

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pods in input.set.of(Kind::Deployment).chain(input.set.of(Kind::IstioOperator)) {
        for node in pods.spec().descendants() {
            for (field, value) in ROOT {
                if let Some(written) = node.get(field).filter(|written| written.text() == Some(value)) {
                    let message = format!("`{field}: {value}` gives the gateway privileges that it does not need");
                    findings.push(finding(pods.file, written, message, "remove it, and listen on a port such as 8443"));
                }
            }
        }
    }
    findings
}
