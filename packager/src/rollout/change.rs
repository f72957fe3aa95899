//! What the candidate of a gateway changes.

use sallyport_core::flow::Needs;
use sallyport_egress::meaning::{BUDGET, Policy, PolicyDiff, diff};
use sallyport_egress::rollout::Candidate;
use sallyport_egress::{policy_source, standbys};

use super::state::{Gateway, State};
use crate::exit::{Exit, Failure};

/// What the candidate means for the rules in force, and what both ask of a connection.
pub(super) fn change(
    state: &State,
    gateway: &Gateway<'_>,
    candidate: &Candidate,
) -> Result<(PolicyDiff, Needs), Failure> {
    let egress = &gateway.egress.value;
    let name = gateway.name();
    let all = state.checked.egresses.iter().map(|located| &located.value);
    let source = policy_source(egress, &state.mesh, &standbys(egress, all));
    let mut next = source.clone();
    next.rules = candidate.apply(&source.rules);
    let wrong = |what: &dyn std::fmt::Display| {
        Failure::new(Exit::Problems, format!("the change of `{name}` cannot be compared: {what}"))
    };
    let (was, is) =
        (Policy::new(source).map_err(|error| wrong(&error))?, Policy::new(next).map_err(|error| wrong(&error))?);
    let found = diff(&was, &is, egress.spec.host.as_str(), BUDGET)
        .map_err(|_| wrong(&format!("it takes more than {BUDGET} steps")).with_help("split the change"))?;
    Ok((found, was.engine().needs() | is.engine().needs()))
}
