//! OPA beside the proxy: its container, how Istio calls it, and the policy by which it must agree to each request.

use sallyport_egress::model::deploy::Opa;
use sallyport_egress::model::{OWN_PROVIDERS, READINESS_PORT};
use serde_json::{Value, json};

use super::security;
use crate::plan::Plan;

const PORT: u16 = 9191;
/// Where the kubelet checks that the policy is loaded.
pub(crate) const PROBE_PORT: u16 = 8282;
pub(crate) const VOLUME: &str = "opa-policy";

/// The provider of this gateway in the mesh's configuration. Istio accepts lower-case letters, digits and hyphens, at most
/// 63, and denies every request if a provider has another name.
pub(crate) fn provider(plan: &Plan<'_>) -> String {
    format!("{OWN_PROVIDERS}opa-{}-{}", plan.egress.namespace, plan.egress.name)
}

fn host(plan: &Plan<'_>) -> String {
    format!("opa.{}.{}.sallyport.internal", plan.egress.name, plan.egress.namespace)
}

/// Decisions are served on loopback only: a client that could query them could learn the policy.
pub(crate) fn container(opa: &Opa) -> Value {
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

pub(crate) fn volume(opa: &Opa) -> Value {
    json!({"name": VOLUME, "configMap": {"name": opa.policy_config_map}})
}

/// Istio refers to a provider by the name of a service: this one is the loopback address of each pod.
pub(crate) fn service_entry(plan: &Plan<'_>) -> Value {
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

/// OPA is asked about every request except the kubelet's probes, which have a port of their own. Both must allow a request:
/// Istio asks OPA first, and the filter decides after it.
pub(crate) fn authorization_policy(plan: &Plan<'_>) -> Value {
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

/// For the mesh's configuration. The namespace before the host excludes a service of that name in another namespace.
pub(crate) fn extension_provider(plan: &Plan<'_>) -> Value {
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
