//! For people: each failed case with the lines that it is about, then a summary for each file.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use anstyle::AnsiColor;

use super::super::human::{line_end, line_start};
use super::super::model::counted;
use super::model::{DecidedBy, SuiteReport, TestedCase, TestedSuite, percent};
use crate::printable::visible;
use crate::report::model::{Place, ReportedFile};

/// Failures that are shown in full; the others are counted.
const MOST_FAILURES: usize = 50;
/// Lines of each list in the summary.
const MOST_LINES: usize = 20;

pub(super) fn render(report: &SuiteReport, coloured: bool, quiet: bool) -> String {
    let renderer = if coloured { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for suite in &report.suites {
        let (Some(cases_file), Some(egress_file)) = (report.files.get(suite.file), report.files.get(suite.egress_file))
        else {
            continue;
        };
        let failed = alike(suite.cases.iter().filter(|case| !case.passed()));
        for cases in failed.iter().take(MOST_FAILURES) {
            text.extend(group(cases, cases_file, egress_file).map(|group| renderer.render(&[group]) + "\n\n"));
        }
        let more: usize = failed.iter().skip(MOST_FAILURES).map(Vec::len).sum();
        if more > 0 {
            text.push_str(&format!("{} more failed\n\n", counted(more, "case")));
        }
        if !quiet {
            text.push_str(&lists(report, suite));
        }
    }
    text.push_str(&summary(report, coloured, quiet));
    text
}

/// Cases of one row that failed in the same way are shown together.
fn alike<'a>(failed: impl Iterator<Item = &'a TestedCase>) -> Vec<Vec<&'a TestedCase>> {
    let mut groups: Vec<Vec<&TestedCase>> = Vec::new();
    for case in failed {
        let is_alike = |other: &&TestedCase| {
            let of =
                |case: &TestedCase| case.mismatches.iter().map(|(_, mismatch)| mismatch.clone()).collect::<Vec<_>>();
            other.place.span == case.place.span && of(other) == of(case)
        };
        match groups.last_mut().filter(|group| group.last().is_some_and(is_alike)) {
            Some(group) => group.push(case),
            None => groups.push(vec![case]),
        }
    }
    groups
}

fn group<'a>(
    cases: &[&'a TestedCase],
    cases_file: &'a ReportedFile,
    egress_file: &'a ReportedFile,
) -> Option<Group<'a>> {
    let (case, others) = cases.split_first()?;
    let more = match others.len() {
        0 => String::new(),
        more => format!(" (so {} {more} more of the row)", if more == 1 { "is" } else { "are" }),
    };
    // A name may have line ends, and a log may take a line of its own for a command.
    let title = visible(&format!("{} is {}{more}", case.name, case.outcome.effect));
    let mut group = Group::with_title(Level::ERROR.primary_title(title));
    let mismatches = case.mismatches.iter().map(|(place, mismatch)| {
        (*place, format!("`{}`: expected {}, got {}", mismatch.field, mismatch.expected, mismatch.actual))
    });
    let mut expectations: Vec<_> = mismatches.collect();
    // What the group expects of all of its cases does not show which of them it is.
    if expectations.iter().all(|(place, _)| place.start < case.place.start) {
        expectations.push((case.place, "this case".to_owned()));
    }
    for (file, notes) in [(cases_file, expectations), (egress_file, case.notes.clone())] {
        let mut lines: Vec<(usize, Vec<(Place, String)>)> = Vec::new();
        for (place, text) in notes {
            match lines.iter_mut().find(|(line, _)| *line == place.start.line) {
                Some((_, notes)) => notes.push((place, text)),
                None => lines.push((place.start.line, vec![(place, text)])),
            }
        }
        for (_, notes) in lines {
            group = group.element(snippet(file, &notes)?);
        }
    }
    Some(group)
}

/// One line, with what there is to say of places in it.
fn snippet<'a>(
    file: &'a ReportedFile,
    notes: &[(Place, String)],
) -> Option<Snippet<'a, annotate_snippets::Annotation<'a>>> {
    let (first, _) = notes.first()?;
    let from = line_start(&file.text, first.span.start);
    let to = line_end(&file.text, first.span.start);
    let annotations = notes.iter().map(|(place, label)| {
        let start = place.span.start.saturating_sub(from);
        // What has several lines is marked where it begins.
        let end = place.span.end.min(to).saturating_sub(from).max(start);
        AnnotationKind::Primary.span(start..end).label(visible(label))
    });
    let line = file.text.get(from..to).unwrap_or("");
    Some(Snippet::source(line).path(file.name.as_str()).line_start(first.start.line).annotations(annotations))
}

