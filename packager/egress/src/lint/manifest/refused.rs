//! Istio refuses a manifest, though each of its fields is one that there is.
//!
//! istiod looks at a manifest as a whole before the API server stores it: a server that ends TLS needs a
//! certificate, an export to all namespaces stands alone, a route leads somewhere. Where istiod does not
//! look, because its webhook is not installed or is down, it ignores such a manifest, or a part of it.
//!
//! Bad:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: egress, namespace: egress}
//! spec:
//!   selector: {istio: egressgateway}
//!   servers:
//!     - hosts: [api.example.com]
//!       port: {number: 443, name: https, protocol: HTTPS}
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: egress, namespace: egress}
//! spec:
//!   selector: {istio: egressgateway}
//!   servers:
//!     - hosts: [api.example.com]
//!       port: {number: 443, name: https, protocol: HTTPS}
//!       tls: {mode: ISTIO_MUTUAL}
//! ```
//!
//! Fix: Do what the message says; `istioctl validate` has the whole list.

mod entry;
mod export;
mod policy;
mod route;
mod server;
mod traffic;
mod value;

use crate::code::Code;
use crate::import::{Kind, Manifest};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::{did_you_mean, has_variable, quoted};
use crate::yaml::tree::{Entry, Node, Scalar, ScalarType, Value};
use std::collections::HashSet;

pub(super) const LINT: Lint = Lint { code: Code::RefusedByIstio, run, source: include_str!("refused.rs") };

/// The protocols of ports that Istio knows.
const PROTOCOLS: [&str; 12] =
    ["HTTP", "HTTPS", "HTTP2", "GRPC", "GRPC-WEB", "HTTP_PROXY", "TLS", "TCP", "UDP", "MONGO", "MYSQL", "REDIS"];

fn run(input: &Input<'_>) -> Vec<Finding> {
    let of_one = |manifest: &Manifest| {
        let mut refusals = Refusals { manifest, found: Vec::new() };
        match manifest.kind {
            Kind::Gateway => refusals.gateway(),
            Kind::VirtualService => refusals.virtual_service(),
            Kind::DestinationRule => refusals.destination_rule(),
            Kind::ServiceEntry => refusals.service_entry(),
            Kind::AuthorizationPolicy => refusals.authorization_policy(),
            Kind::PeerAuthentication => refusals.peer_authentication(),
            Kind::Sidecar => refusals.sidecar(),
            Kind::Telemetry => refusals.telemetry(),
            _ => {}
        }
        refusals.found
    };
    input.set.manifests.iter().flat_map(of_one).collect()
}

/// What Istio refuses of one manifest.
struct Refusals<'a> {
    manifest: &'a Manifest,
    found: Vec<Finding>,
}

impl Refusals<'_> {
    fn add(&mut self, node: &Node, message: impl Into<String>, help: impl Into<String>) {
        self.found.push(finding(self.manifest.file, node, message, help));
    }

    /// At the name of a field.
    fn add_at(&mut self, entry: &Entry, message: impl Into<String>, help: impl Into<String>) {
        let (message, help) = (message.into(), help.into());
        self.found.push(Finding { file: self.manifest.file, span: entry.key.span, message, help });
    }

    /// The protocol of a port, which may be written in small letters.
    fn protocol(&mut self, port: &Node) {
        let Some((node, text)) = port.get("protocol").and_then(|node| Some((node, node.text()?))) else { return };
        let is_known = PROTOCOLS.iter().any(|known| known.eq_ignore_ascii_case(text));
        if is_known || is_null(node) || has_variable(text) {
            return;
        }
        let help = match did_you_mean(text, PROTOCOLS.into_iter()) {
            Some(meant) => format!("did you mean {}?", quoted(meant)),
            None => format!("the protocols are {}", PROTOCOLS.join(", ")),
        };
        self.add(node, format!("Istio has no protocol {}", quoted(text)), help);
    }

    /// The second of two items that have the same text in a field.
    fn twice(&mut self, items: &[Node], path: &[&str], what: &str) {
        let mut before = HashSet::new();
        let nodes = items.iter().filter_map(|item| item.descend(path));
        for (node, text) in nodes.filter_map(|node| Some((node, node.text()?))).filter(|(_, text)| !text.is_empty()) {
            if !before.insert(text) {
                let message = format!("{} is {what} twice", quoted(text));
                self.add(node, message, "write another one here, or remove one of the two");
            }
        }
    }
}

fn is_null(node: &Node) -> bool {
    let is_nothing = |scalar: &Scalar| scalar.resolve() == ScalarType::Null;
    matches!(&node.value, Value::Scalar(scalar) if is_nothing(scalar))
}

/// Whether a field has a value that is not empty.
fn has(node: &Node, name: &str) -> bool {
    node.get(name).is_some_and(|value| match &value.value {
        Value::Scalar(scalar) => !is_null(value) && !scalar.text.is_empty(),
        Value::Sequence(items) => !items.is_empty(),
        Value::Mapping(_) | Value::Refused => true,
    })
}

/// Whether a list is written, and has no items.
fn is_empty_list(node: &Node) -> bool {
    matches!(&node.value, Value::Sequence(items) if items.is_empty())
}

/// Whether a field is not written, nor one that may be meant for it.
fn lacks(node: &Node, name: &str) -> bool {
    let is_meant =
        |entry: &Entry| entry.key.name == "<<" || did_you_mean(&entry.key.name, [name].into_iter()).is_some();
    !has(node, name) && !node.entries().iter().any(|entry| entry.key.name != name && is_meant(entry))
}
