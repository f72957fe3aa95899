//! Fields with other values. The rules are not among them: what they mean is compared.

use std::collections::{BTreeMap, BTreeSet};

use sallyport_egress::yaml_value;
use serde_json::Value;

use super::model::FieldChange;

/// What is compared by its meaning.
const RULES: &str = "spec.authz.rules";

/// What a file is, which only says that there was none.
const NAMES: [&str; 4] = ["apiVersion", "kind", "metadata.name", "metadata.namespace"];

/// The fields that two files have with different values.
pub(super) fn between(old: Option<&str>, new: Option<&str>) -> Vec<FieldChange> {
    let leaves = |text: Option<&str>| {
        let mut leaves = BTreeMap::new();
        if let Some(value) = text.and_then(yaml_value) {
            flatten(String::new(), &value, &mut leaves);
        }
        leaves
    };
    let (old, new) = (leaves(old), leaves(new));
    let paths: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let is_compared = |path: &String| !path.starts_with(RULES) && !NAMES.contains(&&**path);
    let differing = paths.into_iter().filter(|path| is_compared(path) && old.get(*path) != new.get(*path));
    let change =
        |path: &String| FieldChange { path: path.clone(), old: old.get(path).cloned(), new: new.get(path).cloned() };
    differing.map(change).collect()
}

/// Every value that is no mapping, by its path. A list is one value.
fn flatten(path: String, value: &Value, leaves: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                flatten(format!("{path}{dot}{name}"), value, leaves);
            }
        }
        Value::String(text) => {
            leaves.insert(path, text.clone());
        }
        other => {
            leaves.insert(path, other.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_other_values_are_named() {
        let old = "spec: {gateway: {replicas: 2}, host: a, authz: {rules: [], discloseRule: true}}";
        let new = "spec: {gateway: {replicas: 3}, host: a, authz: {rules: [x], discloseRule: true}, ports: [80]}";
        let changes: Vec<_> =
            between(Some(old), Some(new)).into_iter().map(|change| (change.path, change.old, change.new)).collect();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            changes,
            [("spec.gateway.replicas".to_owned(), text("2"), text("3")), ("spec.ports".to_owned(), None, text("[80]")),]
        );
    }
}
