//! VirtualService: caller to gateway, gateway to upstream, and from outside to the gateway.

use std::collections::BTreeMap;

use sallyport_core::answer::ROUTE_HEADER;
use sallyport_egress::model::Egress;
use sallyport_egress::model::deploy::{Expose, Retries};
use serde_json::{Value, json};

use super::gateway;
use super::plan::{Plan, SERVICE_PORT};

/// In the mesh: to the gateway.
pub(super) fn mesh(plan: &Plan<'_>) -> Value {
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

/// At the gateway: to the upstream, under its own name. Only the gateway's namespace sees it.
///
/// Only what the filter has marked is sent on: where no filter runs nothing is, whatever the reason. The mark of a standby
/// leads to that one's upstream, as its own gateway would ask it. Until it is marked a request has a route that leads
/// nowhere, for without any Envoy skips external authorization, which comes before.
pub(super) fn upstream(plan: &Plan<'_>) -> Value {
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
        "subset": egress.traffic_subset(),
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

/// At the ingress gateway: to this one, which knows the host under its internal name only.
pub(super) fn ingress(plan: &Plan<'_>, expose: &Expose) -> Value {
    let (namespace, _) = gateway::pods(expose);
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

/// What does not leave the mesh, what of the upstream does not come in, and what the upstream is shown.
fn headers(egress: &Egress) -> Value {
    let from_responses = egress.spec.removed_from_responses();
    json!({
        "request": {"remove": egress.spec.removed_from_requests(), "set": credential(egress)},
        "response": (!from_responses.is_empty()).then(|| json!({"remove": from_responses})),
    })
}

/// By name and value.
fn credential(egress: &Egress) -> Option<BTreeMap<String, String>> {
    egress.credential_header().map(|(name, value)| BTreeMap::from([(name.to_owned(), value)]))
}

/// A gateway's pod can go away. Asked again is only where no gateway has begun to answer; Istio's default would also
/// repeat what the upstream refused.
fn before_the_upstream() -> Value {
    json!({"attempts": 2, "retryOn": "connect-failure,refused-stream"})
}

/// None is written out: Istio's default is two.
fn retries(retries: Option<&Retries>) -> Value {
    match retries {
        None => json!({"attempts": 0}),
        Some(Retries { attempts: 0, .. }) => json!({"attempts": 0}),
        Some(Retries { attempts, per_try_timeout, retry_on }) => {
            json!({"attempts": attempts, "perTryTimeout": per_try_timeout, "retryOn": retry_on})
        }
    }
}
