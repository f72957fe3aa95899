//! The kinds of Istio's API, and what may stand in their manifests.

mod shape;

pub(crate) use shape::{Fields, Shape};

use crate::wording::did_you_mean;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A kind of Istio, with its group and the versions that are served.
pub(crate) struct ApiKind {
    pub(crate) group: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) versions: &'static [&'static str],
}

/// The value of `loadBalancer.simple` that is deprecated.
pub(crate) const DEPRECATED_BALANCER: &str = "LEAST_CONN";

const NETWORKING: [&str; 3] = ["v1", "v1beta1", "v1alpha3"];
const SECURITY: [&str; 2] = ["v1", "v1beta1"];

/// The kinds that Istio serves, of 1.31.
pub(crate) const KINDS: [ApiKind; 16] = [
    networking("DestinationRule", &NETWORKING),
    networking("EnvoyFilter", &["v1alpha3"]),
    networking("Gateway", &NETWORKING),
    networking("ProxyConfig", &["v1beta1"]),
    networking("ServiceEntry", &NETWORKING),
    networking("Sidecar", &NETWORKING),
    networking("VirtualService", &NETWORKING),
    networking("WorkloadEntry", &NETWORKING),
    networking("WorkloadGroup", &NETWORKING),
    of("security.istio.io", "AuthorizationPolicy", &SECURITY),
    of("security.istio.io", "PeerAuthentication", &SECURITY),
    of("security.istio.io", "RequestAuthentication", &SECURITY),
    of("telemetry.istio.io", "Telemetry", &["v1", "v1alpha1"]),
    of("extensions.istio.io", "WasmPlugin", &["v1alpha1"]),
    of("extensions.istio.io", "TrafficExtension", &["v1alpha1"]),
    of("install.istio.io", "IstioOperator", &["v1alpha1"]),
];

const fn of(group: &'static str, kind: &'static str, versions: &'static [&'static str]) -> ApiKind {
    ApiKind { group, kind, versions }
}

const fn networking(kind: &'static str, versions: &'static [&'static str]) -> ApiKind {
    of("networking.istio.io", kind, versions)
}

/// What may stand below `spec` of each kind, from Istio's CRDs; that of `metadata` is from Kubernetes.
static SHAPES: LazyLock<BTreeMap<String, Shape>> = LazyLock::new(|| {
    let table = serde_json::from_str(include_str!("istio/fields.json")).unwrap_or_default();
    if let Shape::Fields(kinds) = Shape::read(table) { kinds.into_shapes() } else { BTreeMap::new() }
});

/// What may stand below `spec` of a kind; `None` if it is not known.
pub(crate) fn shape_of(kind: &str) -> Option<&'static Shape> {
    KINDS.iter().find(|known| known.kind == kind).and_then(|known| SHAPES.get(known.kind))
}

/// What may stand below `metadata`.
pub(crate) fn metadata() -> Option<&'static Shape> {
    SHAPES.get("metadata")
}

/// Whether an `apiVersion` has a group of Istio's, or nearly, or a kind that only Istio has is without a group.
pub(crate) fn is_of_istio(api_version: &str, kind: &str) -> bool {
    match api_version.split_once('/') {
        Some((group, _)) if group.contains('.') => {
            group == "istio.io" || did_you_mean(group, KINDS.iter().map(|kind| kind.group)).is_some()
        }
        _ => kind != "Gateway" && KINDS.iter().any(|known| known.kind == kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_but_that_of_a_file_has_fields() {
        for ApiKind { kind, .. } in KINDS.iter().filter(|kind| kind.kind != "IstioOperator") {
            assert!(matches!(shape_of(kind), Some(Shape::Fields(fields)) if fields.names().count() > 0), "{kind}");
        }
        assert!(matches!(metadata(), Some(Shape::Fields(_))) && shape_of("metadata").is_none());
    }

    #[test]
    fn a_group_is_istios_if_it_nearly_is() {
        for group in ["networking.istio.io/v1", "network.istio.io/v1", "networking.istio/v1", "networking.isto.io/v2"] {
            assert!(is_of_istio(group, "Gateway"), "{group}");
        }
        for group in ["v1", "networking/v1", "istio.io/v1", ""] {
            assert!(is_of_istio(group, "VirtualService"), "{group}");
        }
        for (group, kind) in [
            ("sail.operator.istio.io/v1", "Istio"),
            ("v1", "Service"),
            ("v1", "Gateway"),
            ("apps/v1", "Deployment"),
            ("networking.k8s.io/v1", "NetworkPolicy"),
            ("gateway.networking.k8s.io/v1", "Gateway"),
            ("gateway.solo.io/v1", "VirtualService"),
            ("appmesh.k8s.aws/v1beta2", "VirtualService"),
            ("networking.gke.io/v1", "ManagedCertificate"),
            ("extensions/v1beta1", "Ingress"),
        ] {
            assert!(!is_of_istio(group, kind), "{group}");
        }
    }
}
