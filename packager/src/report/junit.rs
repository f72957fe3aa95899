//! For test reports: JUnit XML, one test case per file. A file with errors is a failure, one that cannot be read is an
//! error, and warnings are the output of a passed test case, unless they are denied.

use std::fmt::Write as _;

use quick_junit::{NonSuccessKind, Report as JunitReport, TestCase, TestCaseStatus, TestSuite};
use sallyport_egress::diagnostic::Severity;

use super::model::{Report, ReportedFile, ReportedProblem, counted};

pub(super) fn render(report: &Report) -> String {
    let mut suite = TestSuite::new("sallyport check");
    for (index, file) in report.files.iter().enumerate() {
        let problems: Vec<_> = report.problems_of(index).collect();
        suite.add_test_case(case(report, file, &problems));
    }
    let mut junit = JunitReport::new("sallyport");
    junit.add_test_suite(suite);
    to_xml(&junit)
}

/// Serialising into memory cannot fail: the crate drops the characters that XML does not allow, but for two.
pub(super) fn to_xml(junit: &JunitReport) -> String {
    junit.to_string().unwrap_or_default().replace(['\u{fffe}', '\u{ffff}'], "")
}

fn case(report: &Report, file: &ReportedFile, problems: &[&ReportedProblem]) -> TestCase {
    let refused: Vec<_> = problems.iter().filter(|problem| report.is_refused(problem)).collect();
    let text = problems.iter().map(|problem| line(file, problem)).collect::<Vec<_>>().join("\n");
    let Some(first) = refused.first() else {
        let mut case = TestCase::new(file.name.as_str(), TestCaseStatus::success());
        if !text.is_empty() {
            case.set_system_out(text);
        }
        case.set_classname("sallyport");
        return case;
    };
    let kind = if file.missing { NonSuccessKind::Error } else { NonSuccessKind::Failure };
    let mut status = TestCaseStatus::non_success(kind);
    let noun = if refused.iter().all(|problem| problem.severity == Severity::Error) { "error" } else { "problem" };
    let message = if refused.len() == 1 {
        first.message.clone()
    } else {
        format!("{}; the first: {}", counted(refused.len(), noun), first.message)
    };
    status.set_message(message).set_type(first.code.as_str()).set_description(text);
    let mut case = TestCase::new(file.name.as_str(), status);
    case.set_classname("sallyport");
    case
}

/// One problem in the form that compilers use, with its help.
fn line(file: &ReportedFile, problem: &ReportedProblem) -> String {
    let mut text = file.name.clone();
    if let Some(place) = problem.place {
        // Writing to a String cannot fail.
        let _ = write!(text, ":{}:{}", place.start.line, place.start.column);
    }
    let _ = write!(text, ": {}[{}]: {}", problem.severity.as_str(), problem.code, problem.text());
    text
}
