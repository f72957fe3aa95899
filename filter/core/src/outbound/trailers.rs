//! Trailers: headers that come after the body. No route reaches them, and an HTTP/2 upstream gets them as they were sent,
//! so what is taken away from headers, by whomever, is taken away from them here. Nothing is written into them.

use super::{Outbound, contains, names};
use crate::answer::ROUTE_HEADER;
use crate::request::pairs::Pair;
use crate::trace_context::{Mode, is_trace_header};

/// The outcome of a gRPC call: without it the call has none, whatever the file says.
const OUTCOME: [&[u8]; 2] = [b"grpc-status", b"grpc-message"];

impl Outbound {
    /// The names to take away from the trailers of a request.
    #[must_use]
    pub fn removed_from_trailers<'a>(&self, trailers: &[Pair<'a>]) -> Vec<&'a [u8]> {
        names(trailers, |name| {
            let tells = self.hygiene.removes(name) || (self.mode != Mode::Envoy && is_trace_header(name));
            // What is set has been said, and not by the caller.
            let said = contains(&self.remove, name) || self.is_set(name) || name == ROUTE_HEADER.as_bytes();
            said || (tells && !self.is_kept(name))
        })
    }

    /// The names to take away from the trailers of an answer.
    #[must_use]
    pub fn removed_from_response_trailers<'a>(&self, trailers: &[Pair<'a>]) -> Vec<&'a [u8]> {
        names(trailers, |name| {
            let tells = self.hygiene.removes_from_responses(name) && !contains(&self.keep_of_responses, name);
            (tells || contains(&self.remove_from_responses, name)) && !OUTCOME.contains(&name)
        })
    }
}
