//! The policy: its wire shape ([`source`]), what is wrong with one ([`problem`](crate::problem)), its compilation into rules and an
//! index over them.

pub(crate) mod compile;
pub(crate) mod decode;
pub(crate) mod index;
pub(crate) mod rule;
pub mod source;

pub use compile::MAX_RULES;
#[cfg(feature = "compile")]
pub use compile::MAX_STEPS;
