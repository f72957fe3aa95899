//! What the candidate of a gateway changes.

use sallyport_core::flow::Needs;
use sallyport_egress::meaning::PolicyDiff;
use sallyport_egress::rollout::Candidate;
use sallyport_egress::trial::{self, NotCompared};
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
    let all = state.checked.egresses.iter().map(|located| &located.value);
    let source = policy_source(egress, &state.mesh, &standbys(egress, all));
    trial::compare(&source, candidate, &egress.spec.host.authority()).map_err(|error| {
        let message = format!("the change of `{}` cannot be compared: {error}", gateway.name());
        let failure = Failure::new(Exit::Problems, message);
        if matches!(error, NotCompared::Exhausted) { failure.with_help("split the change") } else { failure }
    })
}
