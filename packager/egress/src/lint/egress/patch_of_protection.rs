//! A patch changes something by which the policy holds.
//!
//! The filter's resource, mutual TLS, the network policy, the route and the upstream's ServiceEntry enforce
//! the rules: without one of them a caller can bypass the filter or arrive without an identity. The
//! EnvoyFilter removes headers that the upstream must not see, the DestinationRules have the TLS settings
//! of callers and of the upstream, and some labels and fields decide what runs in the gateway's pods.
//! Patches are applied last, and little checks their result.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! patches:
//! - {kind: NetworkPolicy, merge: {spec: {ingress: []}}}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! patches:
//! - {kind: Deployment, merge: {metadata: {labels: {team: payments}}}}
//! ```
//!
//! Fix: Patch something else of the pods or the Service, or use a field of the Egress file. If the patch
//! is correct, keep it: this is only a warning.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::{Input, Place};
use crate::model::deploy::{EVERY_KIND, OperationKind, Patch};
use crate::value::names::JsonPointer;
use crate::wording::quoted;
use serde_json::Value;

pub(super) const LINT: Lint =
    Lint { code: Code::PatchOfProtection, run, source: include_str!("patch_of_protection.rs") };

/// What the policy relies on: the kind, and places in it as JSON pointers, each with all that is below it.
const PROTECTIVE: [(&str, &[&str]); 19] = [
    ("WasmPlugin", &["/spec"]),
    ("TrafficExtension", &["/spec"]),
    ("PeerAuthentication", &["/spec"]),
    ("RequestAuthentication", &["/spec"]),
    ("AuthorizationPolicy", &["/spec"]),
    ("NetworkPolicy", &["/spec"]),
    ("ServiceEntry", &["/spec"]),
    ("VirtualService", &["/spec"]),
    ("HTTPRoute", &["/spec"]),
    ("EnvoyFilter", &["/spec"]),
    // Istio's, and that of the Gateway API.
    ("Gateway", &["/spec"]),
    // TLS to the gateway and to the upstream, and what it is for.
    (
        "DestinationRule",
        &[
            "/spec/host",
            "/spec/exportTo",
            "/spec/workloadSelector",
            "/spec/subsets",
            "/spec/trafficPolicy/tls",
            "/spec/trafficPolicy/portLevelSettings",
            "/spec/trafficPolicy/tunnel",
            "/spec/trafficPolicy/proxyProtocol",
        ],
    ),
    ("Deployment", POD),
    // Istio merges its text into the Deployment.
    ("ConfigMap", &["/data"]),
    (
        "IstioOperator",
        &[
            "/spec/hub",
            "/spec/tag",
            "/spec/profile",
            "/spec/revision",
            "/spec/values",
            "/spec/meshConfig",
            "/spec/components/egressGateways/0/k8s/overlays",
        ],
    ),
    ("Service", &["/spec/type", "/spec/externalName", "/spec/externalIPs", "/spec/ports"]),
    ("HorizontalPodAutoscaler", &["/spec/scaleTargetRef"]),
    // Without the log nobody sees what shadow mode would refuse.
    ("Telemetry", &["/spec"]),
    ("Namespace", &["/metadata/labels/istio-injection", "/metadata/labels/pod-security.kubernetes.io~1enforce"]),
];
/// What runs in a gateway's pods, as whom, and whom it believes. The proxy is the first container, OPA the second.
const POD: &[&str] = &[
    "/spec/template/spec/serviceAccountName",
    "/spec/template/spec/serviceAccount",
    "/spec/template/spec/automountServiceAccountToken",
    "/spec/template/spec/hostNetwork",
    "/spec/template/spec/hostPID",
    "/spec/template/spec/hostAliases",
    "/spec/template/spec/dnsPolicy",
    "/spec/template/spec/dnsConfig",
    "/spec/template/spec/shareProcessNamespace",
    "/spec/template/spec/securityContext",
    "/spec/template/spec/volumes",
    "/spec/template/spec/containers/0/image",
    "/spec/template/spec/containers/0/command",
    "/spec/template/spec/containers/0/args",
    "/spec/template/spec/containers/0/envFrom",
    "/spec/template/spec/containers/0/volumeMounts",
    "/spec/template/spec/containers/0/securityContext",
    "/spec/template/spec/containers/1",
];
/// What is added to a list of these takes nothing away.
const ADDED: &str = "/spec/template/spec/volumes/-";
/// How the names begin of labels and annotations, of any object, that decide what Istio and Kubernetes make of it; and those
/// of the variables that decide what the proxy believes.
const NAMES: [&str; 15] = [
    "sidecar.istio.io/",
    "inject.istio.io/",
    "traffic.sidecar.istio.io/",
    "ambient.istio.io/",
    "networking.istio.io/",
    "istio.io/",
    "istio-injection",
    "pod-security.kubernetes.io/",
    "PROXY_CONFIG",
    "TRUST_DOMAIN",
    "CA_",
    "XDS_",
    "PILOT_",
    "ISTIO_",
    "WASM_",
];

