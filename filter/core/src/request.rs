//! The request: what the host says ([`view`]), and the one canonical form in which rules see it.

pub(crate) mod canonical;
pub(crate) mod forwarded;
pub(crate) mod host;
pub mod name;
pub mod needs;
pub mod pairs;
pub(crate) mod path;
pub(crate) mod principal;
pub(crate) mod query;
pub(crate) mod token;
pub mod view;

pub use crate::matcher::method::is_token_byte;