/// What no case shows, and cases that show less than they seem to.
fn lists(report: &SuiteReport, suite: &TestedSuite) -> String {
    let mut text = String::new();
    let missing = suite.missing.iter().map(|missing| {
        let Place { start, .. } = missing.place;
        let file = report.name(suite.egress_file);
        format!("  {file}:{}:{}: {}", start.line, start.column, visible(&missing.message()))
    });
    list(&mut text, "not covered:", missing.collect());
    let title =
        "refused by the default alone, because no rule matches (if that is the point, write `reason: not_allowed`):";
    list(&mut text, title, rows(report, suite, TestedCase::may_be_by_accident));
    let title = "answered by Envoy, whatever the rules are (if that is the point, write the `status`):";
    list(&mut text, title, rows(report, suite, TestedCase::may_be_envoys_by_accident));
    text
}

/// The rows that have such cases.
fn rows(report: &SuiteReport, suite: &TestedSuite, is_one: impl Fn(&TestedCase) -> bool) -> Vec<String> {
    let mut rows: Vec<(Place, &str, usize)> = Vec::new();
    for case in suite.cases.iter().filter(|case| is_one(case)) {
        match rows.last_mut().filter(|(place, ..)| place.span == case.place.span) {
            Some((_, _, count)) => *count = count.saturating_add(1),
            None => rows.push((case.place, &case.name, 1)),
        }
    }
    let lines = rows.into_iter().map(|(Place { start, .. }, name, count)| {
        let more = if count > 1 { format!(" and {} more", count.saturating_sub(1)) } else { String::new() };
        format!("  {}:{}:{}: {}{more}", report.name(suite.file), start.line, start.column, visible(name))
    });
    lines.collect()
}

fn list(text: &mut String, title: &str, lines: Vec<String>) {
    if lines.is_empty() {
        return;
    }
    text.push_str(title);
    text.push('\n');
    for line in lines.iter().take(MOST_LINES) {
        text.push_str(line);
        text.push('\n');
    }
    if let Some(more) = lines.len().checked_sub(MOST_LINES).filter(|more| *more > 0) {
        text.push_str(&format!("  and {more} more\n"));
    }
    text.push('\n');
}

fn summary(report: &SuiteReport, coloured: bool, quiet: bool) -> String {
    let mut text = String::new();
    for suite in &report.suites {
        let failed = suite.failed();
        let passed = suite.cases.len().saturating_sub(failed);
        let shortfall = report.shortfall(suite);
        if quiet && failed == 0 && shortfall.is_none() {
            continue;
        }
        let style = match failed > 0 || shortfall.is_some() {
            _ if !coloured => anstyle::Style::new(),
            true => AnsiColor::BrightRed.on_default().bold(),
            false => AnsiColor::Green.on_default().bold(),
        };
        let failures = if failed > 0 { format!(", {failed} failed") } else { String::new() };
        let (rules, matched) = suite.rules;
        text.push_str(&format!(
            "{style}{}: {} passed{failures}{style:#}; {matched} of {} and {}\n",
            report.name(suite.file),
            counted(passed, "case"),
            counted(rules, "rule"),
            covered(suite.branches),
        ));
        text.extend(shortfall.map(|shortfall| format!("{style}{shortfall}{style:#}\n")));
    }
    match report.decider {
        _ if quiet => {}
        DecidedBy::Command => {}
        DecidedBy::Module => text.insert_str(0, "decided by the filter's module:\n"),
        DecidedBy::Gateway => text.insert_str(0, "decided by the gateway:\n"),
    }
    let (cases, failed) = report.totals();
    if !quiet && report.suites.len() > 1 {
        let covered = covered(report.branches());
        text.push_str(&format!("in all: {}, {failed} failed; {covered}\n", counted(cases, "case")));
    }
    text
}

/// The last line with this is what GitLab's `coverage:` reads (deploy/ci/gitlab-ci.yaml).
fn covered(branches: (usize, usize)) -> String {
    let (all, taken) = branches;
    let s = if all == 1 { "branch" } else { "branches" };
    format!("{taken} of {all} {s} covered ({} %)", percent(branches))
}
