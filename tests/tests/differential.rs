//! The files of `cluster_differential`, as far as they need no cluster: one per field of the schema, each of them valid.

#[path = "differential/compare.rs"]
#[expect(dead_code, reason = "`cluster_differential` uses all of it")]
mod compare;
#[path = "differential/fields.rs"]
mod fields;
#[path = "differential/ignored.rs"]
mod ignored;
#[path = "differential/normal.rs"]
#[expect(dead_code, reason = "`cluster_differential` uses all of it")]
mod normal;

use std::fs;

use anyhow::{Context, Result, ensure};
use sallyport_egress::diagnostic::Severity;
use sallyport_egress::{check, decode};
use sallyport_tests::workspace;

#[test]
fn every_field_of_the_schema_has_a_file() -> Result<()> {
    fields::check_complete()
}

#[test]
fn every_file_is_valid() -> Result<()> {
    for (position, case) in fields::cases()?.iter().enumerate() {
        let name = case.name(position);
        let mut files = vec![("egress.yaml", case.egress(&name)), ("mesh.yaml", case.mesh(&name))];
        files.extend(case.standby.then(|| ("standby.yaml", fields::base(&name, "standby"))));
        let sources: Vec<_> =
            files.iter().filter_map(|(name, file)| decode(name, file.to_string().as_bytes()).ok()).collect();
        ensure!(sources.len() == files.len(), "{} is not text", case.field);
        let found = check(&sources).diagnostics;
        let errors: Vec<_> = found.into_iter().filter(|found| found.severity == Severity::Error).collect();
        ensure!(errors.is_empty(), "{}: {errors:?}", case.field);
    }
    Ok(())
}

#[test]
fn every_reason_is_documented() -> Result<()> {
    let page = fs::read_to_string(workspace().join("docs/comparison.md"))?;
    let table =
        page.split_once("<!-- differential:begin -->").and_then(|(_, rest)| rest.split_once("<!-- differential:end"));
    let (table, _) = table.context("no table")?;
    let all = || ignored::TRANSLATED.iter().chain(ignored::SURROUNDED);
    for entry in all() {
        ensure!(
            table.contains(entry.reason),
            "docs/comparison.md does not say why {} may differ: {}",
            entry.path,
            entry.reason
        );
    }
    for row in table.lines().filter(|line| line.starts_with("| ")).skip(1) {
        ensure!(all().any(|entry| row.contains(entry.reason)), "nothing differs for this reason any more: {row}");
    }
    Ok(())
}
