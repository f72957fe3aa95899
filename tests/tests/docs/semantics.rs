//! What the pages say about decisions, asked of the engine.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use sallyport_core::{Ambiguity, Engine, Reason, RequestView, Verdict};
use sallyport_egress::diagnostic::Severity;
use sallyport_egress::lint;
use serde_json::json;

use crate::facts::{quoted, rows};
use crate::page::Page;

/// Whether a policy that allows one path pattern allows a path.
fn allows(pattern: &str, path: &str) -> Result<bool> {
    let policy = json!({"version": 1, "upstream": "a/b", "rules": [
        {"id": "r", "action": "ALLOW", "to": [{"operation": {"paths": [pattern]}}]},
    ]});
    let engine = Engine::from_json(policy.to_string().as_bytes()).with_context(|| format!("`{pattern}` is refused"))?;
    let headers: &[(&[u8], &[u8])] = &[(b":method", b"GET"), (b":path", path.as_bytes()), (b":authority", b"a")];
    let view = RequestView { headers, ..RequestView::default() };
    Ok(matches!(engine.on_request(&view).verdict, Verdict::Continue(_)))
}

#[test]
fn path_patterns_match_as_the_table_says() -> Result<()> {
    let page = Page::read("docs/writing-a-policy.md")?;
    let rows = rows(&page, "### Paths", "`{*}` is one segment")?;
    ensure!(rows.len() >= 9, "only {rows:?}");
    let mut tried = 0;
    for row in rows.iter().skip(1) {
        let pattern = quoted(&row[0]).next().context("a row has a pattern")?;
        for (cell, expected) in [(1, true), (2, false)] {
            for path in row.get(cell).into_iter().flat_map(|cell| quoted(cell)) {
                tried += 1;
                ensure!(allows(pattern, path)? == expected, "`{pattern}` and `{path}`: not {expected}");
            }
        }
    }
    ensure!(tried >= 20, "only {tried} paths");
    Ok(())
}

#[test]
fn every_reason_has_its_status() -> Result<()> {
    let reasons = [
        Reason::Denied,
        Reason::NotAllowed,
        Reason::NoIdentity,
        Reason::Ambiguous(Ambiguity::DoubleSlash),
        Reason::NoPolicy,
        Reason::UpstreamDown,
    ];
    let rows = rows(&Page::read("docs/concepts.md")?, "| answer | reason |", "gRPC callers get")?;
    for reason in reasons {
        let row = rows.iter().find(|row| quoted(&row[1]).any(|word| word == reason.as_str()));
        let row = row.with_context(|| format!("the page has no {}", reason.as_str()))?;
        ensure!(row[0] == reason.http_status().to_string(), "{row:?}");
    }
    Ok(())
}

#[test]
fn the_lints_that_are_errors_are_named() -> Result<()> {
    let page = Page::read("docs/command.md")?;
    let (_, rest) = page.text.split_once("these are errors").context("no list of errors")?;
    let (list, _) = rest.split_once("All others are warnings").context("the list has no end")?;
    let words = list.split(|c: char| !c.is_ascii_alphanumeric());
    let named: BTreeSet<_> = words.filter(|word| word.starts_with("SP2")).map(str::to_owned).collect();
    let errors = lint::codes().filter(|code| code.severity() == Severity::Error);
    let errors: BTreeSet<_> = errors.map(|code| code.to_string()).collect();
    ensure!(named == errors, "the page names {named:?}, not {errors:?}");
    Ok(())
}
