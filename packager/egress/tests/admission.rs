//! Mistakes in manifests that an API server or istiod refuses or drops, each in one place of otherwise good files
//! (`admission/rows.txt`): `admission.expected` has what is said of each, and the cure, followed, leaves nothing to say.
//! `tests/tests/schemas.rs` holds the rows to the CRDs.

use sallyport_egress::check_with_manifests;
use sallyport_egress::diagnostic::{Severity, SourceFile};
use snapbox::Data;
use std::fmt::Write as _;
use std::path::Path;

const GOOD: &str = include_str!("admission/good.yaml");
const ROWS: &str = include_str!("admission/rows.txt");

/// A part of the good file, what stands there instead, and the cure.
struct Row {
    of: String,
    wrong: String,
    right: String,
}

fn rows() -> Vec<Row> {
    let (mut rows, mut of, mut wrong) = (Vec::new(), String::new(), None);
    for line in ROWS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let text = line.get(2..).unwrap_or_default().replace("\\n", "\n");
        match (line.as_bytes().first(), wrong.take()) {
            (Some(b'='), None) => of = text,
            (Some(b'-'), None) => wrong = Some(text),
            (Some(b'+'), Some(wrong)) => rows.push(Row { of: of.clone(), wrong, right: text }),
            (sign, _) => assert_eq!(sign, None, "{line}: out of place"),
        }
    }
    assert!(rows.len() > 100, "{}", rows.len());
    rows
}

fn with(row: &Row, instead: &str) -> SourceFile {
    assert_eq!(GOOD.matches(&row.of).count(), 1, "{}: it is not there once", row.of);
    SourceFile { name: "manifests.yaml".to_owned(), text: GOOD.replacen(&row.of, instead, 1) }
}

/// What is said of a file: each message with its place and its help.
fn said(file: &SourceFile) -> Vec<String> {
    let said = check_with_manifests(std::slice::from_ref(file)).diagnostics.into_iter().map(|problem| {
        let at = file.position(problem.span.start);
        let severity = if problem.severity == Severity::Warning { " warning" } else { "" };
        let help = problem.help.unwrap_or_default();
        format!("{}:{} {}{severity} {}\n    help: {help}", at.line, at.column, problem.code, problem.message)
    });
    said.collect()
}

/// `SNAPSHOTS=overwrite cargo test -p sallyport-egress --test admission` writes the table.
#[test]
fn every_mistake_is_named() {
    let mut table = String::new();
    for row in rows() {
        writeln!(table, "{}", row.wrong.trim_end().replace('\n', "\n| ")).expect("a string");
        for said in said(&with(&row, &row.wrong)) {
            writeln!(table, "    {said}").expect("a string");
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/admission.expected");
    snapbox::Assert::new().action_env("SNAPSHOTS").eq(table, Data::read_from(&path, None).raw());
}

#[test]
fn one_mistake_has_one_message() {
    let rows = rows();
    let several = rows.iter().map(|row| (&row.wrong, said(&with(row, &row.wrong)))).filter(|(_, said)| said.len() != 1);
    let several: Vec<_> = several.collect();
    assert!(several.is_empty(), "{several:#?}");
}

#[test]
fn what_is_cured_is_good() {
    assert_eq!(said(&SourceFile { name: "manifests.yaml".to_owned(), text: GOOD.to_owned() }), [""; 0]);
    let rows = rows();
    let uncured =
        rows.iter().map(|row| (&row.right, said(&with(row, &row.right)))).filter(|(_, said)| !said.is_empty());
    let uncured: Vec<_> = uncured.collect();
    assert!(uncured.is_empty(), "{uncured:#?}");
}
