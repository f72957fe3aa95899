//! Condition keys are compared in their table alone.

use anyhow::{Result, ensure};
use sallyport_core::policy::key::KEYS;
use sallyport_tests::sources::code_lines;
use sallyport_tests::workspace;

#[test]
fn condition_keys_are_compared_in_their_table_alone() -> Result<()> {
    let stems: Vec<&str> = KEYS.iter().filter_map(|key| key.name.split('[').next()).collect();
    for folder in ["filter/core/src", "packager/egress/src", "packager/manifest/src", "packager/src"] {
        let lines = code_lines(&workspace().join(folder))?;
        for (file, number, line) in lines.iter().filter(|(file, ..)| !file.ends_with("policy/key/table.rs")) {
            for stem in &stems {
                // The key alone, or with the bracket behind it: not a sentence that names it.
                let is_compared =
                    [format!("\"{stem}\""), format!("\"{stem}[\"")].iter().any(|text| line.contains(text));
                ensure!(!is_compared, "{folder}/{file}:{number}: the condition key `{stem}`: {line}");
            }
        }
    }
    Ok(())
}
