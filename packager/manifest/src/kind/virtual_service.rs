//! VirtualService: from caller to gateway, from gateway to upstream, and from the ingress gateway to this one.

use std::collections::BTreeMap;

use sallyport_core::answer::ROUTE_HEADER;
use sallyport_egress::model::Egress;
use sallyport_egress::model::deploy::{Expose, Retries};
use serde_json::{Value, json};

use super::gateway;
use crate::plan::{Plan, SERVICE_PORT};

/// In the mesh, to the gateway.
pub(crate) fn mesh(plan: &Plan<'_>) -> Value {
    object(
        plan,
        &plan.host_name(),
        json!({
            "hosts": [plan.egress.spec.host],
            "gateways": ["mesh"],
            "http": [{"name": "to-gateway", "route": to_gateway(plan), "retries": before_the_upstream()}],
        }),
    )
}

/// From the gateway to the upstream, under the upstream's own name. It is visible in the gateway's namespace only.
///
/// Only a request that the filter has marked is forwarded: if no filter runs, for whatever reason, nothing is. The mark of
/// a standby selects the route to that upstream, with the settings of its own gateway. An unmarked request matches a route
/// without a destination, because without any route Envoy would skip external authorization, which runs before the filter.
pub(crate) fn upstream(plan: &Plan<'_>) -> Value {
    let standbys = plan.standbys.iter().map(|standby| leg(&format!("to-standby-{}", standby.name), standby));
    let nowhere = json!({"name": "nowhere", "directResponse": {"status": 404}});
    object(
        plan,
        &plan.upstream_name(),
        json!({
            "hosts": [plan.egress.spec.host],
            "gateways": [format!("{}/{}", plan.egress.namespace, plan.gateway_name())],
            "exportTo": ["."],
            "http": standbys.chain([leg("to-upstream", plan.egress), nowhere]).collect::<Vec<_>>(),
        }),
    )
}

fn leg(name: &str, egress: &Egress) -> Value {
    let route = &egress.spec.route;
    let destination = json!({
        "host": egress.upstream_host(),
        "port": {"number": egress.spec.upstream.port},
    });
    json!({
        "name": name,
        "match": [{"headers": {ROUTE_HEADER: {"exact": egress.route()}}}],
        "rewrite": {"authority": egress.upstream_authority()},
        "headers": headers(egress),
        "route": [{"destination": destination}],
        "timeout": route.timeout,
        "retries": retries(route.retries.as_ref()),
    })
}

/// From the ingress gateway to this one, which knows the host only by its internal name.
pub(crate) fn ingress(plan: &Plan<'_>, expose: &Expose) -> Value {
    let namespace = expose.gateway.namespace();
    object(
        plan,
        &format!("{}-ingress", plan.egress.name),
        json!({
            "hosts": [expose.host],
            "gateways": [format!("{namespace}/{}", gateway::ingress_name(plan))],
            "http": [{
                "name": "to-gateway",
                "rewrite": {"authority": plan.egress.spec.host},
                "route": to_gateway(plan),
                "retries": before_the_upstream(),
            }],
        }),
    )
}

fn object(plan: &Plan<'_>, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": plan.metadata(name),
        "spec": spec,
    })
}

fn to_gateway(plan: &Plan<'_>) -> Value {
    json!([{"destination": {"host": plan.service_host(), "port": {"number": SERVICE_PORT}}}])
}

/// Headers that are removed from requests and from responses, and the credential for the upstream.
fn headers(egress: &Egress) -> Value {
    let from_responses = egress.spec.headers.removed_from_responses();
    json!({
        "request": {"remove": egress.spec.headers.removed_from_requests(), "set": credential(egress)},
        "response": (!from_responses.is_empty()).then(|| json!({"remove": from_responses})),
    })
}

/// The credential's header: its name and value.
fn credential(egress: &Egress) -> Option<BTreeMap<String, String>> {
    egress.credential_header().map(|(name, value)| BTreeMap::from([(name.to_owned(), value)]))
}

/// A gateway's pod can go away. A request is repeated only if no gateway has begun to process it; Istio's default would
/// also repeat requests that the upstream has refused.
fn before_the_upstream() -> Value {
    json!({"attempts": 2, "retryOn": "connect-failure,refused-stream"})
}

/// No retries is written as zero attempts, because Istio's default is two.
fn retries(retries: Option<&Retries>) -> Value {
    match retries {
        None => json!({"attempts": 0}),
        Some(Retries { attempts: 0, .. }) => json!({"attempts": 0}),
        Some(Retries { attempts, per_try_timeout, retry_on }) => {
            json!({"attempts": attempts, "perTryTimeout": per_try_timeout, "retryOn": retry_on})
        }
    }
}
