//! A ServiceEntry has a host that Istio refuses.
//!
//! Istio refuses the host `*`, which would take every request that no other service matches, and a
//! pattern with `resolution: DNS`, because a pattern has no address.
//!
//! Bad:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: upstream, namespace: egress}
//! spec: {hosts: ["*"]}
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: upstream, namespace: egress}
//! spec: {hosts: [httpbin.org]}
//! ```
//!
//! Fix: Write the hosts, or patterns such as `*.example.com` with another resolution. A gateway that passes
//! TLS on finds no address for a pattern, see SP2541: let it send everything to one server that serves
//! all of the pattern, with an entry of its own.

use crate::code::Code;
use crate::import::Kind;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use crate::yaml::tree::Node;

pub(super) const LINT: Lint =
    Lint { code: Code::ServiceEntryForAnyHost, run, source: include_str!("service_entry_for_any_host.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in input.set.of(Kind::ServiceEntry) {
        let hosts = entry.spec().items_at(&["hosts"]);
        for host in hosts.iter().filter(|host| host.text() == Some("*")) {
            findings.push(finding(entry.file, host, "Istio refuses the host `*`", "write the hosts"));
        }
        let by_dns = |resolution: &&Node| matches!(resolution.text(), Some("DNS" | "DNS_ROUND_ROBIN"));
        let pattern = hosts.iter().filter_map(Node::text).find(|host| host.starts_with("*."));
        if let Some((pattern, resolution)) = pattern.zip(entry.spec().get("resolution").filter(by_dns)) {
            let message = format!("Istio refuses `DNS` for the pattern {}", quoted(pattern));
            let help = match input.set.is_passed_on(pattern) {
                true => "write the hosts, or send everything to one server that serves them all",
                false => "write the hosts, or another resolution",
            };
            findings.push(finding(entry.file, resolution, message, help));
        }
    }
    findings
}
