//! The RBAC filters that Istio's own code makes of AuthorizationPolicies.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::process::Scratch;
use crate::tools;

/// What Istio makes of the policies of one case.
#[derive(Debug)]
pub enum Made {
    /// Envoy's HTTP filters.
    Filters(Vec<Value>),
    /// The admission webhook refuses them.
    Refused(String),
}

impl Made {
    /// The filters of policies that must be good: Envoy's, in order.
    pub fn into_filters(self) -> Result<Vec<Value>> {
        match self {
            Self::Filters(filters) => Ok(filters),
            Self::Refused(reason) => bail!("Istio refuses a part of a policy that it takes: {reason}"),
        }
    }
}

/// Asks the translator that `tests/setup parity` built.
pub fn translate(scratch: &Scratch, cases: Vec<Value>) -> Result<Vec<Made>> {
    let program = tools().join("cluster/bin/parity");
    ensure!(program.exists(), "Istio's translator is not set up: run `tests/setup parity`");
    let count = cases.len();
    let input = scratch.write("cases.json", Value::Array(cases).to_string())?;
    let output = scratch.path().join("filters.json");
    let done = Command::new(program).arg(&input).arg(&output).output()?;
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let answers: Vec<Value> = serde_json::from_slice(&fs::read(&output)?)?;
    ensure!(answers.len() == count, "{} answers for {count} cases", answers.len());
    answers
        .into_iter()
        .map(|mut answer| {
            if let Some(reason) = answer["refused"].as_str() {
                return Ok(Made::Refused(reason.to_owned()));
            }
            let filters = answer["filters"].take();
            Ok(Made::Filters(filters.as_array().cloned().context("a case without filters")?))
        })
        .collect()
}
