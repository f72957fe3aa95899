//! EnvoyFilter: the fields of Envoy that Istio's own resources have no word for.
//!
//! # Design
//! A gateway makes a new request id, because to it every caller of the mesh is outside, so the caller's log and the
//! upstream's could not be joined. It sends the caller's `:scheme` on to an HTTP/2 upstream, `http` to one that speaks TLS,
//! and strict servers reset such a stream. And the router tells the upstream the host that was asked for, after every
//! removal of headers. `ENABLE_HCM_INTERNAL_NETWORKS` would bring the ids back too, for the whole mesh and with trust in
//! every `x-envoy-` header of its callers. Their filters have the names that they always had. 1.29, 1.30 and 1.31 merge
//! such a patch in the same way, and a Mesh file that names another version is refused.

use sallyport_egress::model::Egress;
use sallyport_egress::model::outbound::{Hygiene, RequestId};
use serde_json::{Value, json};

use super::plan::Plan;

pub(super) fn envoy_filter(plan: &Plan<'_>) -> Value {
    let spec = &plan.egress.spec;
    let mut patches = vec![patch(plan, "NETWORK_FILTER", None, CONNECTION_MANAGER, connection_manager(plan.egress))];
    if spec.headers.hygiene != Hygiene::Off {
        let router = json!({"suppress_envoy_headers": true});
        patches.push(patch(plan, "HTTP_FILTER", Some("envoy.filters.http.router"), ROUTER, router));
    }
    let mut spec = plan.attached(json!({"configPatches": patches}));
    // This kind has another word for its selector.
    if let Some(spec) = spec.as_object_mut()
        && let Some(selector) = spec.remove("selector")
    {
        spec.insert("workloadSelector".to_owned(), json!({"labels": selector["matchLabels"]}));
    }
    json!({
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        // It is said of every object of this kind, and answered above.
        "metadata": plan.metadata_without("IST0133", &plan.gateway_name()),
        "spec": spec,
    })
}

/// What is set in the connection manager, here and in `sallyport run`: the caller's request id stays, and the scheme is that
/// of the connection to the upstream.
pub(crate) fn connection_manager(egress: &Egress) -> Value {
    let mut fields = json!({"scheme_header_transformation": {"match_upstream": true}});
    if egress.spec.tracing.request_id == RequestId::Keep {
        fields["preserve_external_request_id"] = true.into();
    }
    fields
}

const CONNECTION_MANAGER: &str = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER: &str = "envoy.extensions.filters.http.router.v3.Router";

/// On the port where callers show who they are: from nobody else is an id taken.
fn patch(plan: &Plan<'_>, apply_to: &str, sub_filter: Option<&str>, kind: &str, mut fields: Value) -> Value {
    let sub_filter = sub_filter.map(|name| json!({"name": name}));
    let filter = json!({"name": "envoy.filters.network.http_connection_manager", "subFilter": sub_filter});
    fields["@type"] = format!("type.googleapis.com/{kind}").into();
    json!({
        "applyTo": apply_to,
        "match": {"context": "GATEWAY", "listener": {"portNumber": plan.pod_port(), "filterChain": {"filter": filter}}},
        "patch": {"operation": "MERGE", "value": {"typed_config": fields}},
    })
}
