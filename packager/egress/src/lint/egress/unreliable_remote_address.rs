//! A rule checks the client's address, which the gateway cannot know.
//!
//! `remoteIpBlocks` and `remote.ip` are read from `X-Forwarded-For`, as far as
//! `gateway.numTrustedProxies` trusts it. With `expose` and no trusted proxy, every client has the
//! address of the ingress gateway. Without `expose` there is no proxy to trust: callers in the mesh
//! write the header themselves.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! expose: {host: httpbin.example.com, credentialName: cert}
//! authz:
//!   rules:
//!   - id: no-office
//!     action: DENY
//!     from: [{source: {remoteIpBlocks: [10.0.0.0/8]}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! expose: {host: httpbin.example.com, credentialName: cert}
//! gateway: {numTrustedProxies: 1}
//! authz:
//!   rules:
//!   - id: no-office
//!     action: DENY
//!     from: [{source: {remoteIpBlocks: [10.0.0.0/8]}}]
//! ```
//!
//! Fix: Behind an ingress gateway, set `gateway.numTrustedProxies` to the number of proxies. Otherwise
//! use `ipBlocks`, or better an identity.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::wording::quoted;
use sallyport_core::policy::key::{Topic, topic_of};
use sallyport_core::wire;

pub(super) const LINT: Lint =
    Lint { code: Code::UnreliableRemoteAddress, run, source: include_str!("unreliable_remote_address.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let spec = &subject.egress.spec;
        let (what, help) = match (spec.expose.is_some(), spec.gateway.num_trusted_proxies) {
            (true, 0) => {
                ("which is the ingress gateway's for every client", "write `gateway: {numTrustedProxies: 1}` or more")
            }
            (false, 1..) => ("which callers can forge", "write `ipBlocks`, or an identity"),
            _ => continue,
        };
        for (position, rule) in spec.authz.rules.iter().enumerate().filter(|(_, rule)| checks_address(rule)) {
            let message = format!("the rule {} checks the client's address, {what}", quoted(&rule.id));
            findings.push(subject.at(&format!("authz.rules[{position}].id"), message, help));
        }
    }
    findings
}

fn checks_address(rule: &wire::Rule) -> bool {
    let mut sources = rule.from.iter().flatten().map(|from| &from.source);
    sources.any(|source| source.remote_ip_blocks.is_some() || source.not_remote_ip_blocks.is_some())
        || rule.when.iter().flatten().any(|condition| topic_of(&condition.key) == Some(Topic::RemoteAddress))
}
