//! Mistakes that are often made, each in one place of an otherwise good file of each kind (`messages/rows.txt`): `messages.expected` has
//! what is said of each, and the cure, followed, leaves nothing to say.

use sallyport_egress::check;
use sallyport_egress::diagnostic::{Severity, SourceFile};
use snapbox::Data;
use std::fmt::Write as _;
use std::path::Path;

const GOOD: &str = include_str!("messages/good.yaml");
const ROWS: &str = include_str!("messages/rows.txt");

/// The good files, by the names that rows have for them. All are checked beside `good.yaml`.
const FILES: [(&str, &str); 4] = [
    ("good.yaml", GOOD),
    ("mesh.yaml", include_str!("messages/mesh.yaml")),
    ("rollout.yaml", include_str!("messages/rollout.yaml")),
    ("candidate.yaml", include_str!("messages/candidate.yaml")),
];

/// A part of a good file, what stands there instead, and the cure.
struct Row {
    name: &'static str,
    good: &'static str,
    of: String,
    wrong: String,
    right: String,
}

fn rows() -> Vec<Row> {
    let (mut rows, mut of, mut wrong) = (Vec::new(), String::new(), None);
    let (mut name, mut good) = FILES[0];
    for line in ROWS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let text = unescaped(line.get(2..).unwrap_or_default());
        match (line.as_bytes().first(), wrong.take()) {
            (Some(b'@'), None) => {
                (name, good) = FILES.into_iter().find(|(name, _)| *name == text).expect("a good file");
            }
            (Some(b'='), None) => of = text,
            (Some(b'-'), None) => wrong = Some(text),
            (Some(b'+'), Some(wrong)) => rows.push(Row { name, good, of: of.clone(), wrong, right: text }),
            (sign, _) => assert_eq!(sign, None, "{line}: out of place"),
        }
    }
    assert!(rows.len() > 200, "{}", rows.len());
    rows
}

fn unescaped(text: &str) -> String {
    let spaces =
        [("\\n", "\n"), ("\\t", "\t"), ("\\u{a0}", "\u{a0}"), ("\\u{201c}", "\u{201c}"), ("\\u{201d}", "\u{201d}")];
    spaces.iter().fold(text.to_owned(), |text, (escape, c)| text.replace(escape, c))
}

fn with(row: &Row, instead: &str) -> SourceFile {
    assert_eq!(row.good.matches(&row.of).count(), 1, "{}: it is not there once", row.of);
    SourceFile { name: row.name.to_owned(), text: row.good.replacen(&row.of, instead, 1) }
}

/// What is said of a file: each message with its place and its help.
fn said(file: &SourceFile) -> Vec<String> {
    let mut files = vec![file.clone()];
    if file.name != FILES[0].0 {
        files.push(SourceFile { name: FILES[0].0.to_owned(), text: GOOD.to_owned() });
    }
    let said = check(&files).diagnostics.into_iter().map(|problem| {
        let at = file.position(problem.span.start);
        let severity = if problem.severity == Severity::Warning { " warning" } else { "" };
        let help = problem.help.unwrap_or_default();
        format!("{}:{} {}{severity} {}\n    help: {help}", at.line, at.column, problem.code, problem.message)
    });
    said.collect()
}

/// `SNAPSHOTS=overwrite cargo test -p sallyport-egress --test messages` writes the table.
#[test]
fn every_mistake_is_named() {
    let mut table = String::new();
    for row in rows() {
        let shown = row.wrong.replace('\u{a0}', "\\u{a0}").replace('\t', "\\t");
        writeln!(table, "{}", shown.trim_end().replace('\n', "\n| ")).expect("a string");
        for said in said(&with(&row, &row.wrong)) {
            writeln!(table, "    {said}").expect("a string");
        }
    }
    let expected = Data::read_from(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/messages.expected"), None).raw();
    snapbox::Assert::new().action_env("SNAPSHOTS").eq(table, expected);
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
    for (name, good) in FILES {
        assert_eq!(said(&SourceFile { name: name.to_owned(), text: good.to_owned() }), [""; 0], "{name}");
    }
    let rows = rows();
    let uncured =
        rows.iter().map(|row| (&row.right, said(&with(row, &row.right)))).filter(|(_, said)| !said.is_empty());
    let uncured: Vec<_> = uncured.collect();
    assert!(uncured.is_empty(), "{uncured:#?}");
}
