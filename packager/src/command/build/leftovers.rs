//! What is still in the cluster although it is no longer built, if it was applied: the objects of removed files, and those
//! that are gone from a file that changed.

mod object;
mod pods;
#[cfg(test)]
mod tests;

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sallyport_manifest::Need;

use crate::output::Difference;
use crate::printable::{printable, quoted};
use object::{DELETE, Object, objects};
use pods::Pods;

/// Texts of files, by their names.
type Texts<'t> = BTreeMap<&'t str, &'t str>;

/// What there is to say, before and after the new manifests are applied.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Leftovers {
    /// Pods that another tool installs from now on.
    pub(super) first: String,
    /// What is deleted when everything else is in place.
    pub(super) last: String,
}

impl Leftovers {
    /// `files`: those of the build. `is_pruned`: the stale files are removed, or would be.
    pub(super) fn of(difference: &Difference, files: &BTreeMap<String, String>, is_pruned: bool) -> Leftovers {
        let Difference { changed, stale, .. } = difference;
        if changed.is_empty() && stale.is_empty() {
            return Leftovers::default();
        }
        let (removed, kept) = if is_pruned { (texts(stale), Texts::new()) } else { (Texts::new(), texts(stale)) };
        let gone: Texts<'_> = texts(changed).into_iter().chain(removed.clone()).collect();
        let stays: Texts<'_> = texts(files).into_iter().chain(kept).collect();
        let replaced = replaced(difference, files, is_pruned);
        Leftovers {
            first: replaced.iter().map(|(folder, old, new)| reinstallation(folder, old, new)).collect(),
            last: Deletion::of(&gone, &stays, &replaced).text(!files.is_empty()) + of_mesh(&removed),
        }
    }
}

fn texts(files: &BTreeMap<String, String>) -> Texts<'_> {
    files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect()
}

/// The folders whose pods another tool makes now: the folder, the pods as they were, and as they are.
fn replaced(
    difference: &Difference,
    files: &BTreeMap<String, String>,
    is_pruned: bool,
) -> BTreeSet<(String, Pods, Pods)> {
    let Difference { changed, stale, .. } = difference;
    // By folder: whether the file is removed, and its pods.
    let mut earlier: BTreeMap<&str, Vec<(bool, Pods)>> = BTreeMap::new();
    for (name, text) in changed.iter().chain(stale) {
        let (folder, file) = in_folder(name);
        if let Some(pods) = Pods::of(file, text) {
            earlier.entry(folder).or_default().push((is_pruned && stale.contains_key(name), pods));
        }
    }
    let mut replaced = BTreeSet::new();
    for (name, text) in files {
        let (folder, file) = in_folder(name);
        let Some(earlier) = earlier.get(folder) else { continue };
        let Some(new) = Pods::of(file, text) else { continue };
        let others =
            earlier.iter().filter(|(is_removed, old)| (difference.writes(name) || *is_removed) && old.tool != new.tool);
        replaced.extend(others.map(|(_, old)| (folder.to_owned(), old.clone(), new.clone())));
    }
    replaced
}

fn reinstallation(folder: &str, old: &Pods, new: &Pods) -> String {
    let mut text = format!(
        "The pods of {} are installed in another way: `{}` instead of `{}`. Neither takes over what the other made, so there \
         is an outage:\nfrom the first of these commands until the new pods are ready, callers get errors. Run them before you \
         apply {}; if that is done, they find nothing:\n",
        old.route(),
        new.tool.name(),
        old.tool.name(),
        printable(Path::new(folder)),
    );
    old.deletion().iter().for_each(|command| text.push_str(&format!("  {command}\n")));
    text
}

/// The objects of all files that stay, and the namespaces that they are in.
struct Staying {
    objects: BTreeSet<Object>,
    namespaces: BTreeSet<String>,
}

impl Staying {
    fn of(files: &Texts<'_>) -> Staying {
        let objects: BTreeSet<_> = files.iter().flat_map(|(name, text)| objects(name, text)).collect();
        let namespaces = objects.iter().filter_map(|object| object.namespace.clone()).collect();
        Staying { objects, namespaces }
    }
}

/// What is deleted, and what is not.
#[derive(Debug, Default)]
struct Deletion {
    commands: Vec<String>,
    /// Namespaces that what stays is in.
    kept: BTreeSet<String>,
    /// Namespaces that nothing of what stays is in.
    unused: BTreeSet<String>,
    /// Secrets and ConfigMaps, which the user has made.
    of_user: BTreeSet<String>,
}

