//! What follows for a filter from a gateway that has it.

use super::answer::Answer;
use super::findings::{Finding, Findings};
use super::gate::Gate;
use super::observed::Observed;

/// What keeps other gateways from getting the filter that this one has. It is judged by all of its requests: a filter decides
/// them with and without a candidate. `mark`: what its workers are to have in force, or why that is not known.
#[must_use]
pub fn judge_filter(mark: Result<&str, &str>, gate: Gate, observed: &Observed) -> Vec<Finding> {
    let requests = observed.requests.unwrap_or_default();
    let answer = match requests > 0.0 {
        true => Answer::NoneRefused,
        false if observed.is_known_quiet(mark) => Answer::NoTraffic,
        false => Answer::NoData,
    };
    let mut findings = Findings::default();
    findings.of_source(observed, answer);
    findings.of_pods(mark, observed);
    if answer == Answer::NoneRefused {
        findings.of_amount(gate, requests, observed);
    }
    findings.of_errors(gate, requests, observed);
    findings.sorted()
}
