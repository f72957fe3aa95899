//! `patches`: changes to emitted manifests, applied last.

use sallyport_egress::model::Egress;
use sallyport_egress::model::deploy::Patch;
use serde_json::Value;

use super::refusal::Refusal;
use crate::codes;

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
            change(patch, object)
                .map_err(|reason| Refusal::of(egress, codes::PATCH, format!("a patch of `{label}`: {reason}")))?;
            applied.push(label);
        }
        if applied.len() == before {
            let name = patch.name.as_ref().map(|name| format!("/{name}")).unwrap_or_default();
            let message = format!("a patch is for `{}{name}`, and nothing is emitted by that name", patch.kind);
            let kinds: Vec<_> = objects.iter().map(|object| format!("`{}`", self::label(object))).collect();
            return Err(
                Refusal::of(egress, codes::PATCH, message).with_help(format!("emitted are {}", kinds.join(", ")))
            );
        }
    }
    Ok(applied)
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
