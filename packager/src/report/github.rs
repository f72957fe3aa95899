//! For GitHub Actions: one workflow command a problem, which GitHub shows beside the line in the pull request.

use super::{Problem, Report};

pub(super) fn render(report: &Report, quiet: bool) -> String {
    let mut text = String::new();
    for problem in &report.problems {
        text.push_str(&command(report, problem));
        text.push('\n');
    }
    if !quiet {
        // No command: the log shows it as it is.
        text.push_str(&report.summary());
        text.push('\n');
    }
    text
}

fn command(report: &Report, problem: &Problem) -> String {
    let mut properties = Vec::new();
    if let Some(file) = report.file_of(problem) {
        properties.push(format!("file={}", escaped_property(&file.name)));
    }
    if let Some(place) = problem.place {
        properties.push(format!("line={},col={}", place.start.line, place.start.column));
        // GitHub understands an end column only on the line of the beginning.
        if place.end.line == place.start.line {
            properties.push(format!("endLine={},endColumn={}", place.end.line, place.end.column));
        }
    }
    properties.push(format!("title={}", escaped_property(problem.code.as_str())));
    format!("::{} {}::{}", problem.severity.as_str(), properties.join(","), escaped(&problem.text()))
}

/// A message: what would end the line is escaped, and the escape character. A log is read in a terminal, so other control
/// characters are shown, not sent.
fn escaped(text: &str) -> String {
    let text = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    text.replace(char::is_control, "\u{fffd}")
}

/// A property: what would end the property too.
fn escaped_property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}
