//! What was pasted, or where it cannot be read.

use crate::diagnostic::Position;
use crate::scenario::Request;

/// A request, with what is said of its caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pasted {
    /// The request.
    pub request: Request,
    /// The caller: `NAMESPACE/ACCOUNT`, a principal, or `anonymous`.
    pub caller: Option<String>,
    /// The forwarder that sent it for the caller, as a principal.
    pub through: Option<String>,
    /// The name that the caller asked for in the TLS handshake.
    pub sni: Option<String>,
    /// What a log says of the decision: `allowed by readers`.
    pub logged: Option<String>,
}

impl Pasted {
    pub(super) fn of(request: Request) -> Self {
        Self { request, caller: None, through: None, sni: None, logged: None }
    }
}

/// Why no request can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasteError {
    /// Where in the text.
    pub position: Position,
    /// What is wrong: lower case, no full stop, the user's text in backticks.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl PasteError {
    pub(super) fn at(text: &str, offset: usize, message: impl Into<String>, help: impl Into<String>) -> Self {
        let position = crate::diagnostic::LineIndex::new(text).position(offset);
        Self { position, message: message.into(), help: help.into() }
    }
}
