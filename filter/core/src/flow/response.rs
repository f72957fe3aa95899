//! What a response says before its end.

use alloc::string::String;

use super::forwarded::{Forwarded, Watch};
use crate::answer;
use crate::request::pairs;

const GRPC_STATUS: &str = "grpc-status";

/// The header to set, in place of any that the upstream sent under its name.
pub fn on_headers(forwarded: &mut Forwarded) -> Option<(&'static str, String)> {
    forwarded.annotation.take().map(|annotation| (answer::HEADER, annotation))
}

/// The response's header that matters, if one does: of a gRPC call that is answered without a body, the status. Envoy has
/// it no more at the end of the stream.
#[must_use]
pub fn needed_header(forwarded: &Forwarded) -> Option<&'static str> {
    forwarded.watch.is_some_and(|watch| watch.is_grpc).then_some(GRPC_STATUS)
}

/// Takes its value.
pub fn take_header(forwarded: &mut Forwarded, value: Option<&[u8]>) {
    if let (Some(watch), Some(value)) = (&mut forwarded.watch, value) {
        watch.take_grpc_status(value);
    }
}

/// Takes the response's trailers, in the byte form of [`pairs`]: most gRPC calls have their status there.
pub fn on_trailers(forwarded: &mut Forwarded, trailers: Option<&[u8]>) {
    if needed_header(forwarded).is_some() {
        let trailers = trailers.and_then(pairs::parse).unwrap_or_default();
        take_header(forwarded, pairs::first(&trailers, GRPC_STATUS.as_bytes()));
    }
}

impl Watch {
    fn take_grpc_status(&mut self, value: &[u8]) {
        self.grpc_status = core::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
    }
}
