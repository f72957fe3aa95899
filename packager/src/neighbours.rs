//! What a file needs of its folder. What is wrong with other files there does not matter to it.

use std::fs;
use std::path::{Path, PathBuf};

use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::model::Egress;
use sallyport_egress::{FileKind, check, decode, recognise};

/// What is needed beside the files that a user names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// The Mesh file, and the Egress files of standbys.
    Files,
    /// The same, the cases of Egress files, and the Egress files of cases.
    Cases,
}

/// What a file is, as far as its text says it by itself.
enum Content {
    Mesh,
    Egress(Vec<Egress>),
    /// Cases, of the Egress that they name.
    Cases(Option<String>),
    Other,
}

/// The files and directories that a user names, and what the files need of the files beside them.
pub(crate) fn with_needed(arguments: &[PathBuf], needs: Needs) -> Vec<PathBuf> {
    let mut all = arguments.to_vec();
    let given: Vec<_> = arguments.iter().filter(|path| path.is_file()).map(|path| (path, content(path))).collect();
    for (file, own) in &given {
        all.extend(needed(file, own, &given, needs));
    }
    all
}

/// Files that a user names.
type Given<'a> = [(&'a PathBuf, Content)];

/// Whether the user names the Egress file of cases, too. One file of each is a pair wherever they are.
fn is_egress_given(cases: &Path, name: Option<&str>, given: &Given<'_>) -> bool {
    let is_pair = given.iter().filter(|(_, content)| matches!(content, Content::Egress(_))).count() == 1
        && given.iter().filter(|(_, content)| matches!(content, Content::Cases(_))).count() == 1;
    given.iter().any(|(path, content)| match (content, name) {
        // One that cannot be read may be the one; the report says what is wrong with it.
        (Content::Egress(egresses), Some(name)) => {
            egresses.is_empty() || egresses.iter().any(|egress| is_named(egress, name))
        }
        (Content::Egress(_), None) => is_pair || folder_of(path) == folder_of(cases),
        _ => false,
    })
}

/// Whether the user names cases of an Egress file, too: then others do not matter.
fn are_cases_given(egress: &Path, own: &[Egress], given: &Given<'_>) -> bool {
    let is_alone = given.iter().filter(|(_, content)| matches!(content, Content::Egress(_))).count() == 1;
    given.iter().any(|(path, content)| match content {
        Content::Cases(Some(name)) => own.iter().any(|egress| is_named(egress, name)),
        Content::Cases(None) => is_alone || folder_of(path) == folder_of(egress),
        _ => false,
    })
}

fn needed(file: &Path, own: &Content, given: &Given<'_>, needs: Needs) -> Vec<PathBuf> {
    let beside: Vec<_> = files_beside(file).into_iter().map(|path| (content(&path), path)).collect();
    // The Egress files that it is about, and their standbys.
    let mut named: Vec<String> = Vec::new();
    let mut is_any = false;
    match own {
        Content::Egress(egresses) => named.extend(egresses.iter().flat_map(standbys)),
        Content::Cases(name) if is_egress_given(file, name.as_deref(), given) => {}
        Content::Cases(Some(name)) => named.push(name.clone()),
        Content::Cases(None) => is_any = true,
        Content::Mesh | Content::Other => {}
    }
    let is_wanted = |egress: &Egress, named: &[String]| is_any || named.iter().any(|name| is_named(egress, name));
    // A standby can have standbys, too.
    for _ in 0..beside.len() {
        let egresses = beside.iter().filter_map(|(content, _)| match content {
            Content::Egress(egresses) => Some(egresses),
            _ => None,
        });
        let wanted = egresses.flatten().filter(|egress| is_wanted(egress, &named));
        let more: Vec<_> = wanted.flat_map(standbys).filter(|name| !named.contains(name)).collect();
        if more.is_empty() {
            break;
        }
        named.extend(more);
    }
    let readable = |name: Option<&String>| {
        beside.iter().any(|(content, _)| match content {
            Content::Egress(egresses) => egresses.iter().any(|egress| name.is_none_or(|name| is_named(egress, name))),
            _ => false,
        })
    };
    // What cannot be read may be what is named and not found; the report says what is wrong with it.
    let is_missing = named.iter().any(|name| !readable(Some(name))) || (is_any && !readable(None));
    let is_needed = |content: &Content| match content {
        Content::Mesh => true,
        Content::Egress(egresses) if egresses.is_empty() => is_missing,
        Content::Egress(egresses) => egresses.iter().any(|egress| is_wanted(egress, &named)),
        Content::Cases(name) => match (own, needs) {
            (Content::Egress(own), Needs::Cases) if !are_cases_given(file, own, given) => {
                name.as_ref().is_none_or(|name| own.iter().any(|egress| is_named(egress, name)))
            }
            _ => false,
        },
        Content::Other => false,
    };
    beside.iter().filter(|(content, _)| is_needed(content)).map(|(_, path)| path.clone()).collect()
}

/// The files of the folder that a file is in, by name.
fn files_beside(file: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder_of(file)) else { return Vec::new() };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(|path| is_yaml(path)).collect();
    paths.sort();
    paths
}

/// The Mesh file in the folder that a file is in.
pub(crate) fn mesh_beside(file: &Path) -> Option<PathBuf> {
    files_beside(file).into_iter().find(|path| matches!(content(path), Content::Mesh))
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn is_named(egress: &Egress, name: &str) -> bool {
    *egress.name == *name || egress.route() == name
}

fn standbys(egress: &Egress) -> Vec<String> {
    egress.spec.health.failover.iter().map(|name| format!("{}/{}", egress.namespace, &**name)).collect()
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") && path.is_file()
}

fn content(path: &Path) -> Content {
    let Ok(bytes) = fs::read(path) else { return Content::Other };
    let text = String::from_utf8_lossy(&bytes);
    match recognise(&text) {
        FileKind::Sallyport if top_level(&text, "kind") == Some("Mesh") => Content::Mesh,
        FileKind::Sallyport => {
            let name = path.display().to_string();
            let source = decode(&name, &bytes).ok().map(|source: SourceFile| check(&[source]));
            Content::Egress(
                source
                    .map_or_else(Vec::new, |checked| checked.egresses.into_iter().map(|egress| egress.value).collect()),
            )
        }
        FileKind::Cases => Content::Cases(top_level(&text, "egress").map(str::to_owned)),
        _ => Content::Other,
    }
}

/// The value of a field at the beginning of a line, also in a file that is not valid.
fn top_level<'t>(text: &'t str, field: &str) -> Option<&'t str> {
    let value = |line: &'t str| line.strip_prefix(field)?.strip_prefix(':').map(|value| value.trim());
    let value = text.lines().find_map(value)?;
    let value = value.split(" #").next().unwrap_or(value).trim();
    Some(value.trim_matches(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_of_any_text() {
        assert_eq!(top_level("a: {\nkind: \"Mesh\" # m\n", "kind"), Some("Mesh"));
        assert_eq!(top_level("  kind: Mesh\n", "kind"), None);
    }
}
