//! The policy, compiled: from its wire shape ([`wire::Policy`](crate::wire::Policy)) into rules and an index over them.

#[cfg(feature = "compile")]
mod automata;
pub(crate) mod compile;
pub(crate) mod index;
pub mod key;
pub(crate) mod rollout;
pub(crate) mod rule;

pub use compile::MAX_RULES;
#[cfg(feature = "compile")]
pub use compile::MAX_STEPS;
pub use rollout::MAX_REGIONS;
