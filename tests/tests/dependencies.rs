//! What the project is built from: each dependency declared once, under a licence that is allowed, in one version.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sallyport_tests::workspace;
use serde_json::Value;
use spdx::{Expression, ParseMode};

/// Licences that let a user run, change and ship the program on the terms of Apache-2.0, with at most a notice.
const LICENCES: [&str; 11] = [
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "0BSD",
];

/// Crates that are there in more than one version, and which two of our dependencies disagree.
const DUPLICATES: [(&str, &str); 9] = [
    ("bit-vec", "jsonschema and rcgen, each by way of others"),
    ("foldhash", "hashbrown's"),
    ("getrandom", "ring has 0.2, jsonschema 0.3, tempfile 0.4"),
    ("hashbrown", "wasmi has 0.15, proxy-wasm 0.16, indexmap 0.17"),
    ("itertools", "criterion and prost-derive"),
    ("r-efi", "getrandom's, for UEFI"),
    ("syn", "derive macros move from 2 to 3"),
    ("wasmparser", "wasmi has one of its own; it is for tests only"),
    ("windows-sys", "ring has 0.52; for Windows"),
];

/// Every package of the lock file, as cargo sees it.
fn packages() -> Result<Vec<Value>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--locked", "--format-version", "1"])
        .current_dir(workspace())
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    ensure!(packages.len() > 50, "only {} packages", packages.len());
    Ok(packages.clone())
}

#[test]
fn every_licence_is_allowed() -> Result<()> {
    for package in packages()? {
        let name = package["name"].as_str().context("no name")?;
        let licence = package["license"].as_str().with_context(|| format!("{name} names no licence"))?;
        let expression =
            Expression::parse_mode(licence, ParseMode::LAX).with_context(|| format!("{name}: {licence}"))?;
        let allowed = expression.evaluate(|wanted| {
            wanted.addition.is_none() && wanted.license.id().is_some_and(|id| LICENCES.contains(&id.name))
        });
        ensure!(allowed, "{name} has the licence {licence}");
    }
    Ok(())
}

#[test]
fn every_crate_is_there_in_one_version() -> Result<()> {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in packages()? {
        let [name, version] =
            [&package["name"], &package["version"]].map(|text| text.as_str().unwrap_or_default().to_owned());
        versions.entry(name).or_default().insert(version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    for (name, versions) in &versions {
        let known = DUPLICATES.iter().any(|(known, _)| known == name);
        ensure!(known, "{name} is there in several versions: {versions:?}; run `cargo tree --duplicates`");
    }
    for (known, reason) in DUPLICATES {
        ensure!(versions.contains_key(known), "{known} is there only once now ({reason}): take it from the list");
    }
    Ok(())
}

/// A version or a feature that two manifests state can differ between them; the workspace's cannot.
#[test]
fn every_dependency_is_declared_in_the_workspace() -> Result<()> {
    let root = fs::read_to_string(workspace().join("Cargo.toml"))?;
    let members = root.lines().find_map(|line| line.strip_prefix("members = [")).context("no members")?;
    let members: Vec<_> = members.split('"').skip(1).step_by(2).collect();
    ensure!(members.len() > 4, "{members:?}");
    for member in members {
        let manifest = fs::read_to_string(workspace().join(member).join("Cargo.toml"))?;
        let mut section = "";
        for line in manifest.lines() {
            if line.starts_with('[') {
                section = line;
            } else if section.ends_with("dependencies]") && !line.is_empty() && !line.starts_with('#') {
                ensure!(line.contains("workspace = true"), "{member}/Cargo.toml: {line}");
            }
        }
    }
    Ok(())
}
