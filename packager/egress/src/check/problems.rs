//! What the engine says of a policy.

use sallyport_core::wire::Policy;
use sallyport_core::{Engine, Problem};

/// Why the filter would refuse it.
pub(super) fn problems_of(policy: &Policy) -> Vec<Problem> {
    Engine::compile(policy).err().map(|invalid| invalid.problems).unwrap_or_default()
}
