//! Words that all formats use. What they have of files is written by others, perhaps by a stranger who opens a pull request:
//! it is one line here, without control characters.

use sallyport_core::{Reason, wire};
use sallyport_egress::meaning::{Change, Exception, Region, Scope, Side, Source, View};
use sallyport_egress::scenario::Effect;
use serde_json::Value;

use crate::compare::model::{Comparison, FieldChange, Gateway, Status};
use crate::compare::places::{Placed, Written};
use crate::printable::visible;

/// The kinds of changes, those first that reviewers look for.
pub(super) const CHANGES: [Change; 5] =
    [Change::Widened, Change::Narrowed, Change::Reason, Change::Shadow, Change::Audit];

/// `widened`, as in `--fail-on`.
pub(crate) fn kind(change: Change) -> &'static str {
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
pub(crate) fn decided(region: &Region) -> [String; 2] {
    let said = |effect: &Effect| match (&region.view, effect) {
        (View::Audit(id), Effect::Allowed(Some(_))) => format!("recorded by `{id}`"),
        (View::Audit(_), _) => "not recorded".to_owned(),
        (View::IfEnforced, effect) => format!("would be {effect}"),
        (View::InForce, effect) => effect.to_string(),
    };
    let both = |effect: &Effect, is_of_new: bool| {
        let others = region.others.iter().filter(|_| region.scope.is_of_new() != is_of_new);
        let mut words: Vec<String> = Vec::new();
        for effect in std::iter::once(effect).chain(others) {
            // Where nothing is enforced, one way of being ambiguous stands for all.
            let is_any = region.scope.from == Source::Shadow && matches!(effect.reason(), Some(Reason::Ambiguous(_)));
            let word = if is_any { "refused: ambiguous_request".to_owned() } else { said(effect) };
            if !words.contains(&word) {
                words.push(word);
            }
        }
        // `allowed by a, or b`
        for prefix in ["allowed by ", "refused: "] {
            if words.iter().all(|word| word.starts_with(prefix)) {
                let rest = |word: &String| word.strip_prefix(prefix).unwrap_or(word).to_owned();
                return prefix.to_owned() + &words.iter().map(rest).collect::<Vec<_>>().join(", or ");
            }
        }
        words.join(", or ")
    };
    [both(&region.old, false), both(&region.new, true)]
}

/// Which requests a region has, each part with its label.
pub(super) fn scope(gateway: &Gateway, region: &Region) -> Vec<(&'static str, String)> {
    let Scope { from, rule, fails, and, any_of, except, .. } = &region.scope;
    let mut parts = Vec::new();
    match (rule, from) {
        (Some(rule), _) => parts.extend(of_rule(rule)),
        (None, Source::Rule(_)) => {}
        (None, Source::Ambiguity(kind, name)) => {
            parts.push(("requests", format!("{}{}", ambiguous(*kind, name.as_deref()), otherwise(region))));
        }
        (None, Source::Shadow) => {
            let is_of_new = region.scope.is_of_new();
            let what = match region.change() {
                Change::Widened => "all that were refused",
                Change::Narrowed => "all that are refused now",
                _ if is_of_new => {
                    "all that were allowed by a rule, and that a DENY rule matches which is not enforced now"
                }
                _ => "all that a rule allows now, and that a DENY rule matched which was not enforced",
            };
            parts.push(("requests", what.to_owned()));
        }
        (None, Source::Default) => parts.push(("requests", "that no rule matches, neither before nor now".to_owned())),
    }
    if let Some(fails) = fails {
        let words: Vec<String> = written(fails).iter().map(|(label, what)| format!("{label} {what}")).collect();
        // The same words have another meaning if other forwarders are trusted.
        let own = rule.as_ref().map(written).unwrap_or_default();
        let is_reading = written(fails).iter().all(|(label, what)| {
            own.iter().any(|(own_label, own)| own_label == label && own.split(", or ").any(|own| own.contains(what)))
        });
        let reading = match (is_reading, region.scope.is_of_new()) {
            (false, _) => "",
            (true, true) => ", with the trustedForwarders of before",
            (true, false) => ", with the trustedForwarders of now",
        };
        parts.push(("but not", words.join(", ") + reading));
    }
    if let Some(and) = and {
        let words: Vec<String> = written(and).iter().map(|(label, what)| format!("{label} {what}")).collect();
        parts.push(("and", format!("what {} has: {}", and.id, words.join(", "))));
    }
    if !any_of.is_empty() {
        parts.push(("and", format!("what one of {} has", joined(any_of))));
    }
    if !except.is_empty() {
        parts.push(("except", joined(&exceptions(except))));
    }
    let rules: Vec<String> = gateway.places.of(region).into_iter().map(placed).collect();
    if !rules.is_empty() {
        parts.push((if rules.len() == 1 { "rule" } else { "rules" }, rules.join("; ")));
    }
    parts.into_iter().map(|(label, what)| (label, visible(&what))).collect()
}

