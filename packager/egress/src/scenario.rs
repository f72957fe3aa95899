//! Who calls, what is asked, and what the gateway makes of it.
//!
//! # Design
//!
//! A [`Scenario`] is one request by one caller. [`Scenario::run`] takes it through a gateway: through what Envoy does before
//! the filter, through the same stages of [`flow`](sallyport_core::flow) as the filter ([`Scenario::play`]), with everything
//! that a gateway would say of the connection, and through the route behind it. It gives an [`Outcome`]. Nothing here
//! decides: tests of a policy and explanations come from that one function, and the witnesses of a difference from
//! `play`.

mod arrival;
mod caller;
mod explain;
mod outcome;
pub mod paste;
mod play;
mod request;
mod route;
mod usual;

pub(crate) use arrival::normalized;
pub use arrival::{ByEnvoy, serves, usual_server_name};
pub use caller::{Caller, Certificate, principal_of};
pub use explain::{FailedPart, RuleTrace};
pub use outcome::{Effect, Outcome, Upstream};
pub use request::Request;

/// One request by one caller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scenario {
    /// Who calls.
    pub caller: Caller,
    /// What is asked.
    pub request: Request,
}
