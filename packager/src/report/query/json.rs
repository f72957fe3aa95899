//! For programs: one JSON object with a versioned schema.
//!
//! ```json
//! {
//!   "version": 1,
//!   "asked": "DELETE requests to /orders/*",
//!   "policies": [{
//!     "upstream": "shop/orders", "file": "egress.yaml", "shadow": false,
//!     "grants": [{
//!       "rule": "admins", "file": "egress.yaml", "line": 12, "column": 9,
//!       "part": {"from": [...], "to": [...], "when": null}, "except": [{"rule": "no-archive", ...}], "alsoBy": null,
//!       "witness": {"caller": "shop/admin", "request": "DELETE /orders/1", "authority": "orders.internal", ...}
//!     }],
//!     "inShadowMode": [{"rule": "later", ...}],
//!     "undecided": []
//!   }]
//! }
//! ```
//!
//! `witness` has the fields of an example of `diff`, too.
//!
//! With `--unreachable` a policy has `unreachable` instead of `grants`: the rules, each with `why` (`nothing`, `ambiguous`,
//! `same`, `hidden`), `by` (rules), `part` (`when[1]`, or null) and `shadow`, whether the rule is in shadow mode.

use sallyport_egress::meaning::{Grant, Idle, IdleRule};
use sallyport_egress::scenario::Scenario;
use serde_json::{Value, json};

use super::found::{Asked, Found, QueryReport};

/// The version of the schema.
const VERSION: u32 = 1;

pub(super) fn render(report: &QueryReport) -> String {
    let policies: Vec<Value> = report.policies.iter().map(policy).collect();
    format!("{:#}\n", json!({"version": VERSION, "asked": report.asked, "policies": policies}))
}

fn policy(policy: &Asked) -> Value {
    let (upstream, file) = (&policy.upstream, &policy.file);
    let rules = |rules: &[String]| rules.iter().map(|rule| placed(policy, rule)).collect::<Vec<_>>();
    match &policy.found {
        Found::Grants(answer) => json!({
            "upstream": upstream,
            "file": file,
            "shadow": answer.is_shadow,
            "grants": answer.grants.iter().map(|one| grant(policy, one)).collect::<Vec<_>>(),
            "inShadowMode": rules(&answer.in_shadow),
            "undecided": answer.undecided.iter().map(|scenario| witness(policy, scenario)).collect::<Vec<_>>(),
        }),
        Found::Unreachable(idle) => json!({
            "upstream": upstream,
            "file": file,
            "shadow": policy.is_shadow,
            "unreachable": idle.rules.iter().map(|rule| unreachable(policy, rule)).collect::<Vec<_>>(),
            "undecided": rules(&idle.undecided),
        }),
    }
}

fn placed(policy: &Asked, rule: &str) -> Value {
    let place = policy.place(rule);
    json!({"rule": rule, "file": policy.file, "line": place.line, "column": place.column})
}

fn with(mut object: Value, fields: Value) -> Value {
    if let (Some(object), Value::Object(fields)) = (object.as_object_mut(), fields) {
        object.extend(fields);
    }
    object
}

fn grant(policy: &Asked, grant: &Grant) -> Value {
    let part = &grant.part;
    let fields = json!({
        "part": {"from": part.from, "to": part.to, "when": part.when},
        "except": grant.except.iter().map(|rule| placed(policy, rule)).collect::<Vec<_>>(),
        "alsoBy": grant.also.as_ref().map(|rule| placed(policy, rule)),
        "witness": witness(policy, &grant.witness),
    });
    with(placed(policy, &grant.rule), fields)
}

fn witness(policy: &Asked, scenario: &Scenario) -> Value {
    let fields = json!({
        "request": scenario.request.to_string(),
        "authority": String::from_utf8_lossy(&scenario.request.authority),
    });
    with(policy.ground.json(scenario), fields)
}

fn unreachable(policy: &Asked, idle: &IdleRule) -> Value {
    let (why, by, part): (_, &[String], _) = match &idle.why {
        Idle::Nothing(part) => ("nothing", &[], part.as_ref()),
        Idle::Ambiguous => ("ambiguous", &[], None),
        Idle::Same(other) => ("same", std::slice::from_ref(other), None),
        Idle::Hidden(others) => ("hidden", others, None),
    };
    let by: Vec<Value> = by.iter().map(|rule| placed(policy, rule)).collect();
    with(
        placed(policy, &idle.rule),
        json!({"why": why, "by": by, "part": part, "shadow": policy.in_shadow.contains(&idle.rule)}),
    )
}
