//! The host that callers use is the upstream's own name.
//!
//! A call that does not go through a sidecar, or that goes to another port, such as 443, then reaches the
//! upstream itself, past the gateway and its rules, and looks the same to its caller.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! host: httpbin.org
//! upstream: {host: httpbin.org, port: 443}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! host: httpbin.legacy.internal
//! upstream: {host: httpbin.org, port: 443}
//! ```
//!
//! Fix: Give the upstream a host in the mesh that does not resolve outside of it.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::wording::quoted;

pub(super) const LINT: Lint = Lint { code: Code::HostIsUpstream, run, source: include_str!("host_is_upstream.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let upstream = &subject.egress.spec.upstream.host;
        for (position, host) in subject.egress.hosts().enumerate().filter(|(_, host)| *host == upstream) {
            let message = format!("{} is the upstream's own name, too", quoted(host));
            let path = position.checked_sub(1).map_or("host".to_owned(), |alias| format!("aliases[{alias}]"));
            let help = "choose a host of its own, such as `NAME.legacy.internal`: by the upstream's name calls can go past \
                        the gateway";
            findings.push(subject.at(&path, message, help));
        }
    }
    findings
}
