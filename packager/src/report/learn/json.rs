//! For programs: one JSON object with a versioned schema.
//!
//! ```json
//! {
//!   "version": 1,
//!   "lines": 1200, "kept": 1000, "allowed": 0, "apart": 20, "otherHosts": 0, "withoutTime": 0,
//!   "leftOut": {"noPrincipal": 30}, "beyondLimits": {"callers": 2},
//!   "days": 12, "first": "2026-11-01T08:00:00Z", "last": "2026-11-25T09:25:22Z",
//!   "hosts": {"orders.internal": 1000}, "otherHostNames": {"items.internal": 4}, "trustedForwarders": [], "replayed": 812, "notFoundButAllowed": 3,
//!   "rules": [{
//!     "rule": {"id": "web", "action": "ALLOW", "from": [...], "to": [...]}, "calls": 1000, "days": 12, "first": ..., "last": ...,
//!     "callers": [{"principal": "cluster.local/ns/shop/sa/web", "serviceAccount": "shop/web", "calls": 1000, ...}],
//!     "paths": [{"path": "/orders/{*}", "methods": ["GET"], "calls": 1000, ...}]
//!   }],
//!   "generalisations": [{"pattern": "/orders/{*}", "names": false, "callers": [...], "values": 512, "orMore": false, "examples": [...]}],
//!   "review": [{"why": "refused", "detail": "not_allowed", "caller": ..., "method": ..., "path": ..., "allowed": false, "calls": 3, ...}],
//!   "proposal": "authz:\n  rules: ..."
//! }
//! ```
//!
//! `proposal` is what stdout has otherwise: the block, or the difference to the file.

use sallyport_egress::learn::{Apart, Evidence, Generalisation, LearnedRule, Unread, Why};
use serde_json::{Map, Value, json};

use super::proposal::LearnReport;

/// The version of the schema.
const VERSION: u32 = 1;

pub(super) fn render(report: &LearnReport<'_>) -> String {
    let learned = report.learned;
    let counts = &learned.counts;
    let left_out: Map<String, Value> =
        counts.unread.iter().map(|(why, number)| (Unread::key(*why).to_owned(), json!(number))).collect();
    let named = |hosts: &[(String, u64)]| -> Map<String, Value> {
        hosts.iter().map(|(host, calls)| (host.clone(), json!(calls))).collect()
    };
    let object = json!({
        "version": VERSION,
        "lines": counts.lines,
        "kept": counts.kept,
        "allowed": counts.allowed,
        "apart": counts.apart,
        "otherHosts": counts.other_hosts,
        "withoutTime": counts.timeless,
        "leftOut": left_out,
        "beyondLimits": counts.beyond,
        "days": learned.whole.days(),
        "first": learned.whole.first().map(|moment| moment.to_string()),
        "last": learned.whole.last().map(|moment| moment.to_string()),
        "hosts": named(&learned.hosts),
        "otherHostNames": named(&learned.other_hosts),
        "trustedForwarders": learned.forwarders,
        "replayed": learned.replayed,
        "notFoundButAllowed": learned.not_found_but_allowed,
        "rules": learned.rules.iter().map(rule).collect::<Vec<_>>(),
        "generalisations": learned.generalisations.iter().map(generalisation).collect::<Vec<_>>(),
        "review": learned.apart.iter().map(apart).collect::<Vec<_>>(),
        "proposal": report.proposal(),
    });
    format!("{object:#}\n")
}

fn with(mut object: Value, evidence: &Evidence) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.insert("calls".to_owned(), json!(evidence.calls()));
        fields.insert("days".to_owned(), json!(evidence.days()));
        fields.insert("first".to_owned(), json!(evidence.first().map(|moment| moment.to_string())));
        fields.insert("last".to_owned(), json!(evidence.last().map(|moment| moment.to_string())));
    }
    object
}

fn rule(rule: &LearnedRule) -> Value {
    let callers = rule
        .callers
        .iter()
        .map(|caller| with(json!({"principal": caller.principal, "serviceAccount": caller.account}), &caller.evidence));
    let paths = rule.operations.iter().flat_map(|operation| {
        let of_path =
            |(path, evidence): &(String, Evidence)| with(json!({"path": path, "methods": operation.methods}), evidence);
        operation.paths.iter().map(of_path)
    });
    let fields = json!({
        "rule": rule.to_wire(),
        "callers": callers.collect::<Vec<_>>(),
        "paths": paths.collect::<Vec<_>>(),
    });
    with(fields, &rule.evidence)
}

fn generalisation(one: &Generalisation) -> Value {
    json!({
        "pattern": one.pattern,
        "names": one.has_names,
        "callers": one.callers,
        "values": one.values,
        "orMore": one.or_more,
        "examples": one.examples,
    })
}

fn apart(Apart { key, evidence, is_allowed }: &Apart) -> Value {
    let (why, detail) = match &key.why {
        Why::Refused(reason) => ("refused", Some(reason)),
        Why::WouldBeRefused(reason) => ("wouldBeRefused", Some(reason)),
        Why::Forbidden(status) => ("forbidden", Some(status)),
        Why::NotFound(status) => ("notFound", Some(status)),
        Why::Ambiguous(kind) => ("ambiguous", Some(kind)),
        Why::Denied(rule) => ("denied", Some(rule)),
        Why::Conditional(rule) => ("conditional", Some(rule)),
        Why::Forwarder(principal) => ("forwarder", Some(principal)),
        Why::Spelling => ("spelling", None),
        Why::Rare => ("rare", None),
        Why::Timeless => ("noTime", None),
    };
    let fields = json!({
        "why": why,
        "detail": detail,
        "caller": key.caller,
        "method": key.method,
        "path": key.path,
        "allowed": is_allowed,
    });
    with(fields, evidence)
}
