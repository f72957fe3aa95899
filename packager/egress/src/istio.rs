//! The kinds and fields of Istio's API.

use crate::wording::did_you_mean;
use serde_json::{Map, Value};
use std::sync::LazyLock;

/// A kind of Istio, with its group and the versions that are served.
pub(crate) struct ApiKind {
    pub(crate) group: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) versions: &'static [&'static str],
}

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

/// The fields below `spec` of each kind, from Istio's CRDs: a mapping has its fields, and `null` is anything.
static FIELDS: LazyLock<Map<String, Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("istio/fields.json")).unwrap_or_default());

/// The fields below `spec` of a kind; `None` if they are not known.
pub(crate) fn fields_of(kind: &str) -> Option<&'static Map<String, Value>> {
    FIELDS.get(kind)?.as_object()
}

/// Whether the group in an `apiVersion` is one of Istio's, or nearly.
pub(crate) fn is_of_istio(api_version: &str) -> bool {
    let Some((group, _)) = api_version.split_once('/') else { return false };
    group.ends_with("istio.io") && did_you_mean(group, KINDS.iter().map(|kind| kind.group)).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_but_that_of_a_file_has_fields() {
        for ApiKind { kind, .. } in KINDS.iter().filter(|kind| kind.kind != "IstioOperator") {
            assert!(fields_of(kind).is_some_and(|fields| !fields.is_empty()), "{kind}");
        }
        assert!(is_of_istio("networking.istio.io/v1") && is_of_istio("network.istio.io/v1"));
        assert!(!is_of_istio("sail.operator.istio.io/v1") && !is_of_istio("v1") && !is_of_istio("apps/v1"));
    }
}
