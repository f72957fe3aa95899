//! Trailers: headers that come after a body.

use alloc::vec::Vec;

use crate::engine::Engine;
use crate::request::pairs;

/// Which message has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// The caller's.
    Request,
    /// The upstream's.
    Response,
}

/// The names to remove from trailers, given in the byte form of [`pairs`].
///
/// `None`: they cannot be read, and must be held back. Then the message stays unfinished until one of the two sides gives
/// up, which is better than to let through a header that no rule has seen.
#[must_use]
pub fn removed<'t>(engine: &Engine, message: Message, trailers: Option<&'t [u8]>) -> Option<Vec<&'t [u8]>> {
    let trailers = pairs::parse(trailers?)?;
    Some(match message {
        Message::Request => engine.removed_from_trailers(&trailers),
        Message::Response => engine.outbound().removed_from_response_trailers(&trailers),
    })
}
