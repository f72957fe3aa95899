//! The lints of manifests: a bad example of each, with the places that it speaks of marked in it, and a good one.

use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::{check_with_manifests, explain, lint};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests")
}

fn read(name: &str) -> SourceFile {
    let text = fs::read_to_string(folder().join(name)).expect("the file is there");
    SourceFile { name: name.to_owned(), text }
}

/// What a file says that is found in it: `# <- CODE, CODE` at the end of the line.
fn marked(file: &SourceFile) -> Vec<(usize, String)> {
    let lines = file.text.lines().enumerate();
    let marks = lines.filter_map(|(at, line)| Some((at + 1, line.split_once("# <- ")?.1)));
    marks.flat_map(|(line, codes)| codes.split(", ").map(move |code| (line, code.to_owned()))).collect()
}

/// What is found in it.
fn found(file: &SourceFile) -> Vec<(usize, String)> {
    let checked = check_with_manifests(std::slice::from_ref(file));
    assert!(checked.manifests > 0, "{}", file.name);
    let of_one = |found: &sallyport_egress::diagnostic::Diagnostic| {
        (file.position(found.span.start).line, found.code.to_owned())
    };
    let mut all: Vec<_> = checked.diagnostics.iter().map(of_one).collect();
    all.sort();
    all
}

/// The lints of manifests alone.
fn codes() -> impl Iterator<Item = &'static str> {
    lint::codes().filter(|code| *code >= "SP2500")
}

#[test]
fn every_lint_speaks_of_its_bad_example_alone() {
    for code in codes() {
        let bad = read(&format!("{code}-bad.yaml"));
        assert_eq!(found(&bad), marked(&bad), "{code}");
        assert!(marked(&bad).iter().all(|(_, marked)| marked == code), "{code}");
        assert_eq!(found(&read(&format!("{code}-good.yaml"))), [], "{code}");
    }
}

#[test]
fn there_is_no_example_without_a_lint() {
    let known: BTreeSet<_> = codes().flat_map(|code| [format!("{code}-bad.yaml"), format!("{code}-good.yaml")]).collect();
    for entry in fs::read_dir(folder()).expect("the folder is there") {
        let name = entry.expect("readable").file_name().to_string_lossy().into_owned();
        assert!(known.contains(&name) || name == "blog-2020.yaml", "{name}");
    }
}

#[test]
fn messages_keep_the_style_and_have_a_manual() {
    for code in codes() {
        for found in check_with_manifests(&[read(&format!("{code}-bad.yaml"))]).diagnostics {
            for sentence in [&found.message, found.help.as_ref().expect("what would be right")] {
                assert!(!sentence.ends_with('.') && !sentence.starts_with(char::is_uppercase), "{sentence}");
                assert_eq!(sentence.matches('`').count() % 2, 0, "{sentence}");
            }
        }
        assert!(explain(code).is_some_and(|manual| manual.matches("\n\n").count() >= 2), "{code}");
    }
}
