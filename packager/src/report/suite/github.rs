//! For GitHub Actions: one workflow command per failed case, which GitHub shows at the expectation in the pull request.

use super::super::github::{escaped, escaped_property};
use super::super::model::counted;
use super::model::SuiteReport;
use crate::report::model::Place;

pub(super) fn render(report: &SuiteReport, quiet: bool) -> String {
    let mut text = String::new();
    for suite in &report.suites {
        let file = report.name(suite.file);
        for case in suite.cases.iter().filter(|case| !case.passed()) {
            let place = case.mismatches.first().map_or(case.place, |(place, _)| *place);
            let notes = case.notes.iter().map(|(place, note)| {
                let Place { start, .. } = place;
                format!("\n{}:{}:{}: {note}", report.name(suite.egress_file), start.line, start.column)
            });
            let message =
                format!("{} is {}\n{}{}", case.name, case.outcome.effect, case.difference(), notes.collect::<String>());
            text.push_str(&command(file, Some(place), &case.group, &message));
        }
        if let Some(shortfall) = report.shortfall(suite) {
            text.push_str(&command(file, None, "coverage", &shortfall));
        }
    }
    if !quiet {
        let (cases, failed) = report.totals();
        text.push_str(&format!("{}, {failed} failed\n", counted(cases, "case")));
    }
    text
}

fn command(file: &str, place: Option<Place>, title: &str, message: &str) -> String {
    let mut properties = vec![format!("file={}", escaped_property(file))];
    properties.extend(place.map(|place| format!("line={},col={}", place.start.line, place.start.column)));
    properties.push(format!("title={}", escaped_property(title)));
    format!("::error {}::{}\n", properties.join(","), escaped(message))
}