fn run(input: &Input<'_>) -> Vec<Finding> {
    let opens = |(patch, place): (&Patch, Place<'_>)| {
        let path = touched(patch).into_iter().find(|path| is_protective(&patch.kind, path))?;
        let whose = match patch.kind.as_str() {
            EVERY_KIND => "every manifest".to_owned(),
            kind => quoted(kind),
        };
        let help = "use a field of the Egress file instead, or check what the patch opens";
        let message = match path.as_str() {
            "" => format!("the patch changes all of {whose}, which the policy relies on"),
            path => format!("the patch changes {} of {whose}, which the policy relies on", quoted(path)),
        };
        Some(place.finding(message, help))
    };
    input.patches().filter_map(opens).collect()
}

/// Whether the policy relies on a place of a kind of manifest. To change what is above it may change it, too.
fn is_protective(kind: &str, path: &str) -> bool {
    let is_at = |place: &str| {
        let is_below = |path: &str, place: &str| path.strip_prefix(place).is_some_and(|rest| rest.starts_with('/'));
        path == place || is_below(path, place) || is_below(place, path)
    };
    let of_kind = PROTECTIVE.iter().filter(|(known, _)| kind == EVERY_KIND || *known == kind);
    let is_named = path.split('/').any(|name| {
        let name = name.replace("~1", "/");
        NAMES.iter().any(|known| name.starts_with(known))
    });
    is_named || !path.starts_with(ADDED) && of_kind.flat_map(|(_, places)| *places).any(|place| is_at(place))
}

/// The places that a patch writes or removes, as JSON pointers.
fn touched(patch: &Patch) -> Vec<String> {
    let mut paths = Vec::new();
    if let Some(merge) = &patch.merge {
        leaves(merge, String::new(), &mut paths);
    }
    for operation in patch.json.iter().flatten() {
        let path = operation.path.as_str().to_owned();
        match operation.op {
            OperationKind::Test => continue,
            OperationKind::Move => paths.extend(operation.from.as_ref().map(|from| from.as_str().to_owned())),
            OperationKind::Add | OperationKind::Replace => {
                if let Some(value) = &operation.value {
                    leaves(value, path.clone(), &mut paths);
                }
            }
            OperationKind::Remove | OperationKind::Copy => {}
        }
        paths.push(path);
    }
    paths
}

/// The places of all values that are not mappings, and those of variables by their names.
fn leaves(value: &Value, path: String, paths: &mut Vec<String>) {
    let listed = value.as_array().into_iter().flatten().chain([value]);
    let names = listed.filter_map(|item| item.get("name")?.as_str()).filter(|_| path.contains("/env"));
    paths.extend(names.map(|name| format!("{path}/{name}")));
    match value.as_object() {
        Some(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                leaves(value, format!("{path}/{}", JsonPointer::token(name)), paths);
            }
        }
        _ => paths.push(path),
    }
}