/// `readers new.yaml:8:11, was old.yaml:7:11`.
fn placed((id, places): Placed<'_>) -> String {
    let words = |written: &Written| format!("{written}{}", if written.is_shadow { " in shadow mode" } else { "" });
    let [old, new] = places.map(|written| written.map(words));
    match (old, new) {
        (Some(old), Some(new)) => format!("{id} {new}, was {old}"),
        (Some(old), None) => format!("{id} was {old}"),
        (None, new) => format!("{id} {}", new.unwrap_or_default()),
    }
}

/// What is so of the requests in the policy that does not refuse them as ambiguous.
fn otherwise(region: &Region) -> &'static str {
    match (region.change(), region.scope.is_of_new()) {
        (Change::Widened, _) => ", as far as a rule allows them now",
        (Change::Narrowed, _) => ", as far as a rule allowed them",
        (Change::Reason, true) => ", of those that were refused",
        (Change::Reason, false) => ", of those that are refused now",
        (Change::Shadow | Change::Audit, _) => "",
    }
}

fn ambiguous(kind: wire::Ambiguity, name: Option<&str>) -> String {
    match name {
        Some(name) if kind == wire::Ambiguity::UnderscoreHeader => {
            format!("with a header that servers take for {name}, such as {}", name.replace('-', "_"))
        }
        Some(name) => format!("with a query parameter that servers take for {name}"),
        None => {
            let choice = wire::Ambiguity::CHOICES.iter().find(|choice| choice.value == kind.as_str());
            let doc = choice.map_or("", |choice| choice.doc.trim_end_matches('.'));
            format!("ambiguous as {kind}: {doc}")
        }
    }
}

/// `those of a`, `what b matched before`, each rule once.
fn exceptions(all: &[Exception]) -> Vec<String> {
    let of = |side: Side| {
        let ids = all.iter().filter_map(|exception| match exception {
            Exception::Rule(id, of) if *of == side => Some(id.clone()),
            _ => None,
        });
        ids.collect::<Vec<_>>()
    };
    let [both, old, new] = [of(Side::Both), of(Side::Old), of(Side::New)];
    let mut words = Vec::new();
    let mut push = |ids: &[String], what: &dyn Fn(&str) -> String| {
        if !ids.is_empty() {
            words.push(what(&joined(ids)));
        }
    };
    push(&both, &|ids| format!("those of {ids}"));
    push(&old, &|ids| format!("what {ids} matched before"));
    push(&new, &|ids| format!("what {ids} {} now", if new.len() == 1 { "matches" } else { "match" }));
    if all.contains(&Exception::InForce) {
        words.push("those that are decided differently in force".to_owned());
    }
    words
}

fn joined(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The fields of a part of a rule; its callers, even if it says nothing of them.
fn of_rule(rule: &wire::Rule) -> Vec<(&'static str, String)> {
    let mut parts = written(rule);
    if rule.from.is_none() {
        parts.insert(0, ("from", "any caller".to_owned()));
    }
    parts
}

/// The fields that are written in a part of a rule.
fn written(rule: &wire::Rule) -> Vec<(&'static str, String)> {
    let value = serde_json::to_value(rule).unwrap_or_default();
    let mut parts = Vec::new();
    for (label, part) in [("from", "source"), ("to", "operation")] {
        let entries = value.get(label).and_then(Value::as_array).into_iter().flatten();
        let alternatives = entries.map(|entry| {
            let fields = entry.get(part).and_then(Value::as_object).into_iter().flatten();
            fields.map(|(name, list)| format!("{name} {}", listed(list))).collect::<Vec<_>>().join("; ")
        });
        let alternatives: Vec<String> = alternatives.collect();
        if !alternatives.is_empty() {
            parts.push((label, alternatives.join(", or ")));
        }
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
        Value::String(text) if is_plain(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether a value cannot be taken for more than one, or for words of ours.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, ',' | ';' | '"'))
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
    let text = if parts.is_empty() { "gateways came or went".to_owned() } else { parts.join(", ") };
    let is_decided_alike = comparison.gateways.iter().all(|gateway| gateway.policy.is_empty());
    if is_decided_alike { format!("no rule decides differently; {text}") } else { text }
}

/// What is said before a request about which search and engine disagree.
pub(super) const UNDECIDED: &str =
    "not decided, because search and engine disagree about this request; please report it with both policies";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_not_taken_for_more() {
        for (values, shown) in [
            (json!(["/a/{*}", "b*"]), "/a/{*}, b*"),
            (json!(["a, b", "c"]), r#""a, b", c"#),
            (json!(["x; values secret"]), r#""x; values secret""#),
            (json!(["a\"b"]), r#""a\"b""#),
            (json!(["", "é"]), r#""", "é""#),
        ] {
            assert_eq!(listed(&values), shown);
        }
    }
}
