//! A rule checks the caller's identity where callers present no certificate.
//!
//! The caller's identity comes from the certificate of its mutual TLS connection, which a gateway has
//! only where its `Gateway` resource asks for it. On a plaintext server, with one-way TLS, or where TLS is passed
//! on, every principal, namespace and service account is empty: a rule that allows one allows no caller, and a
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
use crate::import::view::{Server, Serves};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use crate::yaml::tree::{Entry, Node};
use sallyport_core::policy::key::{Topic, topic_of};

pub(super) const LINT: Lint =
    Lint { code: Code::IdentityWithoutMtls, run, source: include_str!("identity_without_mtls.rs") };

const FIELDS: [&str; 6] =
    ["principals", "namespaces", "serviceAccounts", "notPrincipals", "notNamespaces", "notServiceAccounts"];

fn run(input: &Input<'_>) -> Vec<Finding> {
    // That of `tls` in a server for plaintext is another finding, of the server.
    let is_refused = |server: &Server<'_>| server.is_plaintext() && server.tls_mode.is_some();
    let is_anonymous = |server: &&Server<'_>| {
        !server.identifies_callers()
            && !server.redirects_to_https()
            && !is_refused(server)
            && !input.set.leads_nowhere(server)
    };
    let passes = |server: &Server<'_>| server.serves() == Some(Serves::PassedTls);
    let mut findings = Vec::new();
    for policy in input.set.policies.all() {
        let Some(place) = identity(policy) else { continue };
        let servers = input.set.servers_under(policy);
        // One that passes TLS on may have policies of its own beside those for servers that know their callers.
        let is_mixed = servers.iter().any(Server::identifies_callers);
        let mut anonymous = servers.iter().filter(is_anonymous);
        if let Some(server) = anonymous.find(|server| !passes(server) || !is_mixed) {
            let name = quoted(&server.manifest.qualified());
            let port = quoted(server.port);
            let (message, help) = if passes(server) {
                let message = format!("the Gateway {name} passes TLS on at port {port}, and knows no identity there");
                (message, "write a rule about `connection.sni`, or `tls: {mode: ISTIO_MUTUAL}` in that server")
            } else {
                let message = format!("callers on port {port} of the Gateway {name} have no identity");
                (message, help(server))
            };
            findings.push(finding(policy.file, place, message, help));
        }
    }
    findings
}

fn help(server: &Server<'_>) -> &'static str {
    if server.is_plaintext() {
        "write `protocol: HTTPS` and `tls: {mode: ISTIO_MUTUAL}` in that server, and `ISTIO_MUTUAL` in a DestinationRule \
         for callers"
    } else {
        "write `tls: {mode: ISTIO_MUTUAL}` in that server, and in a DestinationRule for callers"
    }
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
