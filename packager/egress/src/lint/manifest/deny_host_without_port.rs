//! An AuthorizationPolicy denies a host, but not the same host with a port.
//!
//! A client may send `httpbin.org:443` as the host. Istio's routing ignores the port, but the policy
//! compares the whole text, so the rule can be bypassed.
//!
//! Bad:
//!
//! ```yaml
//! kind: AuthorizationPolicy
//! metadata: {name: no-httpbin, namespace: egress}
//! spec:
//!   action: DENY
//!   rules: [{to: [{operation: {hosts: [httpbin.org]}}]}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: AuthorizationPolicy
//! metadata: {name: no-httpbin, namespace: egress}
//! spec:
//!   action: DENY
//!   rules: [{to: [{operation: {hosts: [httpbin.org, "httpbin.org:*"]}}]}]
//! ```
//!
//! Fix: Write both: `[httpbin.org, "httpbin.org:*"]`.

use crate::code::Code;
use crate::import::Kind;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;

pub(super) const LINT: Lint =
    Lint { code: Code::DenyHostWithoutPort, run, source: include_str!("deny_host_without_port.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for policy in input.set.of(Kind::AuthorizationPolicy) {
        let field = match policy.spec().text_at(&["action"]) {
            Some("DENY") => "hosts",
            None | Some("ALLOW") => "notHosts",
            Some(_) => continue,
        };
        let operations = policy.spec().items_at(&["rules"]).iter().flat_map(|rule| rule.items_at(&["to"]));
        for hosts in operations.map(|to| to.items_at(&["operation", field])) {
            let texts: Vec<_> = hosts.iter().filter_map(|host| host.text()).collect();
            let is_open = |text: &str| {
                !text.contains(':') && !text.ends_with('*') && !texts.contains(&format!("{text}:*").as_str())
            };
            for host in hosts.iter().filter(|host| host.text().is_some_and(is_open)) {
                let name = quoted(host.text().unwrap_or_default());
                let message = format!("the rule does not match {name} with a port, but the route does");
                findings.push(finding(policy.file, host, message, format!("add `\"{}:*\"`", name.trim_matches('`'))));
            }
        }
    }
    findings
}
