//! The core keeps its floors, and condition keys are compared in their table alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sallyport_core::policy::key::KEYS;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The production code of every file below a folder, without comments.
fn sources(folder: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                if !path.ends_with("tests") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
                let text = fs::read_to_string(&path)?;
                let production = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
                let is_code = |line: &&str| !line.trim_start().starts_with("//");
                found.push((path, production.lines().filter(is_code).collect::<Vec<_>>().join("\n")));
            }
        }
    }
    Ok(found)
}

/// The floors that the core's documentation names, each module with its height.
fn floors(documentation: &str) -> Result<BTreeMap<String, usize>> {
    let (_, after) = documentation.split_once("//! # Floors").context("the core names no floors")?;
    let block = after.split("//! ```").nth(1).context("there is no list of floors")?;
    let floors = block.lines().rev().map(|line| line.trim_start_matches("//!"));
    let heights = floors.enumerate();
    Ok(heights.flat_map(|(at, floor)| floor.split_whitespace().map(move |name| (name.to_owned(), at))).collect())
}

/// The modules at the root that some code names: `crate::wire::Rule`, `crate::{map, wire}`.
fn named(code: &str) -> Vec<&str> {
    let names = code.split("crate::").skip(1).flat_map(|after| {
        let group = after.strip_prefix('{').and_then(|inner| inner.split('}').next());
        group.unwrap_or(after.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default()).split(',')
    });
    names.map(|name| name.trim().split(':').next().unwrap_or_default()).collect()
}

#[test]
fn the_core_keeps_its_floors() -> Result<()> {
    let folder = root().join("filter/core/src");
    let floors = floors(&fs::read_to_string(folder.join("lib.rs"))?)?;
    ensure!(floors.len() > 10, "only {} modules have a floor", floors.len());
    for (path, code) in sources(&folder)? {
        let relative = path.strip_prefix(&folder)?;
        let module =
            relative.iter().next().and_then(|first| first.to_str()).unwrap_or_default().trim_end_matches(".rs");
        if module == "lib" {
            continue;
        }
        let own = floors.get(module).with_context(|| format!("`{module}` has no floor"))?;
        for other in named(&code).into_iter().filter(|other| *other != module) {
            let Some(height) = floors.get(other) else { continue };
            ensure!(height < own, "{}: `{module}` uses `{other}`, which is not below it", relative.display());
        }
    }
    Ok(())
}

#[test]
fn condition_keys_are_compared_in_their_table_alone() -> Result<()> {
    let stems: Vec<&str> = KEYS.iter().filter_map(|key| key.name.split('[').next()).collect();
    for folder in ["filter/core/src", "packager/egress/src", "packager/src"] {
        for (path, code) in
            sources(&root().join(folder))?.iter().filter(|(path, _)| !path.ends_with("policy/key/table.rs"))
        {
            for stem in &stems {
                // The key alone, or with the bracket behind it: not a sentence that names it.
                let is_compared =
                    [format!("\"{stem}\""), format!("\"{stem}[\"")].iter().any(|text| code.contains(text));
                ensure!(!is_compared, "{} has the condition key `{stem}`", path.display());
            }
        }
    }
    Ok(())
}
