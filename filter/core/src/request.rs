//! The request: what the host says ([`view`]), and the one canonical form in which rules see it.

pub(crate) mod caller;
pub(crate) mod canonical;
pub(crate) mod forwarded;
pub(crate) mod host;
pub mod name;
pub mod needs;
pub mod pairs;
pub(crate) mod path;
pub(crate) mod principal;
pub(crate) mod query;
pub(crate) mod reading;
pub(crate) mod table;
pub(crate) mod token;
pub mod view;

use self::pairs::Pair;
use crate::matcher::grpc;
pub use crate::matcher::method::is_token_byte;

/// Whether a request is a gRPC call: a POST whose content type is `application/grpc`, alone or followed by `+FORMAT` or
/// parameters (grpc/grpc `doc/PROTOCOL-HTTP2.md`).
#[must_use]
pub fn is_grpc_call(headers: &[Pair<'_>]) -> bool {
    let values = |name: &'static [u8]| headers.iter().filter(move |(key, _)| *key == name).map(|(_, value)| *value);
    values(b":method").next().is_some_and(|method| grpc::is_call(method, values(b"content-type")))
}
