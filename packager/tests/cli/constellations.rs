//! Constellations of Istio's objects that work, in the shapes of Istio's own tasks and samples: `check` has nothing to say of
//! any. `cluster_constellations` has them served by the real istiod.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::sandbox::Sandbox;

const GOOD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/constellations/good");
/// Fewer are not a corpus.
const FEWEST: usize = 20;

#[test]
fn nothing_is_said_of_what_works() {
    let sandbox = Sandbox::new();
    let mut files: Vec<_> = fs::read_dir(GOOD).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= FEWEST, "only {} constellations were found", files.len());
    let said: Vec<String> = files.iter().flat_map(|file| findings(&sandbox, file)).collect();
    assert!(said.is_empty(), "{}", said.join("\n"));
}

/// What `check` says of one file, a line each.
fn findings(sandbox: &Sandbox, file: &Path) -> Vec<String> {
    let name = file.file_name().unwrap().to_string_lossy();
    let ended = sandbox.run(&["check", "--format=json", &file.to_string_lossy()]);
    assert_eq!(ended.stderr, "", "{name}");
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["summary"]["files"], 1, "{name} is not read");
    let problems = report["diagnostics"].as_array().unwrap();
    assert_eq!(ended.code == Some(0), problems.iter().all(|one| one["severity"] == "warning"), "{name}: {ended:?}");
    let text = |one: &Value, field: &str| one[field].as_str().unwrap_or_default().to_owned();
    let line = |one: &Value| format!("{name}:{}: {}: {}", one["line"], text(one, "code"), text(one, "message"));
    problems.iter().map(line).collect()
}
