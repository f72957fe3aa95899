//! EnvoyFilter: fields of Envoy that Istio's own resources cannot set.
//!
//! # Design
//! A gateway treats every caller in the mesh as external, and so replaces its request id: the logs of caller and upstream
//! could not be joined. It forwards the caller's `:scheme` to an HTTP/2 upstream, which is `http` even if the upstream
//! speaks TLS, and strict servers reset such a stream. And the router adds the original host to the request after all
//! removals of headers. `ENABLE_HCM_INTERNAL_NETWORKS` would preserve the ids too, but for the whole mesh, and it would
//! trust every `x-envoy-` header of the callers.
//!
//! A route that only the filter's mark opens would also be opened by a caller's mark while there is no filter. Envoy edits
//! headers before it looks a route up only in the connection manager, so there a mark that comes from outside is removed:
//! on every listener of the gateway, whatever it is for.
//!
//! Envoy adds headers of its own to each request that a filter sends, among them the pod's address. Only a filter of the
//! cluster sees them, so probes have a cluster of their own, and its settings do not concern callers.
//!
//! The patches rely only on filter names that have never changed. Istio 1.29, 1.30 and 1.31 merge it in the same way, and
//! a Mesh file that names another version is refused.

use sallyport_core::answer::ROUTE_HEADER;
use sallyport_core::wire::Hygiene;
use sallyport_egress::model::outbound::RequestId;
use sallyport_egress::model::{Egress, HttpVersion, TlsMode};
use serde_json::{Map, Value, json};

use crate::message::{extension, typed};
use crate::plan::Plan;

pub(crate) fn envoy_filter(plan: &Plan<'_>) -> Value {
    let spec = &plan.egress.spec;
    // The request id of a client without a certificate is not kept.
    let mut patches = vec![patch("NETWORK_FILTER", None, None, CONNECTION_MANAGER, without_mark())];
    for entrance in plan.entrances() {
        let port = Some(entrance.pod);
        patches.push(patch("NETWORK_FILTER", port, None, CONNECTION_MANAGER, of_callers(plan.egress)));
        if spec.headers.hygiene != Hygiene::Off {
            let router = Map::from_iter([("suppress_envoy_headers".to_owned(), true.into())]);
            patches.push(patch("HTTP_FILTER", port, Some("envoy.filters.http.router"), ROUTER, router));
        }
    }
    patches.extend(plan.upstreams().filter_map(probe_patch));
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

/// For the ports of callers: the caller's request id is kept, and the scheme is that of the connection to the upstream.
fn of_callers(egress: &Egress) -> Map<String, Value> {
    let mut fields = Map::from_iter([("scheme_header_transformation".to_owned(), json!({"match_upstream": true}))]);
    if egress.spec.tracing.request_id == RequestId::Keep {
        fields.insert("preserve_external_request_id".to_owned(), true.into());
    }
    fields
}

/// For every port: no mark comes from outside. This runs before Envoy looks for a route.
fn without_mark() -> Map<String, Value> {
    let mutation = extension(
        "envoy.http.early_header_mutation.header_mutation",
        "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
        json!({"mutations": [{"remove": ROUTE_HEADER}]}),
    );
    Map::from_iter([("early_header_mutation_extensions".to_owned(), json!([mutation]))])
}

/// What Envoy adds to a request that a filter sends.
const ADDED_TO_PROBES: [&str; 3] = ["x-envoy-internal", "x-envoy-expected-rq-timeout-ms", "x-forwarded-for"];

/// The HTTP settings of the cluster that probes of this upstream are sent to, by the name of Envoy's extension: the
/// version that callers' requests have, and no header but the probe's own. They replace those that istiod makes.
fn probe_protocol(egress: &Egress) -> Map<String, Value> {
    let upstream = &egress.spec.upstream;
    let version = match upstream.protocol {
        HttpVersion::Http1 => json!({"http_protocol_options": {}}),
        HttpVersion::Http2 => json!({"http2_protocol_options": {}}),
    };
    let removed: Vec<Value> = ADDED_TO_PROBES.iter().map(|name| json!({"remove": name})).collect();
    let mut options = json!({
        "explicit_http_config": version,
        "http_filters": [
            extension(
                "envoy.filters.http.header_mutation",
                "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
                json!({"mutations": {"request_mutations": removed}}),
            ),
            extension(
                "envoy.filters.http.upstream_codec",
                "envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec",
                json!({}),
            ),
        ],
    });
    // As istiod has it where no server name is known.
    if upstream.tls.mode != TlsMode::None
        && upstream.tls.sni.is_none()
        && let Some(options) = options.as_object_mut()
    {
        options.insert("upstream_http_protocol_options".to_owned(), json!({"auto_sni": true}));
    }
    Map::from_iter([(HTTP_OPTIONS.to_owned(), typed(HTTP_OPTIONS, options))])
}

fn probe_patch(egress: &Egress) -> Option<Value> {
    let name = egress.cluster(Some(egress.probe_subset()?));
    Some(json!({
        "applyTo": "CLUSTER",
        "match": {"context": "GATEWAY", "cluster": {"name": name}},
        "patch": {"operation": "MERGE", "value": {"typed_extension_protocol_options": probe_protocol(egress)}},
    }))
}

const CONNECTION_MANAGER: &str = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER: &str = "envoy.extensions.filters.http.router.v3.Router";
const HTTP_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// A change of the connection manager or of one of its filters: on the listener of this port, or on each.
fn patch(apply_to: &str, port: Option<u16>, sub_filter: Option<&str>, kind: &str, fields: Map<String, Value>) -> Value {
    let sub_filter = sub_filter.map(|name| json!({"name": name}));
    let filter = json!({"name": "envoy.filters.network.http_connection_manager", "subFilter": sub_filter});
    json!({
        "applyTo": apply_to,
        "match": {"context": "GATEWAY", "listener": {"portNumber": port, "filterChain": {"filter": filter}}},
        "patch": {"operation": "MERGE", "value": {"typed_config": typed(kind, Value::Object(fields))}},
    })
}
