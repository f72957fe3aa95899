//! For programs: one JSON object with a versioned schema.
//!
//! ```json
//! {
//!   "version": 1,
//!   "diagnostics": [{
//!     "file": "egress.yaml", "line": 3, "column": 9, "endLine": 3, "endColumn": 14,
//!     "code": "SP1305", "severity": "error", "message": "...", "help": "...",
//!     "related": [{"line": 1, "column": 1, "endLine": 1, "endColumn": 5, "message": "..."}]
//!   }],
//!   "silenced": [],
//!   "summary": {"files": 1, "skipped": 0, "egresses": 0, "rules": 0, "manifests": 0, "errors": 1, "warnings": 0, "silenced": 0}
//! }
//! ```
//!
//! `silenced` has the warnings that comments silence, in the same form and with the `reason` of the comment.
//!
//! Lines and columns count from 1, columns in characters; the end is one past the last character. All four are null
//! if a problem is about the whole file; `help` is null if there is none. Version 1 may get new fields; its fields are never
//! renamed, removed or given another meaning.

use sallyport_egress::diagnostic::Severity;
use serde::Serialize;

use super::model::{Place, Report, ReportedProblem, Silenced};

/// The version of the schema.
pub(crate) const VERSION: u32 = 1;

pub(super) fn render(report: &Report) -> String {
    let root = Root {
        version: VERSION,
        diagnostics: report.problems.iter().map(|problem| diagnostic(report, problem)).collect(),
        silenced: report
            .silenced
            .iter()
            .map(|Silenced { problem, reason, .. }| JsonSilenced { diagnostic: diagnostic(report, problem), reason })
            .collect(),
        summary: Summary {
            files: report.files.len(),
            skipped: report.skipped,
            egresses: report.egresses,
            rules: report.rules,
            manifests: report.manifests,
            errors: report.count(Severity::Error),
            warnings: report.count(Severity::Warning),
            silenced: report.silenced.len(),
        },
    };
    format!("{:#}\n", serde_json::json!(root))
}

#[derive(Serialize)]
struct Root<'a> {
    version: u32,
    diagnostics: Vec<JsonDiagnostic<'a>>,
    silenced: Vec<JsonSilenced<'a>>,
    summary: Summary,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonDiagnostic<'a> {
    file: &'a str,
    line: Option<usize>,
    column: Option<usize>,
    end_line: Option<usize>,
    end_column: Option<usize>,
    code: &'a str,
    severity: &'a str,
    message: &'a str,
    help: Option<&'a str>,
    related: Vec<Related<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Related<'a> {
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    message: &'a str,
}

#[derive(Serialize)]
struct Summary {
    files: usize,
    skipped: usize,
    egresses: usize,
    rules: usize,
    manifests: usize,
    errors: usize,
    warnings: usize,
    silenced: usize,
}

#[derive(Serialize)]
struct JsonSilenced<'a> {
    #[serde(flatten)]
    diagnostic: JsonDiagnostic<'a>,
    reason: &'a str,
}

fn diagnostic<'a>(report: &'a Report, problem: &'a ReportedProblem) -> JsonDiagnostic<'a> {
    let Some(Place { start, end, .. }) = problem.place else {
        return whole_file(report, problem);
    };
    JsonDiagnostic {
        line: Some(start.line),
        column: Some(start.column),
        end_line: Some(end.line),
        end_column: Some(end.column),
        related: problem.related.iter().map(|(place, message)| related(*place, message)).collect(),
        ..whole_file(report, problem)
    }
}

fn whole_file<'a>(report: &'a Report, problem: &'a ReportedProblem) -> JsonDiagnostic<'a> {
    JsonDiagnostic {
        file: report.file_of(problem).map_or("", |file| &file.name),
        line: None,
        column: None,
        end_line: None,
        end_column: None,
        code: problem.code.as_str(),
        severity: problem.severity.as_str(),
        message: &problem.message,
        help: problem.help.as_deref(),
        related: Vec::new(),
    }
}

fn related(place: Place, message: &str) -> Related<'_> {
    let Place { start, end, .. } = place;
    Related { line: start.line, column: start.column, end_line: end.line, end_column: end.column, message }
}
