//! What the stages of a response need to know about its request.

use alloc::string::String;

use crate::engine::Engine;
use crate::request::is_grpc_call;
use crate::request::pairs::Pair;

/// A request that has been forwarded. The default is one that has not: nothing is done with its response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forwarded {
    /// The value of [`answer::HEADER`](crate::answer::HEADER) on the response, where the policy discloses rules.
    pub(super) annotation: Option<String>,
    /// What the response counts for, where the health gate counts it.
    pub(super) watch: Option<Watch>,
}

/// A response that counts for the health gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Watch {
    pub(super) target: usize,
    pub(super) is_grpc: bool,
    /// What the upstream's headers or trailers say; none before they have come.
    pub(super) grpc_status: Option<u32>,
}

impl Watch {
    /// Whether the answer of this target to this request counts.
    pub(super) fn new(engine: &Engine, target: usize, headers: &[Pair<'_>]) -> Option<Self> {
        let is_watched = engine.health().is_some_and(|health| health.watches(target));
        is_watched.then(|| Self { target, is_grpc: is_grpc_call(headers), grpc_status: None })
    }
}
