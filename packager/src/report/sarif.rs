//! For code scanning: SARIF 2.1.0 (OASIS), which GitHub and editors read.

use std::collections::{BTreeSet, HashMap};

use sallyport_egress::{Code, manual};
use serde_json::{Value, json};

use super::human::{line_end, line_start};
use super::model::{Place, Report, ReportedProblem, Silenced};
use crate::oci::digest::digest_of;

pub(crate) const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

pub(super) fn render(report: &Report) -> String {
    let silenced = report.silenced.iter().map(|silenced| &silenced.problem);
    let codes: BTreeSet<_> = report.problems.iter().chain(silenced).map(|problem| problem.code).collect();
    let codes: Vec<_> = codes.into_iter().collect();
    let exit = report.exit();
    let mut fingerprints = Fingerprints::default();
    let mut results: Vec<_> =
        report.problems.iter().map(|problem| result(report, problem, &codes, &mut fingerprints)).collect();
    for silenced in &report.silenced {
        let mut result = result(report, &silenced.problem, &codes, &mut fingerprints);
        if let Some(fields) = result.as_object_mut() {
            fields.insert("suppressions".to_owned(), suppressions(report, silenced));
        }
        results.push(result);
    }
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "sallyport",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": codes.iter().map(|code| rule(*code)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": !report.files.iter().any(|file| file.missing),
                "exitCode": exit as u8,
            }],
            "artifacts": report.files.iter()
                .map(|file| json!({"location": {"uri": file.uri}}))
                .collect::<Vec<_>>(),
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

fn rule(code: Code) -> Value {
    let (summary, page) = (manual::summary(code), manual::page(code));
    json!({
        "id": code,
        "shortDescription": {"text": summary},
        "fullDescription": {"text": summary},
        "help": {"text": page, "markdown": page},
        "helpUri": manual::uri(code),
    })
}

fn result(report: &Report, problem: &ReportedProblem, codes: &[Code], fingerprints: &mut Fingerprints) -> Value {
    let related: Vec<_> = problem
        .related
        .iter()
        .map(|(place, words)| {
            json!({
                "message": {"text": words},
                "physicalLocation": physical_location(report, problem, Some(*place)),
            })
        })
        .collect();
    json!({
        "ruleId": problem.code,
        "ruleIndex": codes.iter().position(|code| *code == problem.code),
        "level": problem.severity.as_str(),
        "message": {"text": problem.text()},
        "locations": [{"physicalLocation": physical_location(report, problem, problem.place)}],
        "relatedLocations": related,
        "partialFingerprints": {"sallyportLine/v1": fingerprints.of(report, problem)},
    })
}

/// How SARIF says that a comment silences a result.
fn suppressions(report: &Report, Silenced { problem, reason, comment }: &Silenced) -> Value {
    json!([{
        "kind": "inSource",
        "status": "accepted",
        "justification": reason,
        "location": {"physicalLocation": physical_location(report, problem, Some(*comment))},
    }])
}

/// By what a problem is known again in a later version of its file: the code, the file and the text of its line, but not where the
/// line is. The same problem of equal lines is numbered from the top.
#[derive(Default)]
struct Fingerprints {
    seen: HashMap<String, usize>,
}

impl Fingerprints {
    /// 64 hexadecimal digits.
    fn of(&mut self, report: &Report, problem: &ReportedProblem) -> String {
        let file = report.file_of(problem);
        let line = file.zip(problem.place).and_then(|(file, Place { span, .. })| {
            file.text.get(line_start(&file.text, span.start)..line_end(&file.text, span.start))
        });
        let (uri, line) = (file.map_or("", |file| &file.uri), line.unwrap_or("").trim());
        let known = format!("{}\n{uri}\n{line}", problem.code);
        let number = self.seen.entry(known.clone()).or_default();
        *number = number.saturating_add(1);
        digest_of(format!("{known}\n{number}").as_bytes()).hex().to_owned()
    }
}

fn physical_location(report: &Report, problem: &ReportedProblem, place: Option<Place>) -> Value {
    let uri = report.file_of(problem).map_or("", |file| &file.uri);
    let artifact = json!({"uri": uri, "index": problem.file});
    match place {
        Some(Place { start, end, .. }) => json!({
            "artifactLocation": artifact,
            "region": {
                "startLine": start.line,
                "startColumn": start.column,
                "endLine": end.line,
                "endColumn": end.column,
            },
        }),
        None => json!({"artifactLocation": artifact}),
    }
}
