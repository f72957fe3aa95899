//! JSON patches, one operation at a time, so that the object is known on which one fails.

use json_patch::PatchErrorKind;
use sallyport_core::wire::json_of;
use sallyport_egress::did_you_mean;
use sallyport_egress::model::deploy::{Operation, OperationKind};
use sallyport_egress::value::names::JsonPointer;
use serde_json::{Map, Value, json};

use super::refusal::Refusal;
use crate::yaml;

/// How much all copies of a patch may add to a manifest, in bytes of JSON: as much as a Kubernetes object can have.
const MOST_COPIED: usize = 1 << 20;
/// How many fields or items a message lists.
const MOST_LISTED: usize = 12;
/// How much of a value a message shows.
const LONGEST_VALUE: usize = 60;

pub(super) fn apply(operations: &[Operation], object: &mut Value) -> Result<(), Refusal> {
    let mut left = MOST_COPIED;
    operations.iter().enumerate().try_for_each(|(position, operation)| {
        let refuse = |(field, message, help): (&str, _, _)| Refusal {
            field: format!("json[{position}].{field}"),
            message,
            help,
        };
        pay(operation, object, &mut left).and_then(|()| apply_one(operation, object)).map_err(refuse)
    })
}

/// Only copies make more of a file than it has, and copies of copies double each time.
fn pay(operation: &Operation, object: &Value, left: &mut usize) -> Result<(), (&'static str, String, String)> {
    let from = operation.from.as_ref().filter(|_| operation.op == OperationKind::Copy);
    let Some(copied) = from.and_then(|from| object.pointer(from.as_str())) else { return Ok(()) };
    match left.checked_sub(copied.to_string().len()) {
        Some(rest) => {
            *left = rest;
            Ok(())
        }
        None => {
            let message = format!("the patch copies more than {} KiB", MOST_COPIED / 1024);
            Err(("from", message, "write the values with `add`".to_owned()))
        }
    }
}

fn apply_one(operation: &Operation, object: &mut Value) -> Result<(), (&'static str, String, String)> {
    let one = serde_json::from_value(json_of(operation))
        .map_err(|error| ("op", error.to_string(), "write an operation of RFC 6902".to_owned()))?;
    let Err(error) = json_patch::patch(object, std::slice::from_ref(&one)) else { return Ok(()) };
    let path = operation.path.as_str();
    Err(match error.kind {
        PatchErrorKind::TestFailed => {
            let value = shown(object.pointer(path).unwrap_or(&Value::Null));
            ("value", format!("the test of `{path}` fails"), format!("its value is `{value}`"))
        }
        PatchErrorKind::CannotMoveInsideItself => {
            let help = "write a `path` outside of `from`".to_owned();
            ("path", "a value cannot be moved into itself".to_owned(), help)
        }
        PatchErrorKind::InvalidFromPointer => {
            let from = operation.from.as_ref().map_or("", |from| from.as_str());
            let (message, help) = Missing::of(from, object).describe(None);
            ("from", message, help)
        }
        PatchErrorKind::InvalidPointer => {
            let added = operation.value.as_ref().filter(|_| operation.op == OperationKind::Add);
            let (message, help) = Missing::of(path, object).describe(added.map(|value| &value.0));
            ("path", message, help)
        }
        unknown => ("path", unknown.to_string(), "correct the operation, or remove it".to_owned()),
    })
}

/// Where a JSON pointer leaves what there is.
struct Missing<'a> {
    /// The nearest place that is there.
    parent: &'a Value,
    parent_path: String,
    /// What is not there, and what would be below it; all as they are written.
    name: &'a str,
    below: Vec<&'a str>,
}

impl<'a> Missing<'a> {
    fn of(path: &'a str, object: &'a Value) -> Self {
        let mut missing = Missing { parent: object, parent_path: String::new(), name: "", below: Vec::new() };
        let mut segments = path.split('/').skip(1);
        for segment in segments.by_ref() {
            match missing.parent.pointer(&format!("/{segment}")) {
                Some(next) => {
                    missing.parent = next;
                    missing.parent_path = format!("{}/{segment}", missing.parent_path);
                }
                None => {
                    missing.name = segment;
                    break;
                }
            }
        }
        missing.below = segments.collect();
        missing
    }

    /// What is wrong, and what would be right: `added` is what the operation adds.
    fn describe(&self, added: Option<&Value>) -> (String, String) {
        let Missing { parent, parent_path, name, .. } = self;
        let message = format!("there is no `{parent_path}/{name}`");
        let place = if parent_path.is_empty() { "the manifest".to_owned() } else { format!("`{parent_path}`") };
        let help = match parent {
            Value::Object(fields) => {
                let known = || fields.keys().map(|name| JsonPointer::token(name)).collect::<Vec<_>>();
                let all = known();
                let near = did_you_mean(name, all.iter().map(String::as_str));
                match (near, added.filter(|_| !self.below.is_empty())) {
                    (Some(near), _) => format!("did you mean `{parent_path}/{near}`? {}", has(&place, &all)),
                    (None, Some(value)) => {
                        let first = yaml::flow(&self.whole(value));
                        format!("{}; write `{first}` to add it", has(&place, &all))
                    }
                    (None, None) => has(&place, &all),
                }
            }
            Value::Array(items) if items.is_empty() => {
                format!("{place} is an empty list: `{parent_path}/-` adds to it")
            }
            Value::Array(items) => {
                let all: Vec<_> = items.iter().enumerate().map(|(position, item)| numbered(position, item)).collect();
                format!("{place} is a list with the items {}; `{parent_path}/-` adds to it", listed(&all))
            }
            value => format!("{place} is `{}`, which has nothing below it", shown(value)),
        };
        (message, help)
    }

    /// The operation that adds what is missing with everything below it.
    fn whole(&self, value: &Value) -> Value {
        let nested = self.below.iter().rev().fold(value.clone(), |value, name| match *name {
            "-" | "0" => json!([value]),
            name => Value::Object(Map::from_iter([(name.replace("~1", "/").replace("~0", "~"), value)])),
        });
        json!({"op": "add", "path": format!("{}/{}", self.parent_path, self.name), "value": nested})
    }
}

fn has(place: &str, names: &[String]) -> String {
    if names.is_empty() {
        return format!("{place} has no fields");
    }
    format!("{place} has {}", listed(&names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>()))
}

fn listed(items: &[String]) -> String {
    let first: Vec<_> = items.iter().take(MOST_LISTED).map(String::as_str).collect();
    let more = if items.len() > MOST_LISTED { ", …" } else { "" };
    format!("{}{more}", first.join(", "))
}

fn numbered(position: usize, item: &Value) -> String {
    let name = ["name", "path", "kind"].iter().find_map(|key| item.get(key)?.as_str());
    name.map_or_else(|| format!("{position}"), |name| format!("{position} (`{name}`)"))
}

/// The beginning of a value, on one line.
fn shown(value: &Value) -> String {
    let text = yaml::flow(value);
    if text.chars().count() <= LONGEST_VALUE {
        return text;
    }
    text.chars().take(LONGEST_VALUE).chain(['…']).collect()
}
