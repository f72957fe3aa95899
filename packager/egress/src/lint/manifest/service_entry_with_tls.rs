//! A ServiceEntry says `TLS` of a port where the gateway begins TLS itself.
//!
//! `TLS` stands for bytes that a caller has encrypted already. Whoever reads it, a person, a dashboard or another proxy
//! that the entry is exported to, does not look for HTTP there; and a caller that does encrypt is encrypted twice.
//!
//! Write `protocol: HTTPS`: HTTP, with TLS around it.

use crate::import::Kind;
use crate::import::set::entry_hosts;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::parse::suggest::quoted;
use std::collections::HashSet;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let rules = input.set.client_tls.iter().filter(|tls| tls.originates());
    let originated: HashSet<&str> = rules.map(|tls| tls.host.as_str()).collect();
    let mut findings = Vec::new();
    for entry in input.set.of(Kind::ServiceEntry) {
        let Some(host) = entry_hosts(entry).find(|host| originated.contains(host) && input.set.is_behind_gateway(host))
        else {
            continue;
        };
        let protocols = entry.spec().items_at(&["ports"]).iter().filter_map(|port| port.get("protocol"));
        for protocol in protocols.filter(|protocol| protocol.text() == Some("TLS")) {
            let message = format!("the gateway speaks HTTP to {} and begins TLS itself", quoted(host));
            findings.push(finding(entry.file, protocol, message, "write `HTTPS`"));
        }
    }
    findings
}
