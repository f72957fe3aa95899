//! The map as JSON, for programs and for the page.
//!
//! ```json
//! {
//!   "version": 1,
//!   "observed": {"asOf": "2027-01-31T12:00:00Z", "window": "1h", "warnings": []},
//!   "foldAbove": 40,
//!   "callers": [{"id": "c0", "kind": "account", "name": "shop/web", "namespace": "shop", "group": "shop", "alsoAs": ["c3"]}],
//!   "gateways": [{
//!     "id": "g0", "name": "egress-a/a", "namespace": "egress-a", "group": "egress-a", "hosts": ["a.internal"], "exposed": null,
//!     "stage": "enforce", "candidate": null, "shadowRules": [], "denies": [{"rule": "no-admin", "shadow": false, "what": "..."}],
//!     "upstream": "u0", "standbys": [], "file": "a/egress.yaml",
//!     "observed": {"health": "healthy", "pods": 2, "allowed": 10, "refused": {"denied": 1}, "diverted": 0}
//!   }],
//!   "upstreams": [{"id": "u0", "name": "a.example.com:443", "protocol": "HTTP/1.1, TLS", "group": "egress-a"}],
//!   "grants": [{
//!     "caller": "c0", "gateway": "g0", "rule": "readers", "shadow": false, "requests": ["GET /a"], "conditions": [],
//!     "place": "a/egress.yaml:9:11", "calls": 10, "callerCalls": null
//!   }]
//! }
//! ```
//!
//! `observed` is null without a Prometheus and without metrics pages, that of a gateway if nothing is known of it (`health` is
//! then `no data`). `candidate` has the `stage` of a candidate and at `canary` the `percent` of callers, as the lock says. `calls` are those of the whole rule, `callerCalls` those of the
//! caller to the gateway, counted while there is a candidate. Counts are whole numbers.

use serde_json::{Value, json};

use super::model::{Caller, Gateway, Grant, Map, Upstream};
use super::observed::Observation;
use super::rows::MOST_NODES;

/// The version of the schema.
const VERSION: u32 = 1;

pub(super) fn of_map(map: &Map, observation: Option<&Observation>) -> Value {
    let all = observation.map(|all| json!({"asOf": all.as_of, "window": all.window, "warnings": all.warnings}));
    json!({
        "version": VERSION,
        "observed": all,
        "foldAbove": MOST_NODES,
        "callers": map.callers.iter().enumerate().map(|(index, one)| caller(map, index, one)).collect::<Vec<_>>(),
        "gateways": map.gateways.iter().enumerate().map(|(at, one)| gateway(at, one, observation)).collect::<Vec<_>>(),
        "upstreams": map.upstreams.iter().enumerate().map(|(at, one)| upstream(at, one)).collect::<Vec<_>>(),
        "grants": map.grants.iter().map(|one| grant(map, one, observation)).collect::<Vec<_>>(),
    })
}

fn caller(map: &Map, index: usize, caller: &Caller) -> Value {
    let Caller { group, kind, name, namespace, principal: _ } = caller;
    let wider: Vec<_> = map.wider(caller).into_iter().map(|other| id('c', other)).collect();
    json!({
        "id": id('c', index), "kind": kind.word(), "name": name, "namespace": namespace, "group": group, "alsoAs": wider,
    })
}

fn gateway(index: usize, gateway: &Gateway, observation: Option<&Observation>) -> Value {
    let Gateway {
        group,
        namespace,
        route,
        hosts,
        exposed,
        stage,
        candidate,
        shadow_rules,
        denies,
        upstream,
        standbys,
        has_gate: _,
        file,
    } = gateway;
    let deny = |deny: &super::model::Deny| json!({"rule": deny.rule, "shadow": deny.is_shadow, "what": deny.what});
    json!({
        "id": id('g', index),
        "name": route,
        "namespace": namespace,
        "group": group,
        "hosts": hosts,
        "exposed": exposed,
        "stage": stage,
        "candidate": candidate.and_then(|standing| {
            Some(json!({"stage": standing.stage()?.as_str(), "percent": standing.percent()}))
        }),
        "shadowRules": shadow_rules,
        "denies": denies.iter().map(deny).collect::<Vec<_>>(),
        "upstream": id('u', *upstream),
        "standbys": standbys.iter().map(|standby| id('u', *standby)).collect::<Vec<_>>(),
        "file": file,
        "observed": observation.map(|all| observed(all, gateway)),
    })
}

fn observed(all: &Observation, gateway: &Gateway) -> Value {
    let health = all.health(gateway).word();
    let Some(observed) = all.of(gateway) else { return json!({"health": health}) };
    let refused: serde_json::Map<String, Value> =
        observed.refused.iter().map(|(reason, count)| (reason.clone(), whole(*count).into())).collect();
    json!({
        "health": health,
        "pods": observed.pods(),
        "allowed": whole(observed.allowed),
        "refused": refused,
        "diverted": whole(observed.diverted),
    })
}

fn upstream(index: usize, upstream: &Upstream) -> Value {
    let Upstream { group, name, protocol } = upstream;
    json!({"id": id('u', index), "name": name, "protocol": protocol, "group": group})
}

fn grant(map: &Map, grant: &Grant, observation: Option<&Observation>) -> Value {
    let Grant { caller, gateway, rule, is_shadow, requests, conditions, place } = grant;
    let of_gateway = map.gateways.get(*gateway).zip(observation).and_then(|(gateway, all)| all.of(gateway));
    let principal = map.callers.get(*caller).and_then(|caller| caller.principal.as_deref());
    json!({
        "caller": id('c', *caller),
        "gateway": id('g', *gateway),
        "rule": rule,
        "shadow": is_shadow,
        "requests": requests,
        "conditions": conditions,
        "place": place,
        "callerCalls": of_gateway.zip(principal).and_then(|(observed, one)| observed.calls_of(one)).map(whole),
        "calls": of_gateway.and_then(|observed| observed.calls(rule)).map(whole),
    })
}

fn id(column: char, index: usize) -> String {
    format!("{column}{index}")
}

/// An increase is estimated between samples, so it has fractions.
pub(super) fn whole(count: f64) -> u64 {
    count.round() as u64
}
