//! The modules of the Egress crate have floors: each uses only modules of the floors below its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// From the ground up.
const FLOORS: [&[&str]; 11] = [
    &["code", "wording"],
    &["diagnostic"],
    &["yaml"],
    &["value"],
    &["model"],
    &["parse", "policy"],
    &["import"],
    &["lint"],
    &["manual"],
    &["check"],
    &["schema", "reference", "template"],
];

#[test]
fn modules_of_the_egress_crate_use_only_lower_floors() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packager/egress/src");
    let floors: BTreeMap<&str, usize> = FLOORS
        .iter()
        .enumerate()
        .flat_map(|(floor, modules)| modules.iter().map(move |module| (*module, floor)))
        .collect();
    let mut wrong = Vec::new();
    for path in sources(&root)? {
        let module = path.strip_prefix(&root)?.iter().next().and_then(|name| name.to_str()).context("a name")?;
        let module = module.trim_end_matches(".rs");
        if module == "lib" {
            continue;
        }
        let own = *floors.get(module).with_context(|| format!("`{module}` has no floor"))?;
        for (used, line) in uses(&production(&fs::read_to_string(&path)?)) {
            let is_below = floors.get(used.as_str()).is_some_and(|floor| *floor < own);
            if used != module && !is_below {
                wrong.push(format!("{}: {line}", path.display()));
            }
        }
    }
    ensure!(wrong.is_empty(), "these use a module of their own floor or of one above:\n{}", wrong.join("\n"));
    Ok(())
}

/// The modules of the crate that a text names, each with its line. Links in comments are not uses.
fn uses(text: &str) -> Vec<(String, String)> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let named = code.flat_map(|line| line.split("crate::").skip(1).map(move |after| (after, line)));
    named
        .filter_map(|(after, line)| {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
            let name = after.get(..end).filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()))?;
            Some((name.to_owned(), line.trim().to_owned()))
        })
        .collect()
}

/// The text up to the unit tests, which may look at everything.
fn production(text: &str) -> String {
    text.split("#[cfg(test)]").next().unwrap_or(text).to_owned()
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}
