//! `patches`: changes to emitted manifests, applied last.

mod kept;
mod needs;
mod operations;
mod refusal;
mod remedy;
mod target;

use std::collections::BTreeSet;

use sallyport_egress::Code;
use sallyport_egress::model::deploy::{EVERY_KIND, Patch};
use sallyport_egress::model::{Egress, Mesh};
use serde_json::Value;

use crate::error::{BuildError, Place};
use crate::yaml;
use refusal::Refusal;
use target::{Emitted, label};
pub(crate) use target::{matches_patch, target};

/// What patches changed.
#[derive(Debug, Default)]
pub(crate) struct Patched {
    /// Each patch that matched, in a few words: `Kind/name`, or of several objects how many they are.
    pub(crate) summary: Vec<String>,
    /// How the Mesh's patches fared.
    pub(crate) of_mesh: OfMesh,
}

/// How the Mesh's patches fared, in one gateway or in all.
#[derive(Debug, Default)]
pub(crate) struct OfMesh {
    /// The positions of those that matched a manifest.
    used: BTreeSet<usize>,
    /// What there was to match, if the Mesh has patches.
    emitted: Emitted,
}

impl Patched {
    fn add(&mut self, patch: &Patch, applied: &[String]) {
        self.summary.extend(match applied {
            [] => None,
            [object] => Some(object.clone()),
            objects => Some(format!("{} ({} manifests)", target(patch), objects.len())),
        });
    }
}

impl OfMesh {
    pub(crate) fn extend(&mut self, other: OfMesh) {
        self.used.extend(other.used);
        self.emitted.extend(other.emitted);
    }

    /// The patches that matched nothing in any gateway.
    pub(crate) fn unused<'m>(&'m self, mesh: &'m Mesh) -> impl Iterator<Item = BuildError> + 'm {
        let unused = mesh.patches.iter().enumerate().filter(|(position, _)| !self.used.contains(position));
        unused.map(|(position, patch)| {
            let message = format!("a patch of the Mesh is for `{}`, but no gateway has such a manifest", target(patch));
            let (field, help) = self.emitted.instead_of(patch);
            let place = Place::MeshPatch { position, field: field.to_owned() };
            BuildError::new(Code::PatchNotApplied, place, message).with_help(help)
        })
    }
}

/// Applies the Mesh's patches, then the Egress's own, each in order.
///
/// A patch that matches no manifest is an error: its author relies on a change that would not be there. One of the Mesh
/// must match in some gateway ([`OfMesh::unused`]).
pub(crate) fn apply<'a>(
    egress: &Egress,
    mesh: &Mesh,
    objects: impl Iterator<Item = &'a mut Value>,
) -> Result<Patched, Vec<BuildError>> {
    let mut objects: Vec<_> = objects.collect();
    let (mut patched, mut errors) = (Patched::default(), Vec::new());
    if !mesh.patches.is_empty() {
        patched.of_mesh.emitted = Emitted::of(&objects);
    }
    let error = |refusal: Refusal| {
        let error = BuildError::of(egress, Code::PatchNotApplied, refusal.message).with_help(refusal.help);
        (error, refusal.field)
    };
    for (position, patch) in mesh.patches.iter().enumerate() {
        match apply_one(egress, patch, &mut objects).map_err(error) {
            Ok(applied) => {
                if !applied.is_empty() {
                    patched.of_mesh.used.insert(position);
                }
                patched.add(patch, &applied);
            }
            Err((error, field)) => {
                errors.push(BuildError { place: Box::new(Place::MeshPatch { position, field }), ..error });
            }
        }
    }
    for (position, patch) in egress.spec.patches.iter().enumerate() {
        let applied = match apply_one(egress, patch, &mut objects) {
            Ok(applied) if applied.is_empty() => Err(not_emitted(patch, &Emitted::of(&objects))),
            applied => applied,
        };
        match applied.map_err(error) {
            Ok(applied) => patched.add(patch, &applied),
            Err((error, field)) => errors.push(error.at(format!("spec.patches[{position}].{field}"))),
        }
    }
    if errors.is_empty() { Ok(patched) } else { Err(errors) }
}

/// One mistake in the Mesh file is one error, however many gateways have the manifest that it is about.
pub(crate) fn report_the_mesh_once(errors: &mut Vec<BuildError>) {
    let mut seen = BTreeSet::new();
    errors.retain(|error| match error.place.as_ref() {
        Place::MeshPatch { position, .. } => seen.insert(*position),
        _ => true,
    });
}

fn not_emitted(patch: &Patch, emitted: &Emitted) -> Refusal {
    let (field, help) = emitted.instead_of(patch);
    let message = format!("a patch is for `{}`, but no such manifest is emitted", target(patch));
    Refusal { field: field.to_owned(), message, help }
}

fn apply_one(egress: &Egress, patch: &Patch, objects: &mut [&mut Value]) -> Result<Vec<String>, Refusal> {
    let mut applied = Vec::new();
    for object in objects.iter_mut().filter(|object| matches_patch(patch, object)) {
        let label = label(object);
        let before = (*object).clone();
        change(patch, object).and_then(|()| check(egress, patch, &before, object)).map_err(|refusal| {
            let message = format!("a patch of `{label}`: {}", refusal.message);
            Refusal { message, ..refusal }
        })?;
        applied.push(label);
    }
    Ok(applied)
}

fn check(egress: &Egress, patch: &Patch, before: &Value, after: &Value) -> Result<(), Refusal> {
    let lost = |after: &Value| kept::lost(before, after).or_else(|| needs::lost(egress, before, after));
    let Some((message, help)) = lost(after) else { return Ok(()) };
    let instead = patch.merge.as_ref().and_then(|merge| {
        let kind = target::kind(before)?;
        let operations = remedy::operations(before, merge);
        let mut after = before.clone();
        json_patch::patch(&mut after, &serde_json::from_value::<json_patch::Patch>(operations.clone()).ok()?).ok()?;
        if lost(&after).is_some() {
            return None;
        }
        let kind = if patch.kind == EVERY_KIND { format!("kind: {kind}, ") } else { String::new() };
        let operations = yaml::flow(&operations);
        Some(format!("a merge patch replaces whole lists; to add to them, write `{kind}json: {operations}`"))
    });
    Err(Refusal { field: changes(patch).to_owned(), message, help: instead.unwrap_or(help) })
}

fn change(patch: &Patch, object: &mut Value) -> Result<(), Refusal> {
    if let Some(merge) = &patch.merge {
        json_patch::merge(object, merge);
    }
    operations::apply(patch.json.as_deref().unwrap_or_default(), object)?;
    if object.is_object() {
        return Ok(());
    }
    let message = "the result would not be an object".to_owned();
    Err(Refusal { field: changes(patch).to_owned(), message, help: "change fields of the manifest only".to_owned() })
}

/// The field of a patch that has its changes.
fn changes(patch: &Patch) -> &'static str {
    match patch.json.as_deref() {
        Some([_]) => "json[0].path",
        Some(_) => "json",
        None => "merge",
    }
}
