//! Trailers: headers that come after the body. No route reaches them, and an HTTP/2 upstream gets them as they were sent,
//! so what is taken away from headers, by whomever, is taken away from them here. Nothing is written into them.

use super::reserved::is_second_reading;
use super::{Outbound, contains, names};
use crate::request::name::fold;
use crate::request::pairs::Pair;

/// The outcome of a gRPC call: without it the call has none, whatever the file says.
const OUTCOME: [&[u8]; 2] = [b"grpc-status", b"grpc-message"];

impl Outbound {
    /// The names to take away from the trailers of a request.
    #[must_use]
    pub fn removed_from_trailers<'a>(&self, trailers: &[Pair<'a>]) -> Vec<&'a [u8]> {
        names(trailers, |name| {
            let folded = fold(name);
            let tells = self.hygiene.removes(&folded) || self.is_foreign_trace(&folded);
            // What is set has been said, and not by the caller.
            self.owned.has(&folded) || is_second_reading(name, &folded) || (tells && !self.is_kept(name))
        })
    }

    /// The names to take away from the trailers of an answer.
    #[must_use]
    pub fn removed_from_response_trailers<'a>(&self, trailers: &[Pair<'a>]) -> Vec<&'a [u8]> {
        names(trailers, |name| {
            let folded = fold(name);
            let tells = self.hygiene.removes_from_responses(&folded) && !contains(&self.keep_of_responses, name);
            (tells || self.remove_from_responses.has(&folded)) && !OUTCOME.contains(&name)
        })
    }
}
