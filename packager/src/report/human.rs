//! For people: each problem with its lines of the file, then a summary.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use anstyle::AnsiColor;
use sallyport_egress::diagnostic::Severity;

use super::model::{Place, Report, ReportedFile, ReportedProblem};
use crate::exit::Exit;

/// Longer messages, such as those that quote a huge value, are cut after this many characters.
const LONGEST_SENTENCE: usize = 600;

pub(super) fn render(report: &Report, coloured: bool, quiet: bool) -> String {
    let renderer = if coloured { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for problem in &report.problems {
        let Some(file) = report.file_of(problem) else {
            continue;
        };
        text.push_str(&renderer.render(&[group(problem, file)]));
        text.push_str("\n\n");
    }
    if !quiet {
        text.push_str(&coloured_summary(report, coloured));
    }
    text
}

fn coloured_summary(report: &Report, coloured: bool) -> String {
    let style = match report.exit() {
        _ if !coloured => anstyle::Style::new(),
        Exit::Ok => AnsiColor::Green.on_default().bold(),
        _ => AnsiColor::BrightRed.on_default().bold(),
    };
    format!("{style}{}{style:#}\n", report.summary())
}

/// One problem in the form of the renderer.
fn group<'a>(problem: &'a ReportedProblem, file: &'a ReportedFile) -> Group<'a> {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(shortened(&problem.message)).id(problem.code.as_str());
    let mut group = match problem.place {
        Some(place) => Group::with_title(title).element(snippet(problem, place, file)),
        None => Group::with_title(title).element(Origin::path(file.name.as_str())),
    };
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(shortened(help)));
    }
    group
}

/// The lines from the first to the last relevant place.
fn snippet<'a>(
    problem: &'a ReportedProblem,
    place: Place,
    file: &'a ReportedFile,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let places = || problem.related.iter().map(|(place, _)| *place).chain([place]);
    let first = places().min_by_key(|place| place.start).unwrap_or(place);
    let from = line_start(&file.text, first.span.start);
    let to = places().map(|place| line_end(&file.text, place.span.start)).max().unwrap_or(from);
    let window = Window { file, from, to };
    Snippet::source(window.text())
        .path(file.name.as_str())
        .line_start(first.start.line)
        .annotation(AnnotationKind::Primary.span(window.range(place)))
        .annotations(
            problem
                .related
                .iter()
                .map(|(place, words)| AnnotationKind::Context.span(window.range(*place)).label(shortened(words))),
        )
}

/// Consecutive whole lines of a file.
struct Window<'a> {
    file: &'a ReportedFile,
    from: usize,
    to: usize,
}

impl<'a> Window<'a> {
    fn text(&self) -> &'a str {
        self.file.text.get(self.from..self.to).unwrap_or("")
    }

    /// A place in this window. Of a place with several lines only the first is marked.
    fn range(&self, place: Place) -> std::ops::Range<usize> {
        let start = place.span.start.min(self.to);
        let end = place.span.end.min(line_end(&self.file.text, start)).max(start);
        start.saturating_sub(self.from)..end.saturating_sub(self.from)
    }
}

pub(super) fn line_start(text: &str, offset: usize) -> usize {
    text.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline.saturating_add(1))
}

pub(super) fn line_end(text: &str, offset: usize) -> usize {
    let rest = text.get(offset..).unwrap_or("");
    offset.saturating_add(rest.find(['\r', '\n']).unwrap_or(rest.len()))
}

fn shortened(sentence: &str) -> String {
    match sentence.char_indices().nth(LONGEST_SENTENCE) {
        Some((end, _)) => format!("{}...", sentence.get(..end).unwrap_or("")),
        None => sentence.to_owned(),
    }
}
