//! A policy allows callers from the namespace that holds the gateway's client certificate.
//!
//! With `mode: MUTUAL` the upstream identifies the gateway by a certificate in a Secret, and every pod
//! of a namespace may mount its Secrets. Such a caller could connect to the upstream as the gateway,
//! past every rule.
//!
//! Bad:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: bank, namespace: egress}
//! spec:
//!   selector: {gateway: bank}
//!   servers: [{port: {number: 443, protocol: HTTPS}, hosts: [bank.internal], tls: {mode: ISTIO_MUTUAL}}]
//! ---
//! kind: DestinationRule
//! metadata: {name: bank, namespace: egress}
//! spec: {host: bank.example, trafficPolicy: {tls: {mode: MUTUAL}}}
//! ---
//! kind: AuthorizationPolicy
//! metadata: {name: callers, namespace: egress}
//! spec:
//!   selector: {matchLabels: {gateway: bank}}
//!   rules: [{from: [{source: {namespaces: [egress]}}]}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: bank, namespace: egress}
//! spec:
//!   selector: {gateway: bank}
//!   servers: [{port: {number: 443, protocol: HTTPS}, hosts: [bank.internal], tls: {mode: ISTIO_MUTUAL}}]
//! ---
//! kind: DestinationRule
//! metadata: {name: bank, namespace: egress}
//! spec: {host: bank.example, trafficPolicy: {tls: {mode: MUTUAL}}}
//! ---
//! kind: AuthorizationPolicy
//! metadata: {name: callers, namespace: egress}
//! spec:
//!   selector: {matchLabels: {gateway: bank}}
//!   rules: [{from: [{source: {namespaces: [payments]}}]}]
//! ```
//!
//! Fix: Give the gateway its own namespace.

use crate::code::Code;
use crate::import::Manifest;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use crate::yaml::tree::Node;
use std::collections::HashSet;

pub(super) const LINT: Lint =
    Lint { code: Code::CallerInSecretNamespace, run, source: include_str!("caller_in_secret_namespace.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mutual = input.set.client_tls.iter().filter(|tls| tls.mode == "MUTUAL");
    let with_client_certificate: HashSet<&str> = mutual.map(|tls| tls.manifest.namespace.as_str()).collect();
    let mut findings = Vec::new();
    for policy in input.set.policies.all().filter(|policy| with_client_certificate.contains(policy.namespace.as_str()))
    {
        let is_at_gateway = || !input.set.gateways.overlapping_at_home(policy).is_empty();
        let Some(caller) = caller_of(policy).filter(|_| is_at_gateway()) else { continue };
        let message = format!("callers from {}, the gateway's own namespace, are allowed", quoted(&policy.namespace));
        let help = "give the gateway its own namespace: every pod of a namespace can mount its Secrets";
        findings.push(finding(policy.file, caller, message, help));
    }
    findings
}

/// The first caller that the policy allows by its own namespace.
fn caller_of(policy: &Manifest) -> Option<&Node> {
    let (spec, namespace) = (policy.spec(), policy.namespace.as_str());
    let allows = |node: &Node| node.text_at(&["action"]).is_none_or(|action| action == "ALLOW");
    let part = format!("/ns/{namespace}/");
    let rules = policy.rules().iter().filter(|rule| allows(spec) && allows(rule));
    let sources = rules.flat_map(|rule| rule.items_at(&["from"]));
    sources.filter_map(|from| from.get("source")).find_map(|source| {
        let named = |field, test: &dyn Fn(&str) -> bool| {
            source.items_at(&[field]).iter().find(|node| node.text().is_some_and(test))
        };
        named("namespaces", &|text| text == namespace)
            .or_else(|| named("principals", &|text| text.contains(&part)))
            .or_else(|| named("serviceAccounts", &|text| text.split_once('/').is_none_or(|(of, _)| of == namespace)))
    })
}
