//! The floors of the modules in the command and in the manifests: a module uses only lower ones, so there are no circles.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use sallyport_tests::workspace;

/// The modules of `packager/src`, the lowest floor first. Modules of one floor do not use each other.
const COMMAND: [&[&str]; 8] = [
    &["printable"],
    &["exit"],
    &["console", "input", "lock", "output", "oci"],
    &["report"],
    &["examine"],
    &["local"],
    &["command"],
    &["cli"],
];

/// The modules of `packager/manifest/src`.
const MANIFEST: [&[&str]; 6] =
    [&["error", "yaml"], &["plan"], &["kind", "lock"], &["names", "patch", "step"], &["build"], &[]];

#[test]
fn a_module_uses_lower_floors_only() -> Result<()> {
    for (folder, floors) in [("packager/src", &COMMAND[..]), ("packager/manifest/src", &MANIFEST)] {
        let floor_of = |module: &str| {
            let top = module.split("::").next().unwrap_or_default();
            floors
                .iter()
                .position(|floor| floor.contains(&top))
                .with_context(|| format!("{folder}: {top} has no floor"))
        };
        for (module, used) in modules(&workspace().join(folder))? {
            for other in used.iter().filter(|other| !module.is_empty() && !other.is_empty()) {
                let is_inside = other.split("::").next() == module.split("::").next();
                ensure!(is_inside || floor_of(other)? < floor_of(&module)?, "{folder}: {module} uses {other}");
            }
        }
    }
    Ok(())
}

#[test]
fn no_two_modules_use_each_other() -> Result<()> {
    for folder in ["packager/src", "packager/manifest/src"] {
        let mut graph = modules(&workspace().join(folder))?;
        // A module that uses none that is left cannot be part of a circle.
        loop {
            let free: BTreeSet<_> =
                graph.iter().filter(|(_, used)| used.is_empty()).map(|(module, _)| module.clone()).collect();
            if free.is_empty() {
                break;
            }
            graph.retain(|module, _| !free.contains(module));
            graph.values_mut().for_each(|used| used.retain(|other| !free.contains(other)));
        }
        ensure!(graph.is_empty(), "{folder}: there is a circle among {graph:?}");
    }
    Ok(())
}

#[test]
fn paths_are_read_from_use_trees() {
    let text = "use super::{a::B, c::{self, d}};\nfn f() { crate::e::g() }\n";
    let read = paths(text);
    for path in ["super::a::B", "super::c::self", "super::c::d", "crate::e::g"] {
        assert!(read.contains(path), "{path}: {read:?}");
    }
}

/// Every module of a folder, and the modules of the folder that it uses. The root is the empty name.
fn modules(folder: &Path) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut texts = BTreeMap::new();
    collect(folder, "", &mut texts)?;
    ensure!(texts.len() > 10, "only {} modules in {}", texts.len(), folder.display());
    let known: BTreeSet<String> = texts.keys().cloned().collect();
    let uses = |module: &String, text: &String| {
        let found = paths(text).iter().filter_map(|path| resolve(module, path, &known)).collect::<BTreeSet<_>>();
        found.into_iter().filter(|other| other != module).collect()
    };
    Ok(texts.iter().map(|(module, text)| (module.clone(), uses(module, text))).collect())
}

fn collect(folder: &Path, prefix: &str, texts: &mut BTreeMap<String, String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).context("a name")?.to_owned();
        let module = if prefix.is_empty() { name.clone() } else { format!("{prefix}::{name}") };
        if path.is_dir() {
            collect(&path, &module, texts)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") && name != "tests" {
            let module = if matches!(name.as_str(), "main" | "lib") { String::new() } else { module };
            let text = fs::read_to_string(&path)?;
            let production = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let code = production.lines().map(|line| line.split("//").next().unwrap_or_default());
            texts.insert(module, code.collect::<Vec<_>>().join("\n"));
        }
    }
    Ok(())
}

/// Every path in a text: in `use` trees, and in the code.
fn paths(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut tree = String::new();
    for line in text.lines() {
        let is_use =
            ["use ", "pub use ", "pub(crate) use ", "pub(super) use "].iter().any(|start| line.starts_with(start));
        if is_use || !tree.is_empty() {
            tree.push_str(line);
            if line.ends_with(';') {
                let whole = std::mem::take(&mut tree);
                expand(whole.split_once("use ").map_or("", |(_, tree)| tree.trim_end_matches(';')), "", &mut found);
            }
        } else {
            found.extend(words(line));
        }
    }
    found
}

fn words(code: &str) -> impl Iterator<Item = String> {
    code.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
        .filter(|word| word.contains("::"))
        .map(str::to_owned)
}

/// `a::{b, c::d}` is `a::b` and `a::c::d`.
fn expand(tree: &str, prefix: &str, found: &mut BTreeSet<String>) {
    let Some((head, body)) = tree.split_once('{') else {
        found.insert(format!("{prefix}{}", tree.split(" as ").next().unwrap_or_default().trim()));
        return;
    };
    let prefix = format!("{prefix}{}", head.trim());
    let (mut depth, mut from) = (0_i32, 0);
    let body = body.trim_end().strip_suffix('}').unwrap_or(body);
    for (at, character) in body.char_indices().chain([(body.len(), ',')]) {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let item = body[from..at].trim();
                if !item.is_empty() {
                    expand(item, &prefix, found);
                }
                from = (at + 1).min(body.len());
            }
            _ => {}
        }
    }
}

/// The module that a path in `module` leads to, if it is one of this crate.
fn resolve(module: &str, path: &str, known: &BTreeSet<String>) -> Option<String> {
    let mut base: Vec<&str> = module.split("::").filter(|part| !part.is_empty()).collect();
    let mut parts: Vec<&str> = path.split("::").collect();
    match *parts.first()? {
        "crate" => base.clear(),
        "super" => {
            while parts.get(1) == Some(&"super") {
                base.pop();
                parts.remove(0);
            }
            base.pop();
        }
        "self" => {}
        child => {
            let child = base.iter().copied().chain([child]).collect::<Vec<_>>().join("::");
            if !known.contains(&child) {
                return None;
            }
            parts.insert(0, "self");
        }
    }
    base.extend(parts.into_iter().skip(1));
    (0..=base.len()).rev().map(|length| base[..length].join("::")).find(|candidate| known.contains(candidate))
}
