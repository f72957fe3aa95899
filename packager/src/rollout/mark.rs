//! What the workers of a gateway are to have in force.

use sallyport_egress::model::Egress;
use sallyport_egress::rollout::{Candidate, Standing};
use sallyport_egress::standbys;
use sallyport_manifest::{BuildError, Rollouts, plans};

use super::state::{Gateway, State};

/// The mark of what `sallyport build` gives a gateway now, or once its candidate is at a stage; or why it is not known.
pub(super) fn mark(state: &State, gateway: &Gateway<'_>, at: Option<Standing>) -> Result<String, String> {
    let egress = &gateway.egress.value;
    let filter = state.filter.as_ref().map_err(Clone::clone)?;
    // Standbys are here for their names: their candidates change nothing of this gateway.
    let mut lock = state.lock.clone();
    lock.rollout.gateways.retain(|name, _| *name == gateway.name());
    if let (Some(standing), Some(candidate)) = (at, gateway.candidate) {
        let entry = lock.rollout.gateways.entry(gateway.name()).or_default();
        entry.candidate = Some(gateway.locked(&candidate.value, standing, state.now));
    }
    let others = standbys(egress, state.checked.egresses.iter().map(|located| &located.value));
    let egresses: Vec<&Egress> = std::iter::once(egress).chain(others).collect();
    let candidates: Vec<&Candidate> = gateway.candidate.iter().map(|candidate| &candidate.value).collect();
    let message = |error: BuildError| error.message;
    let rollouts = Rollouts::of(&egresses, &candidates, Some(&state.rollout), &lock)
        .map_err(|errors| errors.into_iter().next().map(message).unwrap_or_default())?;
    let plans = plans(&egresses, &state.mesh, filter, &rollouts);
    let own = plans.iter().find(|plan| plan.egress.route() == egress.route());
    own.map_or_else(|| Err(String::new()), |plan| plan.mark().map_err(message))
}
