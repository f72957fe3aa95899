//! Words that all formats use. What they have of files is written by others, perhaps by a stranger who opens a pull request:
//! it is one line here, without control characters.

use sallyport_core::wire;
use sallyport_egress::meaning::{Change, Region, Source, View};
use sallyport_egress::scenario::{Effect, Scenario};
use serde_json::Value;

use crate::compare::model::{Comparison, FieldChange, Gateway, Status};
use crate::printable::visible;

/// The kinds of changes, those first that reviewers look for.
pub(super) const CHANGES: [Change; 5] =
    [Change::Widened, Change::Narrowed, Change::Reason, Change::Shadow, Change::Audit];

/// `widened`, as in `--fail-on`.
pub(super) fn kind(change: Change) -> &'static str {
    match change {
        Change::Widened => "widened",
        Change::Narrowed => "narrowed",
        Change::Reason => "reason",
        Change::Shadow => "shadow",
        Change::Audit => "audit",
    }
}

/// What is counted in the summary.
fn counted_as(change: Change) -> &'static str {
    match change {
        Change::Widened | Change::Narrowed => kind(change),
        Change::Reason => "with another reason",
        Change::Shadow => "in shadow mode",
        Change::Audit => "in what is audited",
    }
}

/// What a change is, as a heading.
pub(super) fn heading(change: Change) -> &'static str {
    match change {
        Change::Widened => "allowed now",
        Change::Narrowed => "refused now",
        Change::Reason => "decided by another rule, or for another reason",
        Change::Shadow => "decided differently if everything were enforced",
        Change::Audit => "recorded, or no longer recorded, by an AUDIT rule",
    }
}

/// `allowed by `readers``, before and after.
pub(super) fn decided(region: &Region) -> [String; 2] {
    let said = |effect: &Effect| match (&region.view, effect) {
        (View::Audit(id), Effect::Allowed(Some(_))) => format!("recorded by `{id}`"),
        (View::Audit(_), _) => "not recorded".to_owned(),
        (View::IfEnforced, effect) => format!("would be {effect}"),
        (View::InForce, effect) => effect.to_string(),
    };
    [said(&region.old), said(&region.new)]
}

/// Which requests a region has, each part with its label.
pub(super) fn scope(region: &Region) -> Vec<(&'static str, String)> {
    let mut parts = Vec::new();
    match (&region.scope.rule, &region.scope.from) {
        (Some(rule), _) => parts.extend(of_rule(rule)),
        (None, Source::Rule(id)) => parts.push(("rule", id.clone())),
        (None, Source::Ambiguity(kind, None)) => parts.push(("requests", format!("with {}", meaning(*kind)))),
        (None, Source::Ambiguity(_, Some(name))) => {
            parts.push(("requests", format!("with a name that servers take for {name}")));
        }
        (None, Source::Default) if region.scope.is_of_new() => {
            parts.push(("requests", "that no rule matches now".to_owned()));
        }
        (None, Source::Default) => parts.push(("requests", "that no rule matched before".to_owned())),
    }
    if !region.scope.except.is_empty() {
        parts.push(("except", format!("those of {}", joined(&region.scope.except))));
    }
    parts.into_iter().map(|(label, what)| (label, visible(&what))).collect()
}

/// What a kind of ambiguity is, in the words of the policy's own documentation.
fn meaning(kind: wire::Ambiguity) -> String {
    let choice = wire::Ambiguity::CHOICES.iter().find(|choice| choice.value == kind.as_str());
    choice.map_or_else(|| kind.to_string(), |choice| choice.doc.trim_end_matches('.').to_owned())
}

