//! Every leaf changed or taken away, and every list turned around: the comparison must see each of them.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::compare::{Ignored, compare};
use crate::normal::{Given, Leaves};

/// What came of the mutations.
#[derive(Debug, Default)]
pub(crate) struct Mutations {
    /// Reported as a difference.
    pub(crate) seen: usize,
    /// At a path that is ignored.
    pub(crate) ignored: usize,
    /// What was mutated once need not be again, for another file.
    done: BTreeSet<String>,
}

impl Mutations {
    /// Mutates the resources of the second side. `first`: the leaves of the other.
    pub(crate) fn try_all(&mut self, resources: &[&Value], first: &Leaves, list: &[Ignored]) -> Result<()> {
        for resource in resources {
            let own = Given::of([*resource]).leaves();
            let places: BTreeSet<String> = own.keys().map(|path| place(path)).collect();
            let first: Leaves = first
                .iter()
                .filter(|(path, _)| places.contains(&place(path)))
                .map(|(path, value)| (path.clone(), value.clone()))
                .collect();
            let mut mutants = Vec::new();
            collect(resource, &mut String::new(), kind(resource), &mut mutants);
            for (pointer, context) in mutants {
                if !self.done.insert(format!("{context} {pointer}")) {
                    continue;
                }
                for mutant in mutate(resource, &pointer) {
                    let leaves = Given::of([&mutant]).leaves();
                    ensure!(own != leaves, "the normal form does not have {pointer} of {}", kind(resource));
                    if compare(&first, &leaves, list).differences.is_empty() {
                        self.ignored += 1;
                    } else {
                        self.seen += 1;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The first two parts of a path: which resource it is of.
fn place(path: &str) -> String {
    path.splitn(3, '/').take(2).collect::<Vec<_>>().join("/")
}

fn kind(value: &Value) -> &str {
    value["@type"].as_str().unwrap_or_default()
}

/// Pointers to all leaves and lists, with the types of messages on the way.
fn collect(value: &Value, pointer: &mut String, context: &str, found: &mut Vec<(String, String)>) {
    let length = pointer.len();
    let mut descend = |name: &str, value: &Value, found: &mut Vec<(String, String)>| {
        pointer.push('/');
        pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
        let own = value["@type"].as_str().unwrap_or_default();
        let context = if own.is_empty() { context.to_owned() } else { format!("{context} {own}") };
        collect(value, pointer, &context, found);
        pointer.truncate(length);
    };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().for_each(|(name, value)| descend(name, value, found));
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(at, item)| descend(&at.to_string(), item, found));
            if items.first() != items.last() {
                found.push((pointer.clone(), context.to_owned()));
            }
        }
        _ => found.push((pointer.clone(), context.to_owned())),
    }
}

fn mutate(resource: &Value, pointer: &str) -> Vec<Value> {
    let mut mutants = Vec::new();
    let mut changed = resource.clone();
    if let Some(value) = changed.pointer_mut(pointer) {
        *value = other(value);
        mutants.push(changed);
    }
    let (parent, name) = pointer.rsplit_once('/').unwrap_or_default();
    let mut taken = resource.clone();
    let was_leaf = resource.pointer(pointer).is_some_and(|value| !value.is_array());
    match taken.pointer_mut(parent) {
        Some(Value::Object(fields)) if was_leaf => {
            fields.remove(&name.replace("~1", "/").replace("~0", "~"));
            mutants.push(taken);
        }
        Some(Value::Array(items)) if was_leaf => {
            items.remove(name.parse().unwrap_or_default());
            mutants.push(taken);
        }
        _ => {}
    }
    mutants
}

fn other(value: &Value) -> Value {
    match value {
        Value::Null => json!(true),
        Value::Bool(flag) => json!(!flag),
        Value::Number(number) => json!(number.as_f64().unwrap_or_default() + 1.0),
        Value::String(text) => json!(format!("{text}x")),
        Value::Array(items) if items.is_empty() => json!(["added"]),
        Value::Array(items) => items.iter().rev().cloned().collect(),
        Value::Object(_) => json!({"added": true}),
    }
}
