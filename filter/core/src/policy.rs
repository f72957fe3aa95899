//! The policy: its wire shape, and its compilation into something that can decide.
pub mod error;
pub mod source;
