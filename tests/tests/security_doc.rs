//! `docs/security.md` says what the code and the tests say: every kind of ambiguity, every class of difference, and only
//! tests that exist.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Result, ensure};
use sallyport_core::Ambiguity;
use sallyport_core::wire;
use sallyport_tests::workspace;

fn page() -> Result<String> {
    Ok(fs::read_to_string(workspace().join("docs/security.md"))?)
}

/// The cells of the table rows between two headings.
fn rows<'p>(page: &'p str, from: &str, to: &str) -> Vec<Vec<&'p str>> {
    let section = page.split_once(from).map_or("", |(_, rest)| rest.split(to).next().unwrap_or(rest));
    let rows = section.lines().filter(|line| line.starts_with('|') && !line.starts_with("|---"));
    rows.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// The words in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_kind_of_ambiguity_is_listed() -> Result<()> {
    let page = page()?;
    let rows = rows(&page, "What cannot be read in one way", "## Beside Istio");
    let listed: BTreeSet<&str> = rows.iter().flat_map(|row| quoted(row[0])).collect();
    let known: BTreeSet<&str> = Ambiguity::ALL.iter().map(|kind| kind.as_str()).collect();
    ensure!(listed == known, "listed {listed:?}, known {known:?}");
    let tolerable: BTreeSet<&str> = wire::Ambiguity::TOLERABLE.iter().map(|kind| kind.as_str()).collect();
    for row in rows.iter().skip(1) {
        for kind in quoted(row[0]) {
            ensure!((row[2] == "yes") == tolerable.contains(kind), "{kind}: {}", row[2]);
        }
    }
    Ok(())
}

#[test]
fn every_class_of_difference_is_listed() -> Result<()> {
    let page = page()?;
    let rows = rows(&page, "## Beside Istio", "## Ways round");
    let listed: BTreeSet<(String, String)> =
        rows.iter().skip(1).map(|row| (row[0].trim_matches('`').to_owned(), row[1].to_owned())).collect();
    // The table stands in a test that only `make parity` builds, so its text is read.
    let table = fs::read_to_string(workspace().join("tests/tests/parity/class.rs"))?;
    let field = |text: &str, name: &str| {
        let value = text.split_once(name).map_or("", |(_, rest)| rest);
        value.split([',', '\n']).next().unwrap_or_default().trim_matches([' ', '"']).to_ascii_lowercase()
    };
    let classes = table.split("    Class {").skip(1).map(|text| (field(text, "name: "), field(text, "direction: ")));
    let known: BTreeSet<(String, String)> = classes.collect();
    ensure!(known.len() > 10, "only {known:?} were found");
    ensure!(listed == known, "listed {listed:?}, known {known:?}");
    Ok(())
}

#[test]
fn only_tests_that_exist_are_named() -> Result<()> {
    let page = page()?;
    let rows = rows(&page, "## Ways round a rule", "## No request may hold");
    ensure!(rows.len() > 10, "{rows:?}");
    for test in rows.iter().skip(1).flat_map(|row| quoted(row[2])) {
        let folder = workspace().join("tests/tests");
        let exists = folder.join(format!("{test}.rs")).is_file() || folder.join(test).is_dir();
        ensure!(exists, "there is no test `{test}`");
    }
    Ok(())
}
