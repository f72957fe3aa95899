//! What `--prune` removed, and the commands that delete from the cluster what was applied from it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sallyport_egress::yaml_value;

use crate::printable::{printable, quoted};

/// One object of the cluster, as kubectl names it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Object {
    /// `None` for a Namespace.
    namespace: Option<String>,
    /// `virtualservice.networking.istio.io/httpbin-egress`.
    name: String,
}

/// `removed`: files with their last text. `files`: those of the build, whose objects stay.
pub(super) fn text(removed: &BTreeMap<String, String>, files: &BTreeMap<String, String>) -> String {
    if removed.is_empty() {
        return String::new();
    }
    let mut text = "removed:\n".to_owned();
    removed.keys().for_each(|name| text.push_str(&format!("  {name}\n")));
    let stays = files.iter().flat_map(|(name, text)| objects(name, text)).collect();
    let commands = commands(removed, &stays);
    if !commands.is_empty() {
        text.push_str("What was applied from these files is still in the cluster. To delete it, in this order:\n");
        commands.iter().for_each(|command| text.push_str(&format!("  {command}\n")));
    }
    if removed.keys().any(|name| name.starts_with("mesh/")) {
        text.push_str("The mesh settings of `mesh` are still in your Istio installation, if you added them.\n");
    }
    text
}

/// The files of each folder in reverse order: routes first, the policy after the pods, and namespaces at the very end.
fn commands(removed: &BTreeMap<String, String>, stays: &BTreeSet<Object>) -> Vec<String> {
    let mut folders: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for (name, text) in removed.iter().rev() {
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
        folders.entry(folder).or_default().push((file, text));
    }
    let (mut commands, mut of_namespaces) = (Vec::new(), Vec::new());
    for files in folders.values() {
        for (file, text) in files {
            let gone = objects(file, text).into_iter().filter(|object| !stays.contains(object));
            let mut by_namespace: BTreeMap<_, Vec<_>> = BTreeMap::new();
            gone.for_each(|Object { namespace, name }| by_namespace.entry(namespace).or_default().push(quoted(&name)));
            for (namespace, names) in by_namespace {
                match namespace {
                    Some(namespace) => commands.push(format!("{DELETE} -n {} {}", quoted(&namespace), names.join(" "))),
                    None => of_namespaces.push(format!("{DELETE} {}", names.join(" "))),
                }
            }
            commands.extend(of_installer(file, text, files));
        }
    }
    of_namespaces.iter_mut().for_each(|command| command.push_str("   # with everything in it"));
    commands.into_iter().chain(of_namespaces).collect()
}

const DELETE: &str = "kubectl delete --ignore-not-found";

/// How the pods go that another tool made.
fn of_installer(file: &str, text: &str, folder: &[(&str, &str)]) -> Option<String> {
    match file {
        "30-istiooperator.yaml" => Some(format!(
            "istioctl manifest generate -f {file} | kubectl delete --ignore-not-found -f -   # with the removed file"
        )),
        "30-helm-values.yaml" => {
            let release = yaml_value(text)?.get("name")?.as_str()?.to_owned();
            let namespace =
                folder.iter().flat_map(|(file, text)| objects(file, text)).find_map(|object| object.namespace)?;
            Some(format!("helm uninstall {} -n {}", word(&release), word(&namespace)))
        }
        _ => None,
    }
}

/// The objects of a file that are applied as they are.
fn objects(file: &str, text: &str) -> Vec<Object> {
    if !file.ends_with(".yaml") {
        return Vec::new();
    }
    text.split("\n---\n").filter_map(object).collect()
}

fn object(document: &str) -> Option<Object> {
    let value = yaml_value(document)?;
    let at = |pointer: &str| value.pointer(pointer).and_then(|value| value.as_str());
    let (version, kind, name) = (at("/apiVersion")?, at("/kind")?, at("/metadata/name")?);
    if kind == "IstioOperator" {
        return None;
    }
    let group = version.split_once('/').map(|(group, _)| format!(".{group}")).unwrap_or_default();
    let name = one_line(&format!("{}{group}/{name}", kind.to_lowercase()));
    Some(Object { namespace: at("/metadata/namespace").map(one_line), name })
}

fn word(text: &str) -> String {
    quoted(&one_line(text))
}

/// A removed file may have been edited.
fn one_line(text: &str) -> String {
    printable(Path::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> BTreeMap<String, String> {
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn objects_are_deleted_in_reverse_order_unless_they_are_still_built() {
        let object = |version: &str, kind: &str, name: &str| {
            format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: a}}\n")
        };
        let identity =
            format!("# Made\n---\n{}---\n{}", object("v1", "ServiceAccount", "x"), object("v1", "Secret", "stays"));
        let removed = files(&[
            ("a-x/10-identity.yaml", &identity),
            ("a-x/30-helm-values.yaml", "name: x-egress\n"),
            ("a-x/50-routes.yaml", &object("networking.istio.io/v1", "VirtualService", "x")),
            ("a-x/NOTES.md", "---\n"),
            ("a-x/broken.yaml", "a: ["),
            ("namespaces/a.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n"),
        ]);
        let built = files(&[("a-y/10-identity.yaml", &object("v1", "Secret", "stays"))]);
        let text = text(&removed, &built);
        let (_, commands) = text.split_once("in this order:\n").unwrap();
        assert_eq!(
            commands,
            "  kubectl delete --ignore-not-found -n a virtualservice.networking.istio.io/x\n  \
             helm uninstall x-egress -n a\n  \
             kubectl delete --ignore-not-found -n a serviceaccount/x\n  \
             kubectl delete --ignore-not-found namespace/a   # with everything in it\n"
        );
    }

    #[test]
    fn a_name_in_an_edited_file_is_one_word() {
        let odd = "apiVersion: v1\nkind: Secret\nmetadata: {name: \"x; rm\\n -r\", namespace: a}\n";
        let text = text(&files(&[("a-x/10.yaml", odd)]), &BTreeMap::new());
        assert!(text.ends_with("-n a 'secret/x; rm\\n -r'\n"), "{text}");
    }
}
