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
//!     "stage": "enforce", "stages": ["enforce", "candidate: 25 %"], "shadowRules": [],
//!     "candidate": {"stage": "canary", "percent": 25, "adds": ["exports"], "changes": [], "removes": []},
//!     "denies": [{"rule": "no-admin", "shadow": false, "change": null, "inForce": 100, "what": "..."}],
//!     "upstream": "u0", "standbys": [], "file": "a/egress.yaml",
//!     "observed": {"health": "healthy", "pods": 2, "allowed": 10, "refused": {"denied": 1}, "diverted": 0}
//!   }],
//!   "upstreams": [{"id": "u0", "name": "a.example.com:443", "protocol": "HTTP/1.1, TLS", "group": "egress-a"}],
//!   "grants": [{
//!     "caller": "c0", "gateway": "g0", "rule": "readers", "shadow": false, "change": null, "inForce": 100,
//!     "requests": ["GET /a"], "conditions": [], "place": "a/egress.yaml:9:11", "calls": 10, "callerCalls": null
//!   }]
//! }
//! ```
//!
//! `observed` is null without a Prometheus and without metrics pages, that of a gateway if nothing is known of it (`health` is
//! then `no data`). `stages` are words for people. `candidate`: null if there is none; its `stage` is `proposed` if no gateway has it; `adds`, `changes` and
//! `removes` are ids of rules, null if its file was not read. `change` is `added` or `removed` by the candidate, null if it leaves
//! it as it is; `inForce` is the share of the callers for which it is in force, in percent. `calls` are those of the whole rule,
//! `callerCalls` those of the caller to the gateway, counted while there is a candidate. Counts are whole numbers.

use serde_json::{Value, json};

use super::candidate::{Candidate, Change};
use super::model::{Caller, Deny, Gateway, Grant, Map, Upstream};
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
    let deny = |deny: &Deny| {
        let Deny { rule, is_shadow, change, what } = deny;
        let in_force = gateway.in_force(*change, *is_shadow);
        json!({
            "rule": rule, "shadow": is_shadow, "change": change.map(Change::word), "inForce": in_force, "what": what,
        })
    };
    json!({
        "id": id('g', index),
        "name": route,
        "namespace": namespace,
        "group": group,
        "hosts": hosts,
        "exposed": exposed,
        "stage": stage,
        "stages": gateway.stages(),
        "candidate": candidate.as_ref().map(of_candidate),
        "shadowRules": shadow_rules,
        "denies": denies.iter().map(deny).collect::<Vec<_>>(),
        "upstream": id('u', *upstream),
        "standbys": standbys.iter().map(|standby| id('u', *standby)).collect::<Vec<_>>(),
        "file": file,
        "observed": observation.map(|all| observed(all, gateway)),
    })
}

fn of_candidate(candidate: &Candidate) -> Value {
    let rules = candidate.rules.as_ref();
    json!({
        "stage": candidate.stage(),
        "percent": candidate.standing.percent(),
        "adds": rules.map(|rules| &rules.adds),
        "changes": rules.map(|rules| &rules.changes),
        "removes": rules.map(|rules| &rules.removes),
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
    let Grant { caller, gateway, rule, is_shadow, change, requests, conditions, place } = grant;
    let in_force = map.in_force(grant);
    let of_gateway = map.gateways.get(*gateway).zip(observation).and_then(|(gateway, all)| all.of(gateway));
    let principal = map.callers.get(*caller).and_then(|caller| caller.principal.as_deref());
    json!({
        "caller": id('c', *caller),
        "gateway": id('g', *gateway),
        "rule": rule,
        "shadow": is_shadow,
        "change": change.map(Change::word),
        "inForce": in_force,
        "requests": requests,
        "conditions": conditions,
        "place": place,
        "callerCalls": of_gateway.zip(principal).and_then(|(observed, one)| observed.calls_of(one)).map(whole),
        // By its id, a rule that nobody has yet may be another one.
        "calls": of_gateway.filter(|_| *change != Some(Change::Added) || in_force > 0).and_then(|observed| observed.calls(rule)).map(whole),
    })
}

fn id(column: char, index: usize) -> String {
    format!("{column}{index}")
}

/// An increase is estimated between samples, so it has fractions.
pub(super) fn whole(count: f64) -> u64 {
    count.round() as u64
}
