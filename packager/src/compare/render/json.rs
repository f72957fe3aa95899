//! For programs: one JSON object with a versioned schema.
//!
//! ```json
//! {
//!   "version": 1,
//!   "gateways": [{
//!     "name": "legacy/orders",
//!     "status": "kept",
//!     "regions": [{
//!       "id": "3f2a9c1d0b7e",
//!       "change": "widened",
//!       "view": "inForce",
//!       "old": {"verdict": "deny", "rule": null, "reason": "not_allowed"},
//!       "new": {"verdict": "allow", "rule": "readers", "reason": null},
//!       "rule": {"id": "readers", "action": "ALLOW", "to": [{"operation": {"paths": ["/health"]}}]},
//!       "of": "new",
//!       "ambiguity": null,
//!       "fails": null,
//!       "and": null,
//!       "anyOf": [],
//!       "except": [{"rule": "admin", "of": "both"}],
//!       "others": [],
//!       "rules": [{
//!         "rule": "readers",
//!         "old": {"file": "old.yaml", "line": 12, "column": 11, "shadow": false},
//!         "new": {"file": "new.yaml", "line": 14, "column": 11, "shadow": false}
//!       }],
//!       "witness": {
//!         "caller": "shop/web",
//!         "through": null,
//!         "identity": {
//!           "principal": "cluster.local/ns/shop/sa/web",
//!           "trustDomain": "cluster.local",
//!           "namespace": "shop",
//!           "serviceAccount": "web"
//!         },
//!         "token": {"iss": "https://idp"},
//!         "metadata": {"envoy.filters.http.ext_authz": {"team": "a"}},
//!         "address": "127.0.0.1",
//!         "gateway": {"address": "127.0.0.1", "port": 8443},
//!         "sni": "orders.internal",
//!         "tls": "TLSv1.3",
//!         "method": "GET",
//!         "host": "orders.internal",
//!         "path": "/health",
//!         "headers": [["x-role", "a"]],
//!         "text": "GET /health --as shop/web --claims '{\"iss\":\"https://idp\"}' -H 'x-role: a'",
//!         "explain": "sallyport explain egress.yaml GET /health --as shop/web --claims '{\"iss\":\"https://idp\"}' -H 'x-role: a'"
//!       }
//!     }],
//!     "undecided": [],
//!     "fields": [{"path": "spec.gateway.replicas", "old": "2", "new": "3"}]
//!   }],
//!   "mesh": [{"path": "spec.accessLog", "old": null, "new": "json"}],
//!   "objects": [{"namespace": "legacy", "kind": "Deployment", "name": "orders", "change": "changed", "effect": "taken live"}],
//!   "summary": {"widened": 1, "narrowed": 0, "reason": 0, "shadow": 0, "audit": 0}
//! }
//! ```
//!
//! - `status`: `added`, `removed` or `kept`.
//! - `view`: `inForce`, `ifEnforced` (what shadow mode reports) or `audit:RULE`.
//! - `rule`: the part of a rule that matches these requests, in the words of the Egress file; null if no rule does. `of` says
//!   whose rule: `old` or `new`. `ambiguity`, in place of a rule: the kind, and the `name` that has a twin.
//! - `fails`: a field of the rule as the other policy has it, which matches none of these requests; null if that is said by
//!   the rest.
//! - `and`: the part of the other policy's rule that decides them there; null if it matches all that `rule` does.
//! - `anyOf`: in its place, the ids of the other policy's rules of which one decides them, if these are more than four.
//! - `except`: what keeps some of these requests out: a `rule` of `both` policies, of the `old` or the `new` one; or
//!   `"inForce"`, requests that are in regions of that view. What either policy refuses as ambiguous is always out.
//! - `others`: decisions for some of these requests beside `old` (if `of` is `new`) or `new`.
//! - `rules`: the rules that decide these requests in either policy, with their places; null on a side that has no such rule.
//! - `witness`: a request, with its connection as the gateway sees it. `through` is the forwarder that sends it for the caller,
//!   `identity` is null without a certificate of one name, and what is null is not there. `text` has the arguments of
//!   `sallyport explain` behind its file, and `explain` the whole command, as a line of a shell; null if no line can have the request.
//! - `undecided`: requests, as `witness`, about which search and engine disagree.
//! - `old` and `new` of a field: null if it is not set.
//!
//! Version 1 may get new fields; its fields are never renamed, removed or given another meaning.

