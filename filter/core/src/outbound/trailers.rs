//! Trailers: headers that come after the body. A route cannot change them, and an HTTP/2 upstream gets them as they were
//! sent, so whatever the filter or a route removes from headers is removed from them here. Nothing is added to them.

use alloc::vec::Vec;

use super::reserved::is_second_reading;
use super::{Outbound, contains, names};
use crate::request::name::fold;
use crate::request::pairs::Pair;

/// The status of a gRPC call, which is kept whatever the file says: without it the call has none.
const GRPC_STATUS: [&[u8]; 2] = [b"grpc-status", b"grpc-message"];

impl Outbound {
    /// The names to remove from the trailers of a request.
    #[must_use]
    pub fn removed_from_trailers<'a>(&self, trailers: &[Pair<'a>]) -> Vec<&'a [u8]> {
        names(trailers, |name| {
            let folded = fold(name);
            // A header that the gate sets must not have a second value from the caller.
            let is_owned = self.owned.has(&folded) || is_second_reading(name, &folded);
            is_owned || self.is_foreign_trace(&folded) || (self.hygiene.removes(&folded) && !self.is_kept(name))
        })
    }

    /// The names to remove from the trailers of a response.
    #[must_use]
    pub fn removed_from_response_trailers<'a>(&self, trailers: &[Pair<'a>]) -> Vec<&'a [u8]> {
        names(trailers, |name| {
            let folded = fold(name);
            let by_hygiene = self.hygiene.removes_from_responses(&folded) && !contains(&self.keep_of_responses, name);
            (by_hygiene || self.remove_from_responses.has(&folded)) && !GRPC_STATUS.contains(&name)
        })
    }
}
