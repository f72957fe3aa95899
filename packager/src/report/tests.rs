//! Every format's picture of the same reports, made by hand so that no change of a check can change them.

use clap::ValueEnum;
use sallyport_core::PolicyCode;
use sallyport_egress::diagnostic::{Diagnostic, LineIndex, Severity, Span};
use snapbox::{assert_data_eq, file};

use super::Format;
use super::model::{MOST, Report, ReportedFile, ReportedProblem};
use crate::input::Missing;

const BAD: &str = "kind: Egress\nspec:\n  authz:\n    rules:\n    - id: readers\n    - id: readers\n";

fn file(name: &str, text: &str) -> ReportedFile {
    ReportedFile { name: name.into(), uri: name.replace(',', "%2C"), text: text.into(), missing: false }
}

/// The span of the `nth` place where `words` stand.
fn span(text: &str, words: &str, nth: usize) -> Span {
    let start = text.match_indices(words).nth(nth).unwrap().0;
    Span { start, end: start + words.len() }
}

fn problem(file: usize, text: &str, span: Span, message: &str) -> ReportedProblem {
    let lines = LineIndex::new(text);
    let diagnostic = Diagnostic {
        code: PolicyCode::DuplicateRuleId.into(),
        severity: Severity::Error,
        file: 0,
        span,
        message: message.into(),
        help: None,
        related: Vec::new(),
    };
    ReportedProblem::found(diagnostic, file, &lines)
}

fn nothing_wrong() -> Report {
    Report { files: vec![file("good.yaml", "a: b\n")], egresses: 1, rules: 12, ..Report::default() }
}

/// A good file, one with an error and a warning, one with hostile text, one that is missing.
fn much_wrong() -> Report {
    let lines = LineIndex::new(BAD);
    let duplicate = Diagnostic {
        code: PolicyCode::DuplicateRuleId.into(),
        severity: Severity::Error,
        file: 0,
        span: span(BAD, "readers", 1),
        message: "two rules have the id `readers`".into(),
        help: Some("give each rule an id of its own".into()),
        related: vec![(span(BAD, "readers", 0), "first written here".into())],
    };
    let warning = Diagnostic {
        severity: Severity::Warning,
        code: PolicyCode::EmptyMatch.into(),
        span: span(BAD, "- id: readers\n    - id", 0),
        message: "50% of it,\nsays: nothing".into(),
        help: None,
        related: Vec::new(),
        ..duplicate.clone()
    };
    let missing = ReportedProblem::missing(&Missing::Unreadable("permission denied".into()), 3, "gone.yaml");
    Report {
        files: vec![
            file("good.yaml", "a: b\n"),
            file("a,b.yaml", BAD),
            file("hostile.yaml", "x: \"<\u{1b}]]>&\"\n"),
            ReportedFile { missing: true, ..file("gone.yaml", "") },
        ],
        problems: vec![
            ReportedProblem::found(warning, 1, &lines),
            ReportedProblem::found(duplicate, 1, &lines),
            problem(2, "x: \"<\u{1b}]]>&\"\n", Span { start: 3, end: 10 }, "<\u{1b}[31m]]>&\"' \u{0} `::error::`"),
            missing,
        ],
        skipped: 2,
        egresses: 1,
        rules: 12,
        ..Report::default()
    }
}

/// Goldens are renewed with `SNAPSHOTS=overwrite cargo test`.
macro_rules! golden {
    ($($format:ident: $good:literal, $bad:literal;)+) => {$(
        #[test]
        fn $format() {
            let format = Format::from_str(stringify!($format), false).unwrap();
            assert_data_eq!(nothing_wrong().render(format, false, false), file![$good: Text].raw());
            assert_data_eq!(much_wrong().render(format, false, false), file![$bad: Text].raw());
        }
    )+};
}

golden! {
    human: "golden/good.txt", "golden/bad.txt";
    json: "golden/good.json", "golden/bad.json";
    sarif: "golden/good.sarif", "golden/bad.sarif";
    github: "golden/good.github", "golden/bad.github";
    junit: "golden/good.xml", "golden/bad.xml";
}

#[test]
fn human_in_colour_says_the_same() {
    let coloured = much_wrong().render(Format::Human, true, false);
    assert!(coloured.contains("\u{1b}["));
    let plain = anstream::adapter::strip_str(&coloured).to_string();
    assert_eq!(plain, much_wrong().render(Format::Human, false, false));
}

#[test]
fn quiet_leaves_the_summary_out() {
    assert_eq!(nothing_wrong().render(Format::Human, false, true), "");
    assert!(!much_wrong().render(Format::Github, false, true).contains("of 4 files"));
}

