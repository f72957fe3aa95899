//! Sidecars do not have the certificate that a DestinationRule names.
//!
//! A sidecar reads the Secret of `credentialName` only for a rule with a `workloadSelector`; without
//! one, Istio ignores the TLS settings, and requests leave as plaintext. A file is only where the pod
//! mounts it: a rule for every namespace makes the connections of all other pods fail.
//!
//! Bad:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: api, namespace: apps}
//! spec:
//!   hosts: [api.example.com]
//!   exportTo: ["."]
//!   resolution: DNS
//!   ports: [{number: 80, name: http, protocol: HTTP, targetPort: 443}]
//! ---
//! kind: DestinationRule
//! metadata: {name: api, namespace: apps}
//! spec:
//!   host: api.example.com
//!   trafficPolicy: {tls: {mode: MUTUAL, credentialName: api-client, sni: api.example.com}}
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: api, namespace: apps}
//! spec:
//!   hosts: [api.example.com]
//!   exportTo: ["."]
//!   resolution: DNS
//!   ports: [{number: 80, name: http, protocol: HTTP, targetPort: 443}]
//! ---
//! kind: DestinationRule
//! metadata: {name: api, namespace: apps}
//! spec:
//!   host: api.example.com
//!   workloadSelector: {matchLabels: {app: orders}}
//!   trafficPolicy: {tls: {mode: MUTUAL, credentialName: api-client, sni: api.example.com}}
//! ```
//!
//! Fix: Write a `workloadSelector` with the labels of the pods that call the upstream, and let their
//! service account read the Secret; or originate TLS at a gateway.

use crate::code::Code;
use crate::import::mesh::scope::Scope;
use crate::import::protocol::Protocol;
use crate::import::view::ClientTls;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;

pub(super) const LINT: Lint =
    Lint { code: Code::CertificateNotAtProxy, run, source: include_str!("certificate_not_at_proxy.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let at_all_pods = |tls: &&ClientTls<'_>| tls.originates() && tls.manifest.spec().get("workloadSelector").is_none();
    for tls in input.set.client_tls.iter().filter(at_all_pods) {
        let credential = tls.node.get("credentialName");
        let file = tls.node.get("clientCertificate");
        if (credential.is_none() && file.is_none()) || !is_used_by_sidecars(input, tls) {
            continue;
        }
        let host = quoted(&tls.host);
        if let Some(name) = credential {
            let message = format!("sidecars ignore `credentialName` here and send plaintext to {host}");
            findings.push(finding(
                tls.manifest.file,
                name,
                message,
                "write a `workloadSelector` for the pods that call it",
            ));
        } else if let Some(path) = file.filter(|_| Scope::of(tls.manifest) == Scope::All) {
            let message = format!("every sidecar of the mesh needs this file to call {host}");
            let help = "write a `workloadSelector` for the pods that mount it, or `exportTo`";
            findings.push(finding(tls.manifest.file, path, message, help));
        }
    }
    findings
}

/// A route of callers leads there; or no route does, and callers call the host themselves.
fn is_used_by_sidecars(input: &Input<'_>, tls: &ClientTls<'_>) -> bool {
    let leading = input.set.leading_to(&tls.host).filter(|(_, to)| tls.may_be_for(to));
    let leading: Vec<_> = leading.map(|(route, _)| route).collect();
    if !leading.is_empty() || input.set.is_routed_by_gateway_api(&tls.host) {
        return leading.iter().any(|route| route.is_in_mesh());
    }
    let hosts = input.set.mesh.hosts(&tls.host);
    let ports = hosts.iter().flat_map(|host| host.ports.iter());
    let mut meant = ports.filter(|port| tls.port.is_none_or(|number| number == port.number));
    !input.set.is_behind_gateway(&tls.host) && meant.any(|port| port.protocol == Protocol::Http)
}
