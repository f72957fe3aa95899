//! What the workers of a gateway are to have in force.

use sallyport_egress::rollout::Standing;
use sallyport_manifest::plans;

use super::alone::alone;
use super::state::{Gateway, State};

/// The mark of what `sallyport build` gives a gateway now, or once its candidate is at a stage; or why it is not known.
pub(super) fn mark(state: &State, gateway: &Gateway<'_>, at: Option<Standing>) -> Result<String, String> {
    let egress = &gateway.egress.value;
    let candidate = gateway.candidate.map(|candidate| &candidate.value);
    let filter = state.filter.as_ref().map_err(Clone::clone)?;
    let mut lock = state.lock.clone();
    if let (Some(standing), Some(candidate)) = (at, candidate) {
        let entry = lock.rollout.gateways.entry(gateway.name()).or_default();
        entry.candidate = Some(gateway.locked(candidate, standing, state.now));
    }
    let mark = alone(state, egress, candidate, &lock, |egresses, rollouts| {
        let plans = plans(egresses, &state.mesh, filter, rollouts);
        let own = plans.iter().find(|plan| plan.egress.route() == egress.route());
        own.map_or_else(|| Err(Vec::new()), |plan| plan.mark().map_err(|error| vec![error]))
    });
    mark.map_err(|messages| messages.into_iter().next().unwrap_or_default())
}
