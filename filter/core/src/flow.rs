//! The life of a request, and of the plugin around it: everything that the filter decides, without a host.
//!
//! # Design
//!
//! Each stage is a function from what is known to what is to be done. A stage that needs to know more says so
//! ([`Needs`]); the host adapter looks that up, puts it into [`Properties`] and calls the stage again. So nothing here calls
//! a host, and the adapter compares nothing: it looks up, calls and applies. The time, random bytes and the records that
//! workers share are arguments like all others. `sallyport explain`, tests and a browser can run the same stages.
//!
//! A request goes through these:
//!
//! 1. [`RequestHeaders`]: the kubelet's readiness probe, authorization, the health gate, header edits.
//! 2. [`trailers`] of the request.
//! 3. [`response`] headers: the annotation.
//! 4. [`trailers`] of the response.
//! 5. [`ResponseEnd`]: what the answer means for the health gate.
//!
//! Authorization comes before the health gate: a caller without permission learns nothing about the upstream, and does not
//! use up one of the requests that a half-open gate lets through.
//!
//! Around them, per worker: [`configure`], [`WorkerState::on_tick`], [`health`] (the records that workers share) and
//! [`probe`].

pub mod configure;
mod effect;
mod end;
mod forwarded;
pub mod health;
pub mod probe;
mod properties;
mod readiness;
mod request;
pub mod response;
mod tick;
pub mod trailers;
mod worker;

pub use crate::request::needs::Needs;
pub use effect::{Effect, Level, MetricKind};
pub use end::{EndStep, ResponseEnd};
pub use forwarded::Forwarded;
pub use properties::Properties;
pub use request::{Answered, Forward, Report, RequestHeaders, RequestStep, refuse_without_policy, time_taken};
pub use tick::{Flush, Increase, Tick};
pub use worker::{SentProbe, WorkerState};

#[cfg(test)]
mod tests;
