//! A rule checks the caller's identity where callers present no certificate.
//!
//! The caller's identity comes from the certificate of its mutual TLS connection, which a gateway has
//! only where its `Gateway` resource asks for it. On a plaintext server, or with one-way TLS, every
//! principal, namespace and service account is empty: a rule that allows one allows no caller, and a
//! rule that denies one denies no caller. A PeerAuthentication does not change that.
//!
//! Bad:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: httpbin, namespace: egress}
//! spec:
//!   selector: {gateway: httpbin}
//!   servers: [{port: {number: 80, protocol: HTTP}, hosts: [httpbin.internal]}]
//! ---
//! kind: AuthorizationPolicy
//! metadata: {name: readers, namespace: egress}
//! spec:
//!   selector: {matchLabels: {gateway: httpbin}}
//!   rules: [{from: [{source: {namespaces: [httpbin]}}]}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: httpbin, namespace: egress}
//! spec:
//!   selector: {gateway: httpbin}
//!   servers: [{port: {number: 443, protocol: HTTPS}, hosts: [httpbin.internal], tls: {mode: ISTIO_MUTUAL}}]
//! ---
//! kind: AuthorizationPolicy
//! metadata: {name: readers, namespace: egress}
//! spec:
//!   selector: {matchLabels: {gateway: httpbin}}
//!   rules: [{from: [{source: {namespaces: [httpbin]}}]}]
//! ```
//!
//! Fix: Write `tls: {mode: ISTIO_MUTUAL}` in the server, and a DestinationRule with `ISTIO_MUTUAL` for
//! callers.

use crate::code::Code;
use crate::import::Manifest;
use crate::import::view::Server;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use crate::yaml::tree::{Entry, Node};
use sallyport_core::policy::key::{Topic, topic_of};
use std::collections::HashMap;

pub(super) const LINT: Lint =
    Lint { code: Code::IdentityWithoutMtls, run, source: include_str!("identity_without_mtls.rs") };

const FIELDS: [&str; 6] =
    ["principals", "namespaces", "serviceAccounts", "notPrincipals", "notNamespaces", "notServiceAccounts"];

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut anonymous: HashMap<(&str, &str), &Server<'_>> = HashMap::new();
    let is_anonymous = |server: &&Server<'_>| {
        !server.may_identify_callers() && !server.redirects_to_https() && !input.set.leads_nowhere(server)
    };
    for server in input.set.servers.iter().filter(is_anonymous) {
        anonymous.insert((server.manifest.namespace.as_str(), server.manifest.name.as_str()), server);
    }
    let mut findings = Vec::new();
    for policy in input.set.policies.all() {
        let Some(place) = identity(policy) else { continue };
        let gateways = &input.set.gateways;
        // One for all pods of the mesh is for sidecars first of all.
        let overlapping = match policy.selects_some_pods() {
            true => gateways.overlapping(policy),
            false => gateways.overlapping_at_home(policy),
        };
        let server =
            overlapping.iter().find_map(|gateway| anonymous.get(&(gateway.namespace.as_str(), gateway.name.as_str())));
        if let Some(server) = server {
            let name = quoted(&format!("{}/{}", server.manifest.namespace, server.manifest.name));
            let message = format!("callers on port {} of the Gateway {name} have no identity", quoted(server.port));
            let help = "write `tls: {mode: ISTIO_MUTUAL}` in that server, and in a DestinationRule for callers";
            findings.push(finding(policy.file, place, message, help));
        }
    }
    findings
}

/// The first place where a policy checks the caller's identity.
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
