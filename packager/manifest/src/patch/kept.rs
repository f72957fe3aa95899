//! What no patch may change: how the objects of a gateway find each other, and how it identifies its callers.

use sallyport_egress::value::names::JsonPointer;
use serde_json::Value;

use crate::kind::pod::FORWARDED_CALLER;
use crate::plan::SELECTED;

/// What binds an object to the others: what it is, and which pods it selects.
const BINDINGS: [&str; 12] = [
    "/apiVersion",
    "/kind",
    "/status",
    "/metadata/generateName",
    "/metadata/ownerReferences",
    "/metadata/name",
    "/metadata/namespace",
    "/spec/selector",
    "/spec/workloadSelector",
    "/spec/podSelector",
    "/spec/targetRefs",
    // Of a Gateway of the Kubernetes API: its pods have their settings from there.
    "/spec/infrastructure/parametersRef",
];
/// Where pods and objects have labels, some of which selectors look for.
const LABELS: [&str; 4] = [
    "/metadata/labels",
    "/spec/template/metadata/labels",
    "/spec/infrastructure/labels",
    // Of an IstioOperator.
    "/spec/components/egressGateways/0/label",
];

/// What a patch changes of it, and what to do.
pub(super) fn lost(before: &Value, after: &Value) -> Option<(String, String)> {
    if caller_settings(after) != caller_settings(before) {
        let help = "leave that setting as it is: the gateway identifies callers by it";
        return Some((format!("it removes or moves `{FORWARDED_CALLER}`"), help.to_owned()));
    }
    let (bound, after) = (bindings(before), bindings(after));
    let ((place, _), _) = bound.iter().zip(&after).find(|(before, after)| before != after)?;
    let help = "leave it as it is: by it the gateway's pods, its policy and its routes find each other";
    Some((format!("it changes `{place}`"), help.to_owned()))
}

/// The places that no patch may change, as JSON pointers, and their values. A pod with other labels would have no filter.
fn bindings(object: &Value) -> Vec<(String, Option<Value>)> {
    let at = |place: String| {
        let value = object.pointer(&place).cloned();
        (place, value)
    };
    let labels = LABELS.iter().flat_map(|place| SELECTED.map(|name| format!("{place}/{}", JsonPointer::token(name))));
    BINDINGS.iter().map(|place| (*place).to_owned()).chain(labels).map(at).collect()
}

/// Where the setting is written, as JSON pointers, and its value in each place. It is a line in an annotation's YAML.
fn caller_settings(object: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(object, String::new(), &mut found);
    found
}

fn collect(value: &Value, place: String, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| collect(value, format!("{place}/{name}"), found))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| collect(item, format!("{place}/{at}"), found));
        }
        Value::String(text) => {
            let lines = text.lines().map(str::trim).filter(|line| line.contains(FORWARDED_CALLER));
            found.extend(lines.map(|line| (place.clone(), line.to_owned())));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
