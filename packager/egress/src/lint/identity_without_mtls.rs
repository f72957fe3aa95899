//! A rule asks who the caller is, where callers show no certificate.
//!
//! A caller's identity is the certificate of its mutual TLS, and at a gateway there is that only where the `Gateway`
//! says so. On a server in plaintext, or with one-way TLS, every principal, namespace and service account is empty:
//! what is allowed by one is allowed to nobody, and what is denied by one is denied to nobody. PeerAuthentication does
//! not change that.
//!
//! Write `tls: {mode: ISTIO_MUTUAL}` in the server, and a DestinationRule with `ISTIO_MUTUAL` for callers.

use super::{Finding, Input, finding};
use crate::import::Manifest;
use crate::import::view::Server;
use crate::parse::suggest::quoted;
use crate::parse::tree::{Entry, Node};
use sallyport_core::policy::key::{Topic, topic_of};
use std::collections::HashMap;

const FIELDS: [&str; 6] =
    ["principals", "namespaces", "serviceAccounts", "notPrincipals", "notNamespaces", "notServiceAccounts"];

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut blind: HashMap<(&str, &str), &Server<'_>> = HashMap::new();
    let is_blind = |server: &&Server<'_>| {
        !server.may_know_callers() && !server.only_redirects() && !input.set.leads_nowhere(server)
    };
    for server in input.set.servers.iter().filter(is_blind) {
        blind.insert((server.manifest.namespace.as_str(), server.manifest.name.as_str()), server);
    }
    let mut findings = Vec::new();
    for policy in input.set.policies.all() {
        let Some(place) = identity(policy) else { continue };
        let met = input.set.gateways.meeting(policy);
        let server = met.iter().find_map(|gateway| blind.get(&(gateway.namespace.as_str(), gateway.name.as_str())));
        if let Some(server) = server {
            let name = quoted(&format!("{}/{}", server.manifest.namespace, server.manifest.name));
            let message =
                format!("on port {} of the Gateway {name} callers have no identity", quoted(server.port));
            let help = "write `tls: {mode: ISTIO_MUTUAL}` in that server, and in a DestinationRule for callers";
            findings.push(finding(policy.file, place, message, help));
        }
    }
    findings
}

/// The first place where a policy asks for the caller's identity.
fn identity(policy: &Manifest) -> Option<&Node> {
    policy.rules().iter().find_map(|rule| {
        let sources = rule.items_at(&["from"]).iter().filter_map(|from| from.get("source"));
        let fields = sources.flat_map(Node::entries).filter(|entry| FIELDS.contains(&entry.key.name.as_str()));
        let asked = |entry: &&Entry| !entry.value.items().is_empty();
        let keys = rule.items_at(&["when"]).iter().filter_map(|condition| condition.get("key"));
        let mut keys = keys.filter(|key| key.text().and_then(topic_of) == Some(Topic::Caller));
        fields.filter(asked).map(|entry| &entry.value).next().or_else(|| keys.next())
    })
}