#[test]
fn junit_is_xml_whatever_the_file_holds() {
    let text = much_wrong().render(Format::Junit, false, false);
    let document = roxmltree::Document::parse(&text).unwrap();
    assert_eq!(document.descendants().filter(|node| node.has_tag_name("testcase")).count(), 4);
    assert_eq!(document.descendants().filter(|node| node.has_tag_name("failure")).count(), 2);
    assert_eq!(document.descendants().filter(|node| node.has_tag_name("error")).count(), 1);
}

#[test]
fn a_huge_line_does_not_flood() {
    let text = format!("a: {}!{}\n", "x".repeat(10_000), "ü".repeat(10_000));
    let report = |span, message: &str| Report {
        files: vec![file("long.yaml", &text)],
        problems: vec![problem(0, &text, span, message)],
        ..Report::default()
    };
    for span in [span(&text, "!", 0), Span { start: 0, end: text.len() }, Span { start: text.len(), end: text.len() }] {
        let human = report(span, &"m".repeat(10_000)).render(Format::Human, false, false);
        assert!(human.len() < 3_000, "{} bytes:\n{human}", human.len());
    }
}

#[test]
fn a_place_at_the_end_of_the_text_can_be_shown() {
    for text in ["", "a: b", "a: b\n", "a: b\r\n", "\u{feff}", "ü"] {
        let end = Span { start: text.len(), end: text.len() };
        let report = Report {
            files: vec![file("end.yaml", text)],
            problems: vec![problem(0, text, end, "something is missing")],
            ..Report::default()
        };
        assert!(report.render(Format::Human, false, false).contains("end.yaml:"), "{text:?}");
    }
}

#[test]
fn a_missing_file_outweighs_errors_and_errors_outweigh_warnings() {
    let mut report = much_wrong();
    assert_eq!(report.exit() as u8, 3);
    report.files.pop();
    report.problems.pop();
    assert_eq!(report.exit() as u8, 1);
    report.problems.truncate(1);
    assert_eq!(report.exit() as u8, 0);
    assert_eq!(report.summary(), "1 warning in 1 of 3 files (2 YAML files for others skipped)");
    report.denies_warnings = true;
    assert_eq!(report.exit() as u8, 1);
    assert_eq!(report.summary(), "1 warning in 1 of 3 files (--deny-warnings) (2 YAML files for others skipped)");
    let junit = report.render(Format::Junit, false, false);
    assert!(junit.contains("failures=\"1\" errors=\"0\""), "{junit}");
    report.problems.clear();
    assert_eq!(report.exit() as u8, 0);
}

/// Code scanning keeps what was said of a problem when lines above it come and go.
#[test]
fn a_problem_is_known_again_on_another_line() {
    let prints = |text: &str| -> Vec<String> {
        let lines = text.match_indices('x').map(|(start, _)| Span { start, end: start + 1 });
        let problems = lines.map(|span| problem(0, text, span, "wrong")).collect();
        let report = Report { files: vec![file("a.yaml", text)], problems, ..Report::default() };
        let log: serde_json::Value = serde_json::from_str(&report.render(Format::Sarif, false, false)).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap().iter();
        results.map(|one| one["partialFingerprints"]["sallyportLine/v1"].as_str().unwrap().to_owned()).collect()
    };
    let before = prints("a: x\nb: x\n");
    assert_ne!(before[0], before[1]);
    assert_eq!(prints("# new\n\na: x\nc: 1\n  b: x\n"), before);
    let equal = prints("- x\n- x\n");
    assert_ne!(equal[0], equal[1]);
    assert_eq!(prints("- x\n")[0], equal[0]);
    assert_ne!(prints("- x \n- y\n  x\n")[1], equal[1]);
}

#[test]
fn a_file_with_too_many_problems_says_so_once() {
    let text = "x\n".repeat(MOST * 2);
    let diagnostics = (0..MOST * 2).rev().map(|line| Diagnostic {
        code: PolicyCode::EmptyMatch.into(),
        severity: if line == 0 { Severity::Error } else { Severity::Warning },
        file: 0,
        span: Span { start: line * 2, end: line * 2 + 1 },
        message: format!("line {line}"),
        help: None,
        related: Vec::new(),
    });
    let mut report = Report { files: vec![file("many.yaml", &text)], ..Report::default() };
    report.take(0, &text, diagnostics.collect());
    assert_eq!(report.problems.len(), MOST + 1);
    assert_eq!(report.problems[0].message, "line 0");
    let last = report.problems.last().unwrap();
    assert_eq!((last.message.as_str(), last.severity), ("1000 more problems in this file", Severity::Warning));
}
