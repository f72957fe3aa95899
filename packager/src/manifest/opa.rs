//! OPA beside the proxy: its container, how Istio calls it, and the policy that makes it a second decider.

use sallyport_egress::model::READINESS_PORT;
use sallyport_egress::model::deploy::Opa;
use serde_json::{Value, json};

use super::plan::Plan;
use super::security;

const PORT: u16 = 9191;
/// Where the kubelet asks whether the policy is loaded.
pub(super) const PROBE_PORT: u16 = 8282;
pub(super) const VOLUME: &str = "opa-policy";

/// The provider of this gateway in the mesh's configuration. Istio takes small letters, digits and hyphens, 63 at most,
/// and makes every request a refusal where a provider has another name.
pub(super) fn provider(plan: &Plan<'_>) -> String {
    format!("sallyport-opa-{}-{}", plan.egress.namespace, plan.egress.name)
}

fn host(plan: &Plan<'_>) -> String {
    format!("opa.{}.{}.sallyport.internal", plan.egress.name, plan.egress.namespace)
}

/// Decisions are asked for on loopback only: whoever could ask from elsewhere could learn the policy.
pub(super) fn container(opa: &Opa) -> Value {
    let health = json!({"path": "/health?plugins", "port": PROBE_PORT});
    json!({
        "name": "opa",
        "image": opa.image,
        "args": [
            "run", "--server",
            "--addr=127.0.0.1:8181",
            format!("--diagnostic-addr=0.0.0.0:{PROBE_PORT}"),
            format!("--set=plugins.envoy_ext_authz_grpc.addr=127.0.0.1:{PORT}"),
            format!("--set=plugins.envoy_ext_authz_grpc.path={}", opa.path),
            "--set=decision_logs.console=true",
            "--ignore=.*",
            "/policy",
        ],
        "readinessProbe": {"httpGet": health},
        "livenessProbe": {"httpGet": {"path": "/health", "port": PROBE_PORT}},
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": security::of_container(),
        "volumeMounts": [{"name": VOLUME, "mountPath": "/policy", "readOnly": true}],
    })
}

pub(super) fn volume(opa: &Opa) -> Value {
    json!({"name": VOLUME, "configMap": {"name": opa.policy_config_map}})
}

/// Istio calls a provider by the name of a service: this one is each pod's own loopback.
pub(super) fn service_entry(plan: &Plan<'_>) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": plan.metadata(&format!("{}-opa", plan.egress.name)),
        "spec": {
            "hosts": [host(plan)],
            "exportTo": ["."],
            "location": "MESH_INTERNAL",
            "resolution": "STATIC",
            "endpoints": [{"address": "127.0.0.1"}],
            "ports": [{"number": PORT, "name": "grpc", "protocol": "GRPC"}],
        },
    })
}

/// Every request is asked about, but not the kubelet's, which come to a port of their own and are no caller's. Both
/// deciders must agree: Istio asks this one first, and the filter decides after it.
pub(super) fn authorization_policy(plan: &Plan<'_>) -> Value {
    let of_callers = json!({"to": [{"operation": {"notPorts": [READINESS_PORT.to_string()]}}]});
    json!({
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": plan.metadata(&plan.gateway_name()),
        "spec": plan.attached(json!({
            "action": "CUSTOM", "provider": {"name": provider(plan)}, "rules": [of_callers],
        })),
    })
}

/// For the mesh's configuration. The namespace before the host keeps another's service of that name out.
pub(super) fn extension_provider(plan: &Plan<'_>) -> Value {
    json!({
        "name": provider(plan),
        "envoyExtAuthzGrpc": {
            "service": format!("{}/{}", plan.egress.namespace, host(plan)),
            "port": PORT,
            "timeout": "1s",
            "failOpen": false,
        },
    })
}
