//! For programs: one JSON object with a versioned schema.
//!
//! ```json
//! {
//!   "version": 1,
//!   "suites": [{
//!     "file": "cases.yaml", "egress": "egress-httpbin/httpbin", "egressFile": "egress.yaml",
//!     "cases": [{
//!       "group": "...", "name": "httpbin/sleep GET /get", "line": 7, "column": 3, "passed": true, "byDefault": false,
//!       "actual": {"verdict": "ALLOW", "rule": "readers", "reason": null, "ambiguity": null, "byEnvoy": null, "status": null, "route": "..."},
//!       "mismatches": [{"field": "rule", "expected": "readers", "actual": "none", "line": 9, "column": 30}],
//!       "notes": [{"file": "egress.yaml", "line": 20, "column": 9, "message": "..."}]
//!     }],
//!     "coverage": {
//!       "rules": {"all": 5, "matched": 5}, "branches": {"all": 14, "taken": 13},
//!       "missing": [{"file": "egress.yaml", "line": 20, "column": 9, "rule": "readers", "message": "...", "example": "..."}]
//!     }
//!   }],
//!   "decidedBy": "command",
//!   "summary": {"cases": 23, "failed": 0}
//! }
//! ```
//!
//! Lines and columns count from 1. Version 1 may get new fields; its fields are never renamed, removed or given another
//! meaning.

use sallyport_core::verdict::Reason;
use sallyport_egress::scenario::Effect;
use serde_json::{Value, json};

use super::model::{SuiteReport, TestedCase, TestedSuite};
use crate::report::model::Place;

pub(super) fn render(report: &SuiteReport) -> String {
    let (cases, failed) = report.totals();
    let suites: Vec<_> = report.suites.iter().map(|suite| of_suite(report, suite)).collect();
    let root = json!({"version": 1, "suites": suites, "decidedBy": report.decider.as_str(), "summary": {"cases": cases, "failed": failed}});
    format!("{root:#}\n")
}

fn of_suite(report: &SuiteReport, suite: &TestedSuite) -> Value {
    let egress_file = report.name(suite.egress_file);
    let missing = suite.missing.iter().map(|missing| {
        let mut value = at(missing.place, &missing.text, egress_file);
        insert(&mut value, "rule", json!(missing.rule));
        insert(&mut value, "example", json!(missing.example));
        value
    });
    json!({
        "file": report.name(suite.file),
        "egress": suite.egress,
        "egressFile": egress_file,
        "cases": suite.cases.iter().map(|case| of_case(case, egress_file)).collect::<Vec<_>>(),
        "coverage": {
            "rules": {"all": suite.rules.0, "matched": suite.rules.1},
            "branches": {"all": suite.branches.0, "taken": suite.branches.1},
            "missing": missing.collect::<Vec<_>>(),
        },
    })
}

fn of_case(case: &TestedCase, egress_file: &str) -> Value {
    let effect = &case.outcome.effect;
    let by_envoy = match effect {
        Effect::ByEnvoy(answer) => Some(answer.to_string()),
        _ => None,
    };
    let ambiguity = match effect.reason() {
        Some(Reason::Ambiguous(kind)) => Some(kind.as_str()),
        _ => None,
    };
    let mismatches = case.mismatches.iter().map(|(place, mismatch)| {
        json!({
            "field": mismatch.field, "expected": mismatch.expected, "actual": mismatch.actual,
            "line": place.start.line, "column": place.start.column,
        })
    });
    json!({
        "group": case.group,
        "name": case.name,
        "line": case.place.start.line,
        "column": case.place.start.column,
        "passed": case.passed(),
        "byDefault": case.is_by_default(),
        "actual": {
            "verdict": if effect.is_allowed() { "ALLOW" } else { "DENY" },
            "rule": effect.rule(),
            "reason": effect.reason().map(Reason::as_str),
            "ambiguity": ambiguity,
            "byEnvoy": by_envoy,
            "status": case.outcome.status,
            "route": case.outcome.upstream.as_ref().map(|upstream| &upstream.route),
        },
        "mismatches": mismatches.collect::<Vec<_>>(),
        "notes": case.notes.iter().map(|(place, text)| at(*place, text, egress_file)).collect::<Vec<_>>(),
    })
}

fn at(place: Place, message: &str, file: &str) -> Value {
    json!({"file": file, "line": place.start.line, "column": place.start.column, "message": message})
}

fn insert(value: &mut Value, name: &str, field: Value) {
    if let Some(object) = value.as_object_mut() {
        object.insert(name.to_owned(), field);
    }
}
