//! Istio's side: the translator of policies, and, for the predicates of classes, how Istio and Envoy read attributes.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use sallyport_tests::client::Request;
use sallyport_tests::process::Scratch;
use sallyport_tests::tools;
use serde_json::Value;

/// What Istio makes of the policies of one case.
#[derive(Debug)]
pub(crate) enum Made {
    /// Envoy's HTTP filters.
    Filters(Vec<Value>),
    /// The admission webhook refuses them.
    Refused(String),
}

impl Made {
    /// The filters of policies that must be good.
    pub(crate) fn into_filters(self) -> Result<Vec<Value>> {
        match self {
            Self::Filters(filters) => Ok(filters),
            Self::Refused(reason) => bail!("Istio refuses a part of a policy that it takes: {reason}"),
        }
    }
}

/// Asks the translator that `tests/setup parity` built.
pub(crate) fn translate(scratch: &Scratch, cases: Vec<Value>) -> Result<Vec<Made>> {
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

/// Exact, `prefix*`, `*suffix`, and `*` for anything that is not empty.
pub(crate) fn string_matches(pattern: &str, value: &str) -> bool {
    match pattern {
        "*" => !value.is_empty(),
        _ => affix_matches(pattern, value),
    }
}

/// As [`string_matches`], but `*` is presence: an empty value has it, too.
pub(crate) fn header_matches(pattern: &str, value: &str) -> bool {
    pattern == "*" || affix_matches(pattern, value)
}

/// A host pattern against the authority as it came.
pub(crate) fn host_matches(pattern: &str, authority: &str) -> bool {
    header_matches(&pattern.to_ascii_lowercase(), &authority.to_ascii_lowercase())
}

fn affix_matches(pattern: &str, value: &str) -> bool {
    if let Some(suffix) = pattern.strip_prefix('*') {
        value.ends_with(suffix)
    } else if let Some(prefix) = pattern.strip_suffix('*') {
        value.starts_with(prefix)
    } else {
        pattern == value
    }
}

/// The lines of a header, in order, as text.
pub(crate) fn header_lines(request: &Request, name: &str) -> Vec<String> {
    let named = request.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes()));
    named.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
}

/// The texts that Istio compares for a key `request.auth.*`, in the payload that jwt_authn makes of the claims.
pub(crate) fn claim_strings(claims: &Value, key: &str) -> Vec<String> {
    let path: Vec<&str> = match key {
        "request.auth.audiences" => vec!["aud"],
        "request.auth.presenter" => vec!["azp"],
        "request.auth.principal" => vec!["sub"],
        key => match key.strip_prefix("request.auth.claims[").and_then(|rest| rest.strip_suffix(']')) {
            Some(inner) => inner.split("][").collect(),
            None => return Vec::new(),
        },
    };
    let value = path.iter().fold(claims, |value, name| &value[*name]);
    match value {
        Value::String(text) if matches!(path[..], ["scope" | "permission"]) => {
            text.split_whitespace().map(str::to_owned).collect()
        }
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}
