//! A rule asks for the caller's address, which the gateway cannot know.
//!
//! `remoteIpBlocks` and `remote.ip` are read from `X-Forwarded-For` as far as `numTrustedProxies` says. With `expose` and
//! no trusted proxy the address is that of the ingress gateway, for everybody. Without `expose` there is no proxy to
//! trust: callers in the mesh write the header themselves.
//!
//! Behind an ingress gateway count the proxies; otherwise use `ipBlocks`, or better an identity.

use super::{Finding, Input};
use crate::parse::suggest::quoted;
use sallyport_core::policy::key::{Topic, topic_of};
use sallyport_core::wire;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let spec = &subject.egress.spec;
        let (what, help) = match (spec.expose.is_some(), spec.gateway.num_trusted_proxies) {
            (true, 0) => ("which is the ingress gateway's for all", "write `gateway: {numTrustedProxies: 1}` or more"),
            (false, 1..) => ("which callers can forge", "write `ipBlocks`, or an identity"),
            _ => continue,
        };
        for (position, rule) in spec.authz.rules.iter().enumerate().filter(|(_, rule)| asks_for_address(rule)) {
            let message = format!("the rule {} asks for the caller's address, {what}", quoted(&rule.id));
            findings.push(subject.at(&format!("authz.rules[{position}].id"), message, help));
        }
    }
    findings
}

fn asks_for_address(rule: &wire::Rule) -> bool {
    let mut sources = rule.from.iter().flatten().map(|from| &from.source);
    sources.any(|source| source.remote_ip_blocks.is_some() || source.not_remote_ip_blocks.is_some())
        || rule.when.iter().flatten().any(|condition| topic_of(&condition.key) == Some(Topic::RemoteAddress))
}
