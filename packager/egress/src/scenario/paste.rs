//! Requests that people have at hand: a curl command, a HAR file, lines of the gateway's access log.
//!
//! None of them says everything that a gateway sees. What one does not say stays open, for its reader to ask for.

mod cmd;
mod curl;
mod har;
mod log;
mod model;
mod shell;
mod url;
mod words;

pub use curl::from_curl;
pub use har::{PastedHar, from_har};
pub use log::from_log;
pub use model::{PasteError, Pasted};
