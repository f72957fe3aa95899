//! The operations that do what the author of a merge patch had in mind, where it replaces lists: Kubernetes' own kind of
//! patch adds to them.

use sallyport_egress::value::names::JsonPointer;
use serde_json::{Map, Value, json};

/// By these fields an item of a list is known: a container, a variable, a mount, an overlay of an IstioOperator.
const KEYS: [&str; 5] = ["kind", "name", "mountPath", "containerPort", "path"];

/// From an object to what a merge adds to it, as a JSON patch.
pub(super) fn operations(object: &Value, merge: &Value) -> Value {
    let mut operations = Vec::new();
    add("", object, merge, &mut operations);
    Value::Array(operations)
}

fn add(path: &str, object: &Value, merge: &Value, operations: &mut Vec<Value>) {
    match (object, merge) {
        (Value::Object(fields), Value::Object(merged)) => {
            merged.iter().for_each(|(name, value)| add_field(path, fields, (name, value), operations));
        }
        (Value::Array(items), Value::Array(merged)) => {
            for item in merged {
                match items.iter().enumerate().find(|(_, old)| is_same(old, item)) {
                    Some((position, old)) => add(&format!("{path}/{position}"), old, item, operations),
                    None if items.contains(item) => {}
                    None => operations.push(json!({"op": "add", "path": format!("{path}/-"), "value": item})),
                }
            }
        }
        _ if object == merge => {}
        _ => operations.push(json!({"op": "replace", "path": path, "value": merge})),
    }
}

fn add_field(path: &str, fields: &Map<String, Value>, (name, value): (&str, &Value), operations: &mut Vec<Value>) {
    let path = format!("{path}/{}", JsonPointer::token(name));
    match (fields.get(name), value) {
        (Some(_), Value::Null) => operations.push(json!({"op": "remove", "path": path})),
        (None, Value::Null) => {}
        (Some(field), value) => add(&path, field, value, operations),
        (None, value) => operations.push(json!({"op": "add", "path": path, "value": value})),
    }
}

/// Whether two items of a list are the same thing, perhaps with other fields.
fn is_same(one: &Value, other: &Value) -> bool {
    let keys = || KEYS.iter().map(|key| (one.get(key), other.get(key)));
    keys().any(|pair| matches!(pair, (Some(_), Some(_)))) && keys().all(|(one, other)| one == other)
}
