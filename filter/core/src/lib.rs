//! Sallyport's decision core.
//!
//! Data in, verdict out. A policy is compiled once ([`Engine::compile`]); a request, as the host sees it
//! ([`RequestView`]), is made canonical once and decided ([`Engine::on_request`]). The wasm filter and the `sallyport`
//! command run this same code.
//!
//! Nothing here calls a host, reads a clock, logs, panics, or fails while deciding: what can be wrong is found when the
//! policy is compiled, and then the whole policy is refused.

pub mod authz;
pub mod engine;
pub mod policy;
pub mod request;
pub mod verdict;

pub use engine::{Decision, Engine, Needs, Permit, Refusal, RuleRef, Shadow, Verdict};
pub use policy::error::{Code, InvalidPolicy, Problem};
pub use policy::source::PolicySource;
pub use request::view::{PeerView, RequestView};
pub use verdict::{Ambiguity, Reason};
