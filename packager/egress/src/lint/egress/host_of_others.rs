//! The host that callers use is already that of something else.
//!
//! Every sidecar of the mesh sends the requests for `host` and `aliases` to the gateway. The API server, the
//! control plane, the metadata service of the cloud and the machine itself have hosts that others rely on,
//! and the gateway's own Service cannot lead to itself.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! aliases: [kubernetes.default.svc.cluster.local]
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! aliases: [api.legacy.internal]
//! ```
//!
//! Fix: Choose a host of its own for the upstream.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::{Input, Subject};
use crate::model::ISTIO_NAMESPACE;
use crate::value::host::Host;
use crate::wording::quoted;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) const LINT: Lint = Lint { code: Code::HostOfOthers, run, source: include_str!("host_of_others.rs") };

/// Where Amazon, Azure and Google have their metadata service; also by IPv6 at Amazon.
const METADATA: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)), IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254))];
/// The metadata service by name.
const METADATA_HOSTS: [&str; 2] = ["metadata", "metadata.google.internal"];
/// Namespaces of Kubernetes itself.
const OF_KUBERNETES: [&str; 2] = ["kube-system", "kube-public"];

fn run(input: &Input<'_>) -> Vec<Finding> {
    let istiod = input.mesh.map_or(ISTIO_NAMESPACE, |(_, _, mesh)| mesh.istiod.namespace.as_str());
    input.egresses.iter().flat_map(|subject| of_egress(subject, istiod)).collect()
}

fn of_egress(subject: &Subject<'_>, istiod: &str) -> Vec<Finding> {
    let spec = &subject.egress.spec;
    let aliases = spec.aliases.iter().enumerate().map(|(position, host)| (format!("aliases[{position}]"), host));
    std::iter::once(("host".to_owned(), &spec.host))
        .chain(aliases)
        .filter_map(|(path, host)| {
            let message = format!("{} is {}", quoted(host), owner(subject, host, istiod)?);
            Some(subject.at(&path, message, "choose a host of its own for the upstream"))
        })
        .collect()
}

/// Whose host it is.
fn owner(subject: &Subject<'_>, host: &Host, istiod: &str) -> Option<&'static str> {
    if let Some(address) = host.address() {
        let is_metadata = METADATA.contains(&address);
        return if is_metadata { Some(METADATA_SERVICE) } else { address.is_loopback().then_some(MACHINE) };
    }
    let name = host.as_str();
    if name == "localhost" || name.ends_with(".localhost") {
        return Some(MACHINE);
    }
    if METADATA_HOSTS.contains(&name) {
        return Some(METADATA_SERVICE);
    }
    // `SERVICE`, `SERVICE.NAMESPACE`, `SERVICE.NAMESPACE.svc` and so on.
    let mut labels = name.split('.');
    let (service, namespace) = (labels.next()?, labels.next());
    if !matches!(labels.next(), None | Some("svc")) {
        return None;
    }
    let egress = subject.egress;
    let is_own_namespace = namespace.is_none_or(|namespace| namespace == egress.namespace.as_str());
    if is_own_namespace && service.strip_suffix("-egress") == Some(egress.name.as_str()) {
        return Some("the gateway's own Service");
    }
    match (service, namespace) {
        ("kubernetes", Some("default") | None) => Some("the API server of Kubernetes"),
        (_, Some(namespace)) if namespace == istiod => Some("in the namespace of Istio's control plane"),
        (_, Some(namespace)) if OF_KUBERNETES.contains(&namespace) => Some("in a namespace of Kubernetes itself"),
        _ => None,
    }
}

const METADATA_SERVICE: &str = "the metadata service of the cloud";
const MACHINE: &str = "the caller's own machine";
