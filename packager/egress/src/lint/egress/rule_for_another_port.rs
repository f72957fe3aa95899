//! A rule is for a port on which the gateway does not listen.
//!
//! In rules, `ports` and the key `destination.port` are the port of the gateway's pods on which the
//! connection arrived, not the port in the caller's URL. Callers' port 80 arrives at 8443 (443 with
//! `gateway.install: gateway-api`), and so does every request from outside the mesh. A port of `ports`
//! arrives at the same number if it is 1024 or more and not one that the pods need, otherwise at a number
//! that is 20000 higher. A rule for another port never matches, so it allows or denies nothing; in
//! `notPorts` and `notValues` such a port excludes nothing.
//!
//! Bad:
//!
//! ```yaml
//! # spec.authz.rules
//! - id: readers
//!   action: ALLOW
//!   from: [{source: {serviceAccounts: [httpbin/sleep]}}]
//!   to: [{operation: {ports: ["80"]}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec.authz.rules
//! - id: readers
//!   action: ALLOW
//!   from: [{source: {serviceAccounts: [httpbin/sleep]}}]
//!   to: [{operation: {ports: ["8443"]}}]
//! ```
//!
//! Fix: Write the port on which the pods listen, which the message names, or remove the port from the
//! rule if callers use one port only.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::{Input, Subject};
use crate::wording::{either, quoted};
use sallyport_core::policy::key::WrittenKey;

pub(super) const LINT: Lint =
    Lint { code: Code::RuleForAnotherPort, run, source: include_str!("rule_for_another_port.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    input.egresses.iter().flat_map(of_egress).collect()
}

fn of_egress(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (position, rule) in subject.egress.spec.authz.rules.iter().enumerate() {
        let mut lists = Vec::new();
        for (at, to) in rule.to.iter().flatten().enumerate() {
            let path = |field: &str| format!("to[{at}].operation.{field}");
            lists.push((path("ports"), to.operation.ports.as_deref(), true));
            lists.push((path("notPorts"), to.operation.not_ports.as_deref(), false));
        }
        let is_port = |key: &str| WrittenKey::read(key).is_some_and(|written| written.key.is_port());
        for (at, when) in rule.when.iter().flatten().enumerate().filter(|(_, when)| is_port(&when.key)) {
            lists.push((format!("when[{at}].values"), when.values.as_deref(), true));
            lists.push((format!("when[{at}].notValues"), when.not_values.as_deref(), false));
        }
        for (field, ports, is_required) in lists {
            let Some((message, help)) = problem(subject, &rule.id, ports.unwrap_or_default(), is_required) else {
                continue;
            };
            findings.push(subject.at(&format!("authz.rules[{position}].{field}"), message, help));
        }
    }
    findings
}

/// What is wrong with a list of ports of which the gateway has none.
fn problem(subject: &Subject<'_>, id: &str, written: &[String], is_required: bool) -> Option<(String, String)> {
    let numbers: Vec<u16> = written.iter().filter_map(|port| port.parse().ok()).collect();
    let own: Vec<_> = subject.egress.listening_ports().collect();
    let first = numbers.first()?;
    // What is not a number is not judged here.
    if numbers.len() < written.len() || numbers.iter().any(|port| own.iter().any(|(_, pod)| pod == port)) {
        return None;
    }
    let all: Vec<_> = own.iter().map(|(_, pod)| pod.to_string()).collect();
    let what = if is_required { "is for" } else { "excludes" };
    let id = quoted(id);
    let message = format!(
        "the rule {id} {what} the port `{first}`, but requests arrive at {}",
        either(all.iter().map(String::as_str))
    );
    let help = match own.iter().find(|(callers, _)| callers == first) {
        Some((callers, pod)) => {
            format!("write `\"{pod}\"`: that is where the gateway listens for callers' port {callers}")
        }
        None => "write the gateway's port, not the upstream's or that of the caller's URL, or remove it".to_owned(),
    };
    Some((message, help))
}
