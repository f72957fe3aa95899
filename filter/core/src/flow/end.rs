//! The end of a response: what it means for the health gate.
//!
//! Only when all of a response is known does Envoy say who made it, so nothing is looked up earlier.

use super::forwarded::{Forwarded, Watch};
use super::properties::Properties;
use super::worker::WorkerState;
use crate::engine::Engine;
use crate::health::{HealthPolicy, Outcome, is_error};
use crate::request::needs::Needs;

/// Envoy's `response_code_details` of an answer that came from the upstream.
const VIA_UPSTREAM: &[u8] = b"via_upstream";
const NANOSECONDS_PER_MILLISECOND: i64 = 1_000_000;

/// The stage at the end of a stream.
#[derive(Debug)]
pub struct ResponseEnd {
    watch: Option<Watch>,
    /// Nothing is asked for twice, so the stage ends whatever the host says.
    asked: Needs,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndStep {
    /// Look these up, and call the stage again.
    Ask(Needs),
    /// The answer is counted. If there is a target here, update its shared record now: this may have been the last failure
    /// before its gate opens.
    Done(Option<usize>),
}

impl ResponseEnd {
    /// The end of the response to this request.
    #[must_use]
    pub fn new(forwarded: &Forwarded) -> Self {
        Self { watch: forwarded.watch, asked: Needs::default() }
    }

    /// Goes as far as possible with what is known.
    pub fn next(&mut self, engine: &Engine, worker: &mut WorkerState, properties: &Properties) -> EndStep {
        let (Some(watch), Some(policy), Some(health)) = (self.watch, engine.health(), &mut worker.health) else {
            return EndStep::Done(None);
        };
        let answer = Response::read(watch, properties);
        // With each property more is known about what else matters: a failure shows only in the status.
        let missing = needs(watch, policy, answer).without(self.asked);
        if !missing.is_empty() {
            self.asked |= missing;
            return EndStep::Ask(missing);
        }
        let Some(answer) = answer else { return EndStep::Done(None) };
        let outcome = answer.outcome(watch, policy, properties);
        let is_urgent = health.monitor.observe(policy, watch.target, outcome);
        EndStep::Done(is_urgent.then_some(watch.target))
    }
}

/// What an outcome depends on. Each property is a host call, so those of a failure are looked up only after one.
fn needs(watch: Watch, policy: &HealthPolicy, response: Option<Response>) -> Needs {
    let Some(response) = response else { return Needs::RESPONSE_STATUS };
    let mut needs = Needs::default();
    // gRPC puts its own status into trailers, and HTTP says 200 for calls that have failed.
    // Where the upstream has sent none, Envoy makes one of the HTTP status.
    if watch.is_grpc && watch.grpc_status.is_none() {
        needs |= Needs::GRPC_STATUS;
    }
    if policy.needs_time(watch.target) {
        needs |= Needs::BACKEND_LATENCY;
    }
    if response.is_error() {
        needs |= Needs::RESPONSE_DETAILS;
    }
    needs
}

/// A response that has a status. Where there is none the caller has left before the answer, which says nothing about the
/// upstream.
#[derive(Clone, Copy)]
struct Response {
    status: u16,
    grpc_status: Option<u32>,
}

impl Response {
    fn read(watch: Watch, properties: &Properties) -> Option<Self> {
        let status = u16::try_from(properties.number(Needs::RESPONSE_STATUS)?).ok()?;
        let of_envoy = || properties.number(Needs::GRPC_STATUS).and_then(|status| u32::try_from(status).ok());
        let grpc_status = if watch.is_grpc { watch.grpc_status.or_else(of_envoy) } else { None };
        Some(Self { status, grpc_status })
    }

    fn is_error(self) -> bool {
        is_error(self.status, self.grpc_status)
    }

    fn outcome(self, watch: Watch, policy: &HealthPolicy, properties: &Properties) -> Outcome {
        // An error without details counts as Envoy's own: without them nothing shows that the upstream was reached.
        let is_envoys = self.is_error() && properties.get(Needs::RESPONSE_DETAILS) != Some(VIA_UPSTREAM);
        // Until the first byte of the answer: how fast the caller then reads it says nothing about the upstream.
        let time = properties.number(Needs::BACKEND_LATENCY).map(|time| time / NANOSECONDS_PER_MILLISECOND);
        let time = time.and_then(|time| u32::try_from(time).ok());
        policy.outcome(watch.target, self.status, self.grpc_status, is_envoys, time)
    }
}
