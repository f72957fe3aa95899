//! Condition keys are compared in their table alone.

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
