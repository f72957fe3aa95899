//! For test reports: JUnit XML, one suite per file and one test case per case. Too little coverage is a test case of its own.

use quick_junit::{NonSuccessKind, Report as JunitReport, TestCase, TestCaseStatus, TestSuite};

use super::super::junit::to_xml;
use super::model::{SuiteReport, TestedCase, TestedSuite};

pub(super) fn render(report: &SuiteReport) -> String {
    let mut junit = JunitReport::new("sallyport");
    for suite in &report.suites {
        junit.add_test_suite(of_suite(report, suite));
    }
    to_xml(&junit)
}

fn of_suite(report: &SuiteReport, suite: &TestedSuite) -> TestSuite {
    let mut of_suite = TestSuite::new(report.name(suite.file));
    for case in &suite.cases {
        of_suite.add_test_case(of_case(report, suite, case));
    }
    if report.min_coverage.is_some() {
        let status = match report.shortfall(suite) {
            Some(shortfall) => {
                let lines: Vec<_> = suite
                    .missing
                    .iter()
                    .map(|missing| {
                        let (file, start) = (report.name(suite.egress_file), missing.place.start);
                        format!("{file}:{}:{}: {}", start.line, start.column, missing.message())
                    })
                    .collect();
                failure(&shortfall, "coverage", &lines.join("\n"))
            }
            None => TestCaseStatus::success(),
        };
        let mut coverage = TestCase::new("coverage", status);
        coverage.set_classname(suite.egress.as_str());
        of_suite.add_test_case(coverage);
    }
    of_suite
}

fn of_case(report: &SuiteReport, suite: &TestedSuite, case: &TestedCase) -> TestCase {
    let status = if case.passed() {
        TestCaseStatus::success()
    } else {
        let start = case.mismatches.first().map_or(case.place.start, |(place, _)| place.start);
        let mut lines = vec![format!(
            "{}:{}:{}: {} is {}",
            report.name(suite.file),
            start.line,
            start.column,
            case.name,
            case.outcome.effect
        )];
        lines.extend(case.notes.iter().map(|(place, text)| {
            format!("{}:{}:{}: {text}", report.name(suite.egress_file), place.start.line, place.start.column)
        }));
        failure(&case.difference(), "expectation", &lines.join("\n"))
    };
    let mut of_case = TestCase::new(case.name.as_str(), status);
    of_case.set_classname(format!("{}: {}", suite.egress, case.group));
    of_case
}

fn failure(message: &str, kind: &str, text: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(message).set_type(kind).set_description(text);
    status
}
