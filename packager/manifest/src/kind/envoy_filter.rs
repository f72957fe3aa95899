//! EnvoyFilter: fields of Envoy that Istio's own resources cannot set.
//!
//! # Design
//! A gateway treats every caller in the mesh as external, and so replaces its request id: the logs of caller and upstream
//! could not be joined. It forwards the caller's `:scheme` to an HTTP/2 upstream, which is `http` even if the upstream
//! speaks TLS, and strict servers reset such a stream. And the router adds the original host to the request after all
//! removals of headers. `ENABLE_HCM_INTERNAL_NETWORKS` would preserve the ids too, but for the whole mesh, and it would
//! trust every `x-envoy-` header of the callers.
//!
//! The patch relies only on filter names that have never changed. Istio 1.29, 1.30 and 1.31 merge it in the same way, and
//! a Mesh file that names another version is refused.

use sallyport_core::wire::Hygiene;
use sallyport_egress::model::Egress;
use sallyport_egress::model::outbound::RequestId;
use serde_json::{Map, Value, json};

use crate::plan::Plan;

pub(crate) fn envoy_filter(plan: &Plan<'_>) -> Value {
    let spec = &plan.egress.spec;
    let mut patches = vec![patch(plan, "NETWORK_FILTER", None, CONNECTION_MANAGER, connection_manager(plan.egress))];
    if spec.headers.hygiene != Hygiene::Off {
        let router = Map::from_iter([("suppress_envoy_headers".to_owned(), true.into())]);
        patches.push(patch(plan, "HTTP_FILTER", Some("envoy.filters.http.router"), ROUTER, router));
    }
    let mut spec = plan.attached(json!({"configPatches": patches}));
    // This kind names its selector differently.
    if let Some(spec) = spec.as_object_mut()
        && let Some(labels) = spec.remove("selector").as_mut().and_then(|selector| selector.get_mut("matchLabels"))
    {
        spec.insert("workloadSelector".to_owned(), json!({"labels": labels.take()}));
    }
    json!({
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        // `istioctl analyze` reports it for every object of this kind; the module's documentation answers it.
        "metadata": plan.metadata_without("IST0133", &plan.gateway_name()),
        "spec": spec,
    })
}

/// The fields of Envoy's HTTP connection manager that both the EnvoyFilter and `sallyport run` set: the caller's request id
/// is kept, and the scheme is that of the connection to the upstream.
#[must_use]
pub fn connection_manager(egress: &Egress) -> Map<String, Value> {
    let mut fields = Map::from_iter([("scheme_header_transformation".to_owned(), json!({"match_upstream": true}))]);
    if egress.spec.tracing.request_id == RequestId::Keep {
        fields.insert("preserve_external_request_id".to_owned(), true.into());
    }
    fields
}

const CONNECTION_MANAGER: &str = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER: &str = "envoy.extensions.filters.http.router.v3.Router";

/// Applies only to the port with mutual TLS: the request id of an unauthenticated client is not kept.
fn patch(
    plan: &Plan<'_>,
    apply_to: &str,
    sub_filter: Option<&str>,
    kind: &str,
    mut fields: Map<String, Value>,
) -> Value {
    let sub_filter = sub_filter.map(|name| json!({"name": name}));
    let filter = json!({"name": "envoy.filters.network.http_connection_manager", "subFilter": sub_filter});
    fields.insert("@type".to_owned(), format!("type.googleapis.com/{kind}").into());
    json!({
        "applyTo": apply_to,
        "match": {"context": "GATEWAY", "listener": {"portNumber": plan.pod_port(), "filterChain": {"filter": filter}}},
        "patch": {"operation": "MERGE", "value": {"typed_config": fields}},
    })
}
