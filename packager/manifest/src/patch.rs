//! `patches`: changes to emitted manifests, applied last.

use std::collections::BTreeSet;

use sallyport_egress::Code;
use sallyport_egress::model::deploy::{EVERY_KIND, Patch};
use sallyport_egress::model::{Egress, Mesh};
use serde_json::Value;

use crate::error::{BuildError, Place};
use crate::kind::pod::FORWARDED_CALLER;
use crate::plan::SELECTED;

/// What patches changed.
#[derive(Debug, Default)]
pub(crate) struct Patched {
    /// `Kind/name`, in order.
    pub(crate) objects: Vec<String>,
    /// Each patch that matched, in a few words: `Kind/name`, or of several objects how many they are.
    pub(crate) summary: Vec<String>,
    /// The positions of the Mesh's patches that matched a manifest of this gateway.
    pub(crate) of_mesh: BTreeSet<usize>,
}

impl Patched {
    fn add(&mut self, patch: &Patch, applied: Vec<String>) {
        self.summary.extend(match applied.as_slice() {
            [] => None,
            [object] => Some(object.clone()),
            objects => Some(format!("{} ({} manifests)", target(patch), objects.len())),
        });
        self.objects.extend(applied);
    }
}

/// Applies the Mesh's patches, then the Egress's own, each in order.
///
/// A patch that matches no manifest is an error: its author relies on a change that would not be there. One of the Mesh
/// must match in some gateway ([`check_mesh`]).
pub(crate) fn apply<'a>(
    egress: &Egress,
    mesh: &Mesh,
    objects: impl Iterator<Item = &'a mut Value>,
) -> Result<Patched, Vec<BuildError>> {
    let mut objects: Vec<_> = objects.collect();
    let (mut patched, mut errors) = (Patched::default(), Vec::new());
    for (position, patch) in mesh.patches.iter().enumerate() {
        match apply_one(egress, patch, &mut objects) {
            Ok(applied) => {
                if !applied.is_empty() {
                    patched.of_mesh.insert(position);
                }
                patched.add(patch, applied);
            }
            Err(error) => errors.push(BuildError { place: Box::new(Place::Mesh("spec.patches")), ..error }),
        }
    }
    for (position, patch) in egress.spec.patches.iter().enumerate() {
        let applied = match apply_one(egress, patch, &mut objects) {
            Ok(applied) if applied.is_empty() => Err(not_emitted(egress, patch, &objects)),
            applied => applied,
        };
        match applied {
            Ok(applied) => patched.add(patch, applied),
            Err(error) => errors.push(error.at(format!("spec.patches[{position}].kind"))),
        }
    }
    if errors.is_empty() { Ok(patched) } else { Err(errors) }
}

fn not_emitted(egress: &Egress, patch: &Patch, objects: &[&mut Value]) -> BuildError {
    let message = format!("a patch is for `{}`, but no such manifest is emitted", target(patch));
    let kinds: Vec<_> = objects.iter().map(|object| format!("`{}`", label(object))).collect();
    BuildError::of(egress, Code::PatchNotApplied, message)
        .with_help(format!("the emitted manifests are {}", kinds.join(", ")))
}

fn apply_one(egress: &Egress, patch: &Patch, objects: &mut [&mut Value]) -> Result<Vec<String>, BuildError> {
    let mut applied = Vec::new();
    for object in objects.iter_mut().filter(|object| matches_patch(patch, object)) {
        let label = label(object);
        let error =
            |reason: &str| BuildError::of(egress, Code::PatchNotApplied, format!("a patch of `{label}`: {reason}"));
        let (before_patch, bound) = (caller_settings(object), bindings(object));
        change(patch, object).map_err(|reason| error(&reason))?;
        if caller_settings(object) != before_patch {
            return Err(error(&format!("it removes or moves `{FORWARDED_CALLER}`"))
                .with_help("leave that setting as it is: the gateway identifies callers by it"));
        }
        if let Some((place, _)) = bound.iter().zip(bindings(object)).find(|(before, after)| **before != *after) {
            return Err(error(&format!("it changes `{}`", place.0))
                .with_help("leave it as it is: by it the gateway's pods, its policy and its routes find each other"));
        }
        applied.push(label);
    }
    Ok(applied)
}

/// The Mesh's patches that matched nothing in any gateway; `used` are the positions of the others.
pub(crate) fn check_mesh<'m>(mesh: &'m Mesh, used: &'m BTreeSet<usize>) -> impl Iterator<Item = BuildError> + 'm {
    let unused = mesh.patches.iter().enumerate().filter(|(position, _)| !used.contains(position));
    unused.map(|(_, patch)| {
        let message = format!("a patch of the Mesh is for `{}`, but no gateway has such a manifest", target(patch));
        BuildError::new(Code::PatchNotApplied, Place::Mesh("spec.patches"), message)
            .with_help("correct its `kind` and `name`, or remove it")
    })
}

fn target(patch: &Patch) -> String {
    let name = patch.name.as_ref().map(|name| format!("/{name}")).unwrap_or_default();
    format!("{}{name}", patch.kind)
}

/// What binds an object to the others: what it is, and which pods it selects.
const BINDINGS: [&str; 7] = [
    "/kind",
    "/metadata/name",
    "/metadata/namespace",
    "/spec/selector",
    "/spec/workloadSelector",
    "/spec/podSelector",
    "/spec/targetRefs",
];
/// Where pods and objects have labels, some of which selectors look for.
const LABELS: [&str; 5] = [
    "/metadata/labels",
    "/spec/template/metadata/labels",
    "/spec/infrastructure/labels",
    // Of an IstioOperator, and of Helm's values.
    "/spec/components/egressGateways/0/label",
    "/labels",
];

/// The places that no patch may change, as JSON pointers, and their values. A pod with other labels would have no filter.
fn bindings(object: &Value) -> Vec<(String, Option<Value>)> {
    let at = |place: String| {
        let value = object.pointer(&place).cloned();
        (place, value)
    };
    let labels = LABELS.iter().flat_map(|place| SELECTED.map(|name| format!("{place}/{}", name.replace('/', "~1"))));
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

fn matches_patch(patch: &Patch, object: &Value) -> bool {
    let name = object.pointer("/metadata/name").and_then(Value::as_str);
    (patch.kind == EVERY_KIND || object.get("kind").and_then(Value::as_str) == Some(&patch.kind))
        && patch.name.as_deref().is_none_or(|wanted| Some(wanted) == name)
}

fn label(object: &Value) -> String {
    let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    format!("{}/{name}", object.get("kind").and_then(Value::as_str).unwrap_or_default())
}

fn change(patch: &Patch, object: &mut Value) -> Result<(), String> {
    if let Some(merge) = &patch.merge {
        json_patch::merge(object, merge);
    }
    if let Some(operations) = patch.operations() {
        let operations: json_patch::Patch = serde_json::from_value(operations).map_err(|error| error.to_string())?;
        json_patch::patch(object, &operations).map_err(|error| error.to_string())?;
    }
    if object.is_object() { Ok(()) } else { Err("the result would not be an object".to_owned()) }
}
