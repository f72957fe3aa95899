//! Sallyport's decision core.
//!
//! Data in, verdict out. A policy is compiled once ([`Engine::compile`]); a request, as the host sees it
//! ([`RequestView`]), is made canonical once and decided ([`Engine::on_request`]). What happens to a request around that
//! decision, from its headers to the end of its response, is in [`flow`]. The wasm filter and the `sallyport` command run
//! this same code.
//!
//! Where an attribute can be read in several ways, all matchers follow one principle: see `request/usage.rs`. *A restrictive
//! use (values in DENY and AUDIT, notValues in ALLOW) matches if any reading matches; a permissive use (values in ALLOW,
//! notValues in DENY and AUDIT) only if all readings do.*
//!
//! # Floors
//!
//! Each module uses only modules of lower floors, beside its own children; a test holds it to that.
//!
//! ```text
//! flow
//! attributes telemetry outline
//! engine
//! authz
//! policy
//! outbound
//! answer
//! health matcher trace_context verdict
//! request
//! wire
//! problem dns map side
//! text
//! ```
//!
//! From below: what can be wrong ([`problem`]); what a policy says, in types without meaning ([`wire`]); what a request is
//! ([`request`]), and how its values are matched; what a policy means, compiled ([`policy`]); which rules match, and what
//! follows ([`engine`]); and the life of a request ([`flow`]).
//!
//! # Functions that are called once
//!
//! Some are `#[inline(never)]`: the compiler puts what is called once into its caller, and made functions of 25 KB of it. Envoy's
//! V8 compiles every function of the module when it is loaded, and takes more than twice the memory for one of twice the size,
//! which Envoy's allocator then keeps: 6 MB less, where no function of the module has more than some 8 KB.
//!
//! Nothing here calls a host, reads a clock, logs or panics, and no decision can fail: every error is found when the policy
//! is compiled, and then the whole policy is refused.
//!
//! ```
//! use sallyport_core::{Engine, PeerView, RequestView, Verdict};
//!
//! let engine = Engine::from_json(br#"{
//!   "version": 1,
//!   "upstream": "httpbin/httpbin",
//!   "rules": [{
//!     "id": "readers", "action": "ALLOW",
//!     "from": [{"source": {"serviceAccounts": ["httpbin/sleep"]}}],
//!     "to": [{"operation": {"methods": ["GET"], "paths": ["/status/{*}"]}}]
//!   }]
//! }"#)?;
//! let view = RequestView {
//!     headers: &[
//!         (b":method", b"GET"),
//!         (b":path", b"/status/200"),
//!         (b":authority", b"httpbin.legacy.internal"),
//!         // Written by the gateway: every name of the caller's certificate.
//!         (b"x-forwarded-client-cert", b"Hash=c0ffee;URI=spiffe://cluster.local/ns/httpbin/sa/sleep"),
//!     ],
//!     peer: PeerView { mtls: true, uri_san: Some(b"spiffe://cluster.local/ns/httpbin/sa/sleep"), digest: None },
//!     ..RequestView::default()
//! };
//! assert!(matches!(engine.on_request(&view).verdict, Verdict::Continue(_)));
//!
//! let without_certificate = RequestView { peer: PeerView::default(), ..view };
//! assert!(matches!(engine.on_request(&without_certificate).verdict, Verdict::Refuse(_)));
//! # Ok::<(), sallyport_core::InvalidPolicy>(())
//! ```

#![cfg_attr(not(test), no_std)]
#![cfg_attr(
    test,
    expect(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a broken assumption ends the test")
)]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

#[macro_use]
extern crate alloc;

pub mod answer;
pub mod attributes;
pub mod authz;
pub mod dns;
pub mod engine;
pub mod flow;
pub mod health;
mod map;
mod matcher;
pub mod outbound;
#[cfg(feature = "compile")]
pub mod outline;
pub mod policy;
pub mod problem;
pub mod request;
mod side;
pub mod telemetry;
mod text;
pub mod trace_context;
pub mod verdict;
pub mod wire;

pub use engine::Engine;
pub use problem::{InvalidPolicy, PolicyCode, Problem};
pub use request::needs::Needs;
pub use request::view::{PeerView, RequestView};
pub use verdict::{Ambiguity, Decision, Permit, Reason, Refusal, RuleRef, Shadow, Trial, Verdict};
