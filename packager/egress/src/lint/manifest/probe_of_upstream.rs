//! A gateway is ready only while its upstream answers.
//!
//! Every replica probes the upstream, so one short failure removes all of them from the Service at
//! once. Callers then get a 503 without a reason, and the probes of all replicas keep loading the
//! upstream.
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
//!       - name: istio-proxy
//!         readinessProbe: {exec: {command: [pilot-agent, wait, --url, "https://httpbin.org/status/200"]}}
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
//!       - name: istio-proxy
//!         readinessProbe: {httpGet: {path: /healthz/ready, port: 15021}}
//! ```
//!
//! Fix: Remove the upstream from the probe.

use super::probe_by_shell::commands;
use crate::code::Code;
use crate::import::Kind;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;

pub(super) const LINT: Lint = Lint { code: Code::ProbeOfUpstream, run, source: include_str!("probe_of_upstream.rs") };

const OWN: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pods in input.set.of(Kind::Deployment).chain(input.set.of(Kind::IstioOperator)) {
        let words = commands(pods.spec()).flat_map(|command| command.items());
        for word in words.filter(|word| word.text().is_some_and(names_another_host)) {
            let message = "while the upstream does not answer, all replicas leave the Service at once";
            findings.push(finding(pods.file, word, message, "remove the upstream from the probe"));
        }
    }
    findings
}

/// Whether the text has a URL of another host than the pod itself.
fn names_another_host(text: &str) -> bool {
    let mut urls = text.split("http").skip(1).filter_map(|rest| rest.trim_start_matches('s').strip_prefix("://"));
    urls.any(|url| !OWN.iter().any(|own| url.starts_with(own)))
}
