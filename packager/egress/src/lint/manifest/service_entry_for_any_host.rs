//! A ServiceEntry is for every host.
//!
//! Istio refuses the host `*`, which would take every request that no other service matches.
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
//! Fix: Write the hosts, or patterns such as `*.example.com`.

use crate::code::Code;
use crate::import::Kind;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;

pub(super) const LINT: Lint =
    Lint { code: Code::ServiceEntryForAnyHost, run, source: include_str!("service_entry_for_any_host.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let entries = input.set.of(Kind::ServiceEntry);
    let hosts = entries.flat_map(|entry| entry.spec().items_at(&["hosts"]).iter().map(|host| (entry.file, host)));
    let any = hosts.filter(|(_, host)| host.text() == Some("*"));
    any.map(|(file, host)| finding(file, host, "Istio refuses the host `*`", "write the hosts")).collect()
}
