//! One gateway as `build` would make it, by a lock of one's own.

use sallyport_egress::model::Egress;
use sallyport_egress::rollout::Candidate;
use sallyport_egress::standbys;
use sallyport_manifest::{BuildError, LockFile, Rollouts};

use super::state::State;

/// Makes something of one gateway: `make` gets its Egress and those of its standbys, and what the lock says of it; or why that
/// cannot be.
pub(super) fn alone<T>(
    state: &State,
    egress: &Egress,
    candidate: Option<&Candidate>,
    lock: &LockFile,
    make: impl FnOnce(&[&Egress], &Rollouts<'_>) -> Result<T, Vec<BuildError>>,
) -> Result<T, Vec<String>> {
    let others = standbys(egress, state.checked.egresses.iter().map(|located| &located.value));
    let egresses: Vec<&Egress> = std::iter::once(egress).chain(others).collect();
    let candidates: Vec<&Candidate> = candidate.into_iter().collect();
    // Standbys are here for their names: their candidates change nothing of this gateway.
    let mut lock = lock.clone();
    lock.rollout.gateways.retain(|name, _| *name == egress.route());
    Rollouts::of(&egresses, &candidates, Some(&state.rollout), &lock)
        .and_then(|rollouts| make(&egresses, &rollouts))
        .map_err(|errors| errors.into_iter().map(|error| error.message).collect())
}