fn joined(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The fields of a rule that has one source and one operation.
fn of_rule(rule: &wire::Rule) -> Vec<(&'static str, String)> {
    let value = serde_json::to_value(rule).unwrap_or_default();
    let fields = |pointer: &str| {
        let fields = value.pointer(pointer).and_then(Value::as_object);
        fields.map(|fields| fields.iter().map(|(name, list)| format!("{name} {}", listed(list))).collect::<Vec<_>>())
    };
    let mut parts = Vec::new();
    let from = fields("/from/0/source").map_or_else(|| "any caller".to_owned(), |fields| fields.join("; "));
    parts.push(("from", from));
    if let Some(to) = fields("/to/0/operation") {
        parts.push(("to", to.join("; ")));
    }
    for condition in value.get("when").and_then(Value::as_array).into_iter().flatten() {
        let key = condition.get("key").and_then(Value::as_str).unwrap_or_default();
        let others = condition.as_object().into_iter().flatten().filter(|(name, _)| *name != "key");
        let tests: Vec<String> = others.map(|(name, list)| format!("{name} {}", listed(list))).collect();
        parts.push(("when", format!("{key} {}", tests.join("; "))));
    }
    parts
}

fn listed(list: &Value) -> String {
    match list {
        Value::Array(values) => values.iter().map(listed).collect::<Vec<_>>().join(", "),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A request of a region, in one line.
pub(super) fn witness(scenario: &Scenario, host: &str) -> String {
    let Scenario { caller, request } = scenario;
    let mut text = format!("{request} by {caller}");
    if request.authority != host.as_bytes() {
        text.push_str(&format!(", to host {}", request.authority.escape_ascii()));
    }
    let usual = sallyport_egress::scenario::Caller::anonymous();
    if let Some(address) = caller.address.filter(|_| caller.address != usual.address) {
        text.push_str(&format!(", from {address}"));
    }
    if let Some(gateway) = caller.gateway.filter(|_| caller.gateway != usual.gateway) {
        text.push_str(&format!(", at {gateway}"));
    }
    if let Some(token) = &caller.token {
        text.push_str(&format!(", with the token {}", Value::Object(token.clone())));
    }
    if let Some(name) = caller.server_name.as_deref().filter(|name| *name != host) {
        text.push_str(&format!(", with SNI {name}"));
    }
    if caller.certificate.is_some() && caller.tls_version.as_deref() != Some("TLSv1.3") {
        text.push_str(&format!(", over {}", caller.tls_version.as_deref().unwrap_or("no TLS")));
    }
    for (filter, fields) in &caller.metadata {
        text.push_str(&format!(", with {filter} {}", Value::Object(fields.clone())));
    }
    visible(&text)
}

/// What there is to say of a gateway that only one side has.
pub(super) fn status(gateway: &Gateway) -> Option<&'static str> {
    match gateway.status {
        Status::Added => Some("is new: compared with a gateway that refuses every request"),
        Status::Removed => Some("is gone: compared with a gateway that refuses every request"),
        Status::Kept => None,
    }
}

/// ``[`spec.gateway.replicas`, `was `2`, is `3`]``, with each text of the files in `quote`.
pub(super) fn changed(field: &FieldChange, quote: fn(&str) -> String) -> [String; 2] {
    let value = |value: &Option<String>| value.as_ref().map(|text| quote(&visible(text)));
    let changed = match (value(&field.old), value(&field.new)) {
        (Some(old), Some(new)) => format!("was {old}, is {new}"),
        (None, Some(new)) => format!("was not set, is {new}"),
        (Some(old), None) => format!("was {old}, is not set"),
        (None, None) => String::new(),
    };
    [visible(&field.path), changed]
}

/// One line that sums up.
pub(super) fn summary(comparison: &Comparison) -> String {
    if comparison.is_empty() {
        return "no difference".to_owned();
    }
    let counted = |count: usize, what: &str| match count {
        0 => None,
        1 => Some(format!("1 {what}")),
        _ => Some(format!("{count} {what}")),
    };
    let regions = CHANGES.iter().filter_map(|change| counted(comparison.count(*change), counted_as(*change)));
    let fields =
        comparison.mesh.len().saturating_add(comparison.gateways.iter().map(|gateway| gateway.fields.len()).sum());
    let fields = counted(fields, if fields == 1 { "other field" } else { "other fields" });
    let objects = comparison.objects.len();
    let objects = counted(objects, if objects == 1 { "manifest" } else { "manifests" });
    let parts: Vec<String> = regions.chain(fields).chain(objects).collect();
    if parts.is_empty() { "gateways came or went".to_owned() } else { parts.join(", ") }
}

/// What is said before a request about which search and engine disagree.
pub(super) const UNDECIDED: &str =
    "not decided, because search and engine disagree about this request; please report it with both policies";