impl Deletion {
    /// The files of each folder in reverse order: routes first, the policy after the pods.
    fn of(gone: &Texts<'_>, stays: &Texts<'_>, replaced: &BTreeSet<(String, Pods, Pods)>) -> Deletion {
        let needs = |files: &Texts<'_>| -> BTreeSet<String> {
            let pages = files.iter().filter(|(name, _)| in_folder(name).1 == "NOTES.md");
            pages.flat_map(|(_, text)| Need::on_page(text)).collect()
        };
        let mut deletion = Deletion::default();
        deletion.of_user.extend(needs(gone).difference(&needs(stays)).map(|need| printable(Path::new(need))));
        let still = |folder: &str, file: &str| Pods::of(file, stays.get(format!("{folder}/{file}").as_str())?);
        // They must go before the new ones come.
        let replaced: BTreeSet<(&str, &Pods)> =
            replaced.iter().map(|(folder, old, _)| (folder.as_str(), old)).collect();
        let staying = LazyCell::new(|| Staying::of(stays));
        let mut folders: BTreeMap<&str, Vec<(&str, &str, &str)>> = BTreeMap::new();
        for (name, text) in gone.iter().rev() {
            let (folder, file) = in_folder(name);
            folders.entry(folder).or_default().push((name, file, text));
        }
        for (folder, files) in folders {
            for (name, file, text) in files {
                match Pods::of(file, text) {
                    Some(pods) if replaced.contains(&(folder, &pods)) => {}
                    Some(pods) if !pods.tool.is_applied() && still(folder, file).is_none() => {
                        deletion.commands.extend(pods.deletion());
                    }
                    _ => {
                        let now = stays.get(name).map(|text| objects(file, text)).unwrap_or_default();
                        let gone = objects(file, text).into_iter().filter(|object| !now.contains(object));
                        deletion.add(gone, &staying);
                    }
                }
            }
        }
        deletion
    }

    /// `staying` is read only if there are objects that are no longer in their file: all files are parsed for it.
    fn add(&mut self, gone: impl Iterator<Item = Object>, staying: &LazyCell<Staying, impl FnOnce() -> Staying>) {
        let mut by_namespace: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for object in gone.filter(|object| !staying.objects.contains(object)) {
            if let Some(name) = object.as_namespace() {
                let is_used = staying.namespaces.contains(name);
                if is_used { &mut self.kept } else { &mut self.unused }.insert(name.to_owned());
            } else if object.is_application_set() {
                let namespace = object.namespace.unwrap_or_default();
                self.commands.push(format!(
                    "{DELETE} --cascade=orphan -n {} {}   # without that option Argo CD deletes everything it has applied",
                    quoted(&namespace),
                    quoted(&object.name)
                ));
            } else if let Some(namespace) = object.namespace {
                by_namespace.entry(namespace).or_default().push(quoted(&object.name));
            }
        }
        for (namespace, names) in by_namespace {
            self.commands.push(format!("{DELETE} -n {} {}", quoted(&namespace), names.join(" ")));
        }
    }

    /// `is_after`: there are manifests to apply first.
    fn text(&self, is_after: bool) -> String {
        let Deletion { commands, kept, unused, of_user } = self;
        let mut text = String::new();
        if !commands.is_empty() {
            text.push_str("No longer built, and still in the cluster if you applied it. ");
            text.push_str(if is_after { "When the new manifests are applied, delete it" } else { "Delete it" });
            text.push_str(" in this order:\n");
            commands.iter().for_each(|command| text.push_str(&format!("  {command}\n")));
        }
        if !of_user.is_empty() {
            text.push_str("Made by you, and no longer referred to. Delete it if nothing else uses it:\n");
            of_user.iter().for_each(|object| text.push_str(&format!("  {object}\n")));
        }
        for name in kept {
            text.push_str(&format!("The Namespace {name} stays, because gateways are in it: it is yours now.\n"));
        }
        for name in unused.iter().filter(|name| !OF_OTHERS.contains(&name.as_str())) {
            let name = quoted(name);
            text.push_str(&format!(
                "The Namespace {name} has no gateway of this build any more. Deleting it deletes everything in it, so look \
                 first for what others\nhave in it, callers and Secrets among them:\n  kubectl get all,secrets,configmaps -n {name}\n  \
                 # {DELETE} namespace {name}\n"
            ));
        }
        text
    }
}

/// Namespaces that clusters have, whatever is built.
const OF_OTHERS: [&str; 4] = ["default", "istio-system", "kube-public", "kube-system"];

fn of_mesh(removed: &Texts<'_>) -> &'static str {
    if removed.keys().any(|name| name.starts_with("mesh/")) {
        "The mesh settings of `mesh` are still in your Istio installation, if you added them.\n"
    } else {
        ""
    }
}

/// A file's folder and its name there.
fn in_folder(name: &str) -> (&str, &str) {
    name.rsplit_once('/').unwrap_or(("", name))
}
