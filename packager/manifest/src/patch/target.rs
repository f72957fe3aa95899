//! Which manifests a patch is for.

use std::collections::BTreeSet;

use sallyport_egress::did_you_mean;
use sallyport_egress::model::deploy::{EVERY_KIND, Patch};
use serde_json::Value;

/// Kind and name of each manifest. The values of a Helm chart have neither.
#[derive(Debug, Default)]
pub(super) struct Emitted(BTreeSet<(String, String)>);

impl Emitted {
    pub(super) fn of(objects: &[&mut Value]) -> Self {
        Self(objects.iter().filter_map(|object| Some((kind(object)?.to_owned(), name(object)?.to_owned()))).collect())
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The field of a patch by which it matches nothing, and what to write there.
    pub(super) fn instead_of(&self, patch: &Patch) -> (&'static str, String) {
        let kinds: BTreeSet<&str> = self.0.iter().map(|(kind, _)| kind.as_str()).collect();
        if patch.kind != EVERY_KIND && !kinds.contains(patch.kind.as_str()) {
            return ("kind", choice(&patch.kind, "the emitted kinds", &kinds));
        }
        let of_kind = self.0.iter().filter(|(kind, _)| patch.kind == EVERY_KIND || *kind == patch.kind);
        let names = of_kind.map(|(_, name)| name.as_str()).collect();
        ("name", choice(patch.name.as_deref().unwrap_or_default(), "the names of these manifests", &names))
    }
}

fn choice(written: &str, what: &str, known: &BTreeSet<&str>) -> String {
    let all: Vec<_> = known.iter().map(|word| format!("`{word}`")).collect();
    let all = format!("{what} are {}", all.join(", "));
    match did_you_mean(written, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? {all}"),
        None => all,
    }
}

pub(crate) fn matches_patch(patch: &Patch, object: &Value) -> bool {
    // Values of a chart are no manifest of any kind.
    kind(object).is_some_and(|kind| patch.kind == EVERY_KIND || kind == patch.kind)
        && patch.name.as_deref().is_none_or(|wanted| Some(wanted) == name(object))
}

/// What a patch is for, as its author wrote it.
pub(crate) fn target(patch: &Patch) -> String {
    let name = patch.name.as_ref().map(|name| format!("/{name}")).unwrap_or_default();
    format!("{}{name}", patch.kind)
}

/// `Kind/name`.
pub(super) fn label(object: &Value) -> String {
    format!("{}/{}", kind(object).unwrap_or_default(), name(object).unwrap_or_default())
}

pub(super) fn kind(object: &Value) -> Option<&str> {
    object.get("kind")?.as_str()
}

fn name(object: &Value) -> Option<&str> {
    object.pointer("/metadata/name")?.as_str()
}
