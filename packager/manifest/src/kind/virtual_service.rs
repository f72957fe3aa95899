//! VirtualService: from caller to gateway, from gateway to upstream, and from the ingress gateway to this one.

use std::collections::BTreeMap;

use sallyport_core::answer::ROUTE_HEADER;
use sallyport_egress::model::Egress;
use sallyport_egress::model::deploy::{Expose, PathRoute, Retries};
use sallyport_egress::value::duration::Duration;
use serde_json::{Value, json};

use super::gateway;
use crate::plan::{Entrance, Plan, SERVICE_PORT};

/// In the mesh, to the gateway.
pub(crate) fn mesh(plan: &Plan<'_>) -> Value {
    let entrances = plan.entrances();
    let route = |entrance: &Entrance| {
        let port = (entrances.len() > 1).then(|| json!([{"port": entrance.callers}]));
        json!({
            "name": entrance.name("to-gateway"),
            "match": port,
            "route": to_gateway(plan, entrance.service),
            "retries": before_the_upstream(),
        })
    };
    object(
        plan,
        &plan.host_name(),
        json!({
            "hosts": plan.hosts(),
            "gateways": ["mesh"],
            "http": entrances.iter().map(route).collect::<Vec<_>>(),
        }),
    )
}

/// From the gateway to the upstream, under the upstream's own name. It is visible in the gateway's namespace only.
///
/// Only a request that the filter has marked is forwarded: if no filter runs, for whatever reason, nothing is. The mark of
/// a standby selects the route to that upstream, with the settings of its own gateway. An unmarked request matches a route
/// without a destination, because without any route Envoy would skip external authorization, which runs before the filter.
pub(crate) fn upstream(plan: &Plan<'_>) -> Value {
    let entrances = plan.entrances();
    let mut http = Vec::new();
    for entrance in &entrances {
        let port = (entrances.len() > 1).then_some(entrance.service);
        for standby in &plan.standbys {
            let name = entrance.name(&format!("to-standby-{}", standby.name));
            http.extend(legs(&name, standby, entrance.callers, port));
        }
        http.extend(legs(&entrance.name("to-upstream"), plan.egress, entrance.callers, port));
    }
    http.push(json!({"name": "nowhere", "directResponse": {"status": 404}}));
    object(
        plan,
        &plan.upstream_name(),
        json!({
            "hosts": plan.hosts(),
            "gateways": [format!("{}/{}", plan.egress.namespace, plan.gateway_name())],
            "exportTo": ["."],
            "http": http,
        }),
    )
}

/// A path with an escape of a character that needs none (RFC 3986, 2.3), such as `%61` for `a`. Envoy decodes these where
/// the mesh's `pathNormalization` lets it.
const NEEDLESS_ESCAPE: &str = ".*%(?:2[DdEe]|3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa]|5[Ff]|7[Ee]).*";

/// The routes to one upstream, from a port of callers: its paths with routes of their own, and all others.
///
/// The filter decides by what a path means, and Envoy selects a route by how it is spelled. So where paths have routes of
/// their own, no path is served that means the same as another one: paths of routes consist of characters that have one
/// spelling, and what escapes these is refused. Otherwise `/%61` would go to the upstream as it is, where `/a` is rewritten.
fn legs(name: &str, egress: &Egress, callers_port: u16, gateway_port: Option<u16>) -> Vec<Value> {
    // Without a port behind it, the request goes nowhere; `check` reports such a standby.
    let Some(upstream_port) = egress.upstream_port(callers_port) else { return Vec::new() };
    let marked = |uri: Option<Value>| json!([{"headers": {ROUTE_HEADER: {"exact": egress.route()}}, "port": gateway_port, "uri": uri}]);
    let leg = |name: &str, uri: Option<Value>, rewritten: Option<&str>, timeout: Option<&Duration>| {
        json!({
            "name": name,
            "match": marked(uri),
            "rewrite": {"authority": egress.upstream_authority_at(upstream_port), "uri": rewritten},
            "headers": headers(egress),
            "route": [{"destination": {
                "host": egress.upstream_host(),
                "port": {"number": upstream_port},
            }}],
            "timeout": timeout.or(egress.spec.route.timeout.as_ref()),
            "retries": retries(egress.spec.route.retries.as_ref()),
        })
    };
    let mut legs = Vec::new();
    if !egress.spec.route.paths.is_empty() {
        legs.push(json!({
            "name": format!("{name}-other-spelling"),
            "match": marked(Some(json!({"regex": NEEDLESS_ESCAPE}))),
            "directResponse": {"status": 400},
        }));
    }
    for PathRoute { path, rewrite, timeout } in egress.spec.route.paths_by_rank() {
        let uri = path.prefix().map_or_else(|| json!({"exact": path}), |prefix| json!({"prefix": prefix}));
        let rewritten = rewrite.as_ref().map(|rewrite| rewrite.prefix().unwrap_or(rewrite));
        legs.push(leg(&format!("{name}:{path}"), Some(uri), rewritten, timeout.as_ref()));
    }
    legs.push(leg(name, None, None, None));
    legs
}

/// From the ingress gateway to this one, which knows the host only by its internal name.
pub(crate) fn ingress(plan: &Plan<'_>, expose: &Expose) -> Value {
    let namespace = expose.gateway.namespace();
    object(
        plan,
        &format!("{}-ingress", plan.egress.name),
        json!({
            "hosts": expose.hosts().collect::<Vec<_>>(),
            "gateways": [format!("{namespace}/{}", gateway::ingress_name(plan))],
            "http": [{
                "name": "to-gateway",
                "rewrite": {"authority": plan.egress.spec.host},
                "route": to_gateway(plan, SERVICE_PORT),
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

fn to_gateway(plan: &Plan<'_>, port: u16) -> Value {
    json!([{"destination": {"host": plan.service_host(), "port": {"number": port}}}])
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
