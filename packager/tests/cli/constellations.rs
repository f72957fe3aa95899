//! Constellations of Istio's objects. Those that work, in the shapes of Istio's own tasks and samples: `check` has nothing to
//! say of any. Those that do harm: it says something of each. `cluster_constellations` serves them by the real istiod.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::sandbox::Sandbox;

const GOOD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/constellations/good");
const BAD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/constellations/bad");
/// Fewer are not a corpus.
const FEWEST: usize = 20;

#[test]
fn nothing_is_said_of_what_works() {
    let sandbox = Sandbox::new();
    let said: Vec<String> = files(GOOD).iter().flat_map(|file| findings(&sandbox, file)).collect();
    assert!(said.is_empty(), "{}", said.join("\n"));
}

#[test]
fn something_is_said_of_what_does_harm() {
    let sandbox = Sandbox::new();
    let silent: Vec<_> = files(BAD).into_iter().filter(|file| findings(&sandbox, file).is_empty()).collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

fn files(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= FEWEST, "only {} constellations were found in {folder}", files.len());
    files
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
