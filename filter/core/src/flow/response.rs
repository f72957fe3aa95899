//! The headers of a response.

use alloc::string::String;

use super::forwarded::Forwarded;
use crate::answer;

/// The header to set, in place of any that the upstream sent under its name.
pub fn on_headers(forwarded: &mut Forwarded) -> Option<(&'static str, String)> {
    forwarded.annotation.take().map(|annotation| (answer::HEADER, annotation))
}
