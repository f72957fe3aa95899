//! What a response says before its end.

use alloc::string::String;

use super::forwarded::Forwarded;
use crate::answer;
use crate::request::pairs;

/// The header to set, in place of any that the upstream sent under its name.
pub fn on_headers(forwarded: &mut Forwarded) -> Option<(&'static str, String)> {
    forwarded.annotation.take().map(|annotation| (answer::HEADER, annotation))
}

/// Whether the headers and trailers of the response matter: those of a gRPC call have its status, which Envoy has no more at
/// the end of the stream.
#[must_use]
pub fn needs_status(forwarded: &Forwarded) -> bool {
    forwarded.watch.is_some_and(|watch| watch.is_grpc)
}

/// Takes the headers or the trailers, in the byte form of [`pairs`]; `None`: there are none. Most gRPC calls have their status in
/// trailers, and one that is answered without a body in its headers.
pub fn take_status(forwarded: &mut Forwarded, map: Option<&[u8]>) {
    let Some(watch) = forwarded.watch.as_mut().filter(|watch| watch.is_grpc) else { return };
    let pairs = map.and_then(pairs::parse).unwrap_or_default();
    if let Some(value) = pairs::first(&pairs, b"grpc-status") {
        watch.grpc_status = core::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
    }
}
