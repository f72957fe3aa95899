//! For GitHub Actions: one workflow command per problem, which GitHub shows at the line in the pull request.

use super::model::{Report, ReportedProblem};

pub(super) fn render(report: &Report, quiet: bool) -> String {
    let mut text = String::new();
    for problem in &report.problems {
        text.push_str(&command(report, problem));
        text.push('\n');
    }
    if !quiet {
        // Not a command, so it appears in the log as it is.
        text.push_str(&report.summary());
        text.push('\n');
    }
    text
}

fn command(report: &Report, problem: &ReportedProblem) -> String {
    let mut properties = Vec::new();
    if let Some(file) = report.file_of(problem) {
        properties.push(format!("file={}", escaped_property(&file.name)));
    }
    if let Some(place) = problem.place {
        properties.push(format!("line={},col={}", place.start.line, place.start.column));
        // GitHub accepts an end column only if the range is within one line.
        if place.end.line == place.start.line {
            properties.push(format!("endLine={},endColumn={}", place.end.line, place.end.column));
        }
    }
    properties.push(format!("title={}", escaped_property(problem.code.as_str())));
    format!("::{} {}::{}", problem.severity.as_str(), properties.join(","), escaped(&problem.text()))
}

/// Escapes a message: `%` and line breaks. Other control characters are replaced, because logs are read in terminals.
pub(super) fn escaped(text: &str) -> String {
    let text = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    text.replace(char::is_control, "\u{fffd}")
}

/// Escapes a property: `:` and `,` as well.
pub(super) fn escaped_property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}