use sallyport_egress::meaning::{Exception, Region, Side, Source, View};
use sallyport_egress::scenario::Effect;
use serde_json::{Value, json};

use super::words::{CHANGES, kind};
use crate::compare::model::{Comparison, FieldChange, Gateway, Status};
use crate::compare::places::Written;

/// The version of the schema.
const VERSION: u32 = 1;

pub(super) fn render(comparison: &Comparison) -> String {
    let counts: serde_json::Map<String, Value> =
        CHANGES.iter().map(|change| (kind(*change).to_owned(), json!(comparison.count(*change)))).collect();
    let objects: Vec<Value> = comparison
        .objects
        .iter()
        .map(|object| {
            json!({
                "namespace": object.namespace,
                "kind": object.kind,
                "name": object.name,
                "change": object.what.word(),
                "effect": object.effect,
            })
        })
        .collect();
    let root = json!({
        "version": VERSION,
        "gateways": comparison.gateways.iter().map(gateway).collect::<Vec<_>>(),
        "mesh": comparison.mesh.iter().map(field).collect::<Vec<_>>(),
        "objects": objects,
        "summary": counts,
    });
    format!("{root:#}\n")
}

fn gateway(gateway: &Gateway) -> Value {
    let status = match gateway.status {
        Status::Added => "added",
        Status::Removed => "removed",
        Status::Kept => "kept",
    };
    let undecided = gateway.policy.undecided.iter().map(|wrong| gateway.ground.json(&wrong.scenario));
    json!({
        "name": gateway.name,
        "status": status,
        "regions": gateway.policy.regions.iter().map(|found| region(found, gateway)).collect::<Vec<_>>(),
        "undecided": undecided.collect::<Vec<_>>(),
        "fields": gateway.fields.iter().map(field).collect::<Vec<_>>(),
    })
}

pub(super) fn region(region: &Region, gateway: &Gateway) -> Value {
    let view = match &region.view {
        View::InForce => "inForce".to_owned(),
        View::IfEnforced => "ifEnforced".to_owned(),
        View::Audit(id) => format!("audit:{id}"),
    };
    let ambiguous = match &region.scope.from {
        Source::Ambiguity(kind, name) => Some(json!({"kind": kind.as_str(), "name": name})),
        Source::Rule(_) | Source::Default | Source::Shadow => None,
    };
    let place = |written: Option<&Written>| {
        written
            .map(|Written { file, position, is_shadow }| {
                json!({"file": file, "line": position.line, "column": position.column, "shadow": is_shadow})
            })
    };
    let rules = gateway.places.of(region).into_iter();
    let rules = rules.map(|(id, [old, new])| json!({"rule": id, "old": place(old), "new": place(new)}));
    json!({
        "id": region.id,
        "change": kind(region.change()),
        "view": view,
        "old": effect(&region.old),
        "new": effect(&region.new),
        "rule": region.scope.rule,
        "of": if region.scope.is_of_new() { "new" } else { "old" },
        "ambiguity": ambiguous,
        "fails": region.scope.fails,
        "and": region.scope.and,
        "anyOf": region.scope.any_of,
        "except": region.scope.except.iter().map(exception).collect::<Vec<_>>(),
        "others": region.others.iter().map(effect).collect::<Vec<_>>(),
        "rules": rules.collect::<Vec<_>>(),
        "witness": gateway.ground.json(&region.witness),
    })
}

fn exception(exception: &Exception) -> Value {
    let of = |side: &Side| match side {
        Side::Both => "both",
        Side::Old => "old",
        Side::New => "new",
    };
    match exception {
        Exception::Rule(id, side) => json!({"rule": id, "of": of(side)}),
        Exception::InForce => json!("inForce"),
    }
}

fn effect(effect: &Effect) -> Value {
    json!({
        "verdict": if effect.is_allowed() { "allow" } else { "deny" },
        "rule": effect.rule(),
        "reason": effect.reason().map(|reason| reason.as_str()),
    })
}

fn field(field: &FieldChange) -> Value {
    json!({"path": field.path, "old": field.old, "new": field.new})
}
