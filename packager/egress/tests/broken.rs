//! A folder of broken files: each with one defect, its own code and the right place. `broken.expected` is the table.

#![expect(clippy::expect_used, reason = "a broken assumption ends the test")]

use sallyport_egress::diagnostic::{Severity, SourceFile};
use sallyport_egress::{Code, check, decode};
use snapbox::Data;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn broken_files() -> Vec<SourceFile> {
    let mut paths: Vec<_> = fs::read_dir(folder().join("broken"))
        .expect("the folder is there")
        .map(|entry| entry.expect("readable").path())
        .collect();
    paths.sort();
    let name = |path: &Path| path.file_name().expect("a file").to_string_lossy().into_owned();
    paths.iter().map(|path| decode(&name(path), &fs::read(path).expect("readable")).expect("UTF-8")).collect()
}

fn table(files: &[SourceFile]) -> String {
    let mut table = String::new();
    for file in files {
        for problem in check(std::slice::from_ref(file)).diagnostics {
            let at = file.position(problem.span.start);
            let severity = if problem.severity == Severity::Warning { " warning" } else { "" };
            writeln!(table, "{}:{}:{} {}{severity}", file.name, at.line, at.column, problem.code).expect("a string");
            writeln!(table, "    {}", problem.message).expect("a string");
            if let Some(help) = &problem.help {
                writeln!(table, "    help: {help}").expect("a string");
            }
            for (span, words) in &problem.related {
                let at = file.position(span.start);
                writeln!(table, "    {}:{} {words}", at.line, at.column).expect("a string");
            }
        }
    }
    table
}

/// `SNAPSHOTS=overwrite cargo test -p sallyport-egress --test broken` writes the table.
#[test]
fn every_broken_file_says_what_is_expected() {
    let expected = Data::read_from(&folder().join("broken.expected"), None).raw();
    snapbox::Assert::new().action_env("SNAPSHOTS").eq(table(&broken_files()), expected);
}

#[test]
fn every_broken_file_has_one_problem() {
    let files = broken_files();
    assert!(files.len() >= 45);
    for file in files {
        let problems = check(std::slice::from_ref(&file)).diagnostics;
        let codes: Vec<_> = problems.iter().map(|problem| problem.code).collect();
        assert_eq!(problems.len(), 1, "{}: {codes:?}", file.name);
    }
}

#[test]
fn messages_keep_the_style() {
    for file in broken_files() {
        for problem in check(std::slice::from_ref(&file)).diagnostics {
            let sentences = [Some(&problem.message), problem.help.as_ref()];
            for sentence in sentences.into_iter().flatten() {
                let context = format!("{}: {sentence}", file.name);
                assert!(!sentence.ends_with('.') && !sentence.contains('\n'), "{context}");
                assert!(
                    !sentence.starts_with(|c: char| c.is_uppercase() && !sentence.starts_with("YAML")),
                    "{context}"
                );
                assert_eq!(sentence.matches('`').count() % 2, 0, "{context}");
            }
            assert!(problem.help.is_some(), "{}: what would be right?", file.name);
            assert!(problem.span.end <= file.text.len() && problem.span.start <= problem.span.end, "{}", file.name);
            assert!(file.text.get(problem.span.start..problem.span.end).is_some(), "{}", file.name);
        }
    }
}

/// Every code has a file that shows it, but for those that would need a huge one, bytes that are not text, or several
/// files: those have tests of their own.
#[test]
fn every_code_has_a_broken_file() {
    let shown: BTreeSet<_> = broken_files()
        .iter()
        .flat_map(|file| check(std::slice::from_ref(file)).diagnostics)
        .map(|problem| problem.code)
        .collect();
    let elsewhere = ["SP0001", "SP0002", "SP0110", "SP0299", "SP0501", "SP0502"];
    // Those of cases and candidates need an Egress, too: `tests/cases.rs`, `tests/rollout`.
    let needs_egress = |code: &Code| code.as_str().starts_with("SP06") || code.as_str().starts_with("SP07");
    let own = Code::all().into_iter().filter(|code| code.as_str().starts_with("SP0"));
    let missing: Vec<_> = own
        .filter(|code| !shown.contains(code) && !needs_egress(code) && !elsewhere.contains(&code.as_str()))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
