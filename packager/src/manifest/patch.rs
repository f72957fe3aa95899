//! `patches`: changes to emitted manifests, applied last.

use sallyport_egress::model::Egress;
use sallyport_egress::model::deploy::Patch;
use serde_json::Value;

use super::pod::OF_CALLERS;
use super::refusal::Refusal;
use sallyport_egress::Code;

/// Applies an Egress's patches in their order, and says what each changed: `Kind/name`.
///
/// A patch that finds nothing is a mistake, and may be the mistake of somebody who relies on it.
pub(super) fn apply<'a>(egress: &Egress, objects: impl Iterator<Item = &'a mut Value>) -> Result<Vec<String>, Refusal> {
    let mut objects: Vec<_> = objects.collect();
    let mut applied = Vec::new();
    for patch in &egress.spec.patches {
        let before = applied.len();
        for object in objects.iter_mut().filter(|object| is_meant(patch, object)) {
            let label = label(object);
            let refusal =
                |reason: &str| Refusal::of(egress, Code::PatchNotApplied, format!("a patch of `{label}`: {reason}"));
            let callers_before = settings_of_callers(object);
            change(patch, object).map_err(|reason| refusal(&reason))?;
            if settings_of_callers(object) != callers_before {
                return Err(refusal(&format!("it takes away or moves `{OF_CALLERS}`"))
                    .with_help("change less: the setting tells the gateway how to identify callers"));
            }
            applied.push(label);
        }
        if applied.len() == before {
            let name = patch.name.as_ref().map(|name| format!("/{name}")).unwrap_or_default();
            let message = format!("a patch is for `{}{name}`, and nothing is emitted by that name", patch.kind);
            let kinds: Vec<_> = objects.iter().map(|object| format!("`{}`", self::label(object))).collect();
            return Err(Refusal::of(egress, Code::PatchNotApplied, message)
                .with_help(format!("emitted are {}", kinds.join(", "))));
        }
    }
    Ok(applied)
}

/// Every place of the setting, as a JSON pointer, and what is set there. The setting is a line of an annotation's YAML.
fn settings_of_callers(object: &Value) -> Vec<(String, String)> {
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
            let lines = text.lines().map(str::trim).filter(|line| line.contains(OF_CALLERS));
            found.extend(lines.map(|line| (place.clone(), line.to_owned())));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn is_meant(patch: &Patch, object: &Value) -> bool {
    let name = object.pointer("/metadata/name").and_then(Value::as_str);
    object["kind"] == *patch.kind && patch.name.as_deref().is_none_or(|wanted| Some(wanted) == name)
}

fn label(object: &Value) -> String {
    let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    format!("{}/{name}", object["kind"].as_str().unwrap_or_default())
}

fn change(patch: &Patch, object: &mut Value) -> Result<(), String> {
    if let Some(merge) = &patch.merge {
        json_patch::merge(object, merge);
    }
    if let Some(operations) = &patch.json {
        let operations: json_patch::Patch =
            serde_json::from_value(operations.clone()).map_err(|error| error.to_string())?;
        json_patch::patch(object, &operations).map_err(|error| error.to_string())?;
    }
    if object.is_object() { Ok(()) } else { Err("it would leave no object".to_owned()) }
}
