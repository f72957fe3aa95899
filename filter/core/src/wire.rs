//! The wire: what the packager writes into `pluginConfig` as JSON and the filter reads back.
//!
//! # Design
//!
//! Each struct and each enum of the wire is declared once, with [`record!`](crate::record) or [`words!`](crate::words). From
//! the declaration come the Rust type, the strict reader, the serializer, and the description of its fields
//! ([`Block`]), from which the JSON Schema and the documentation are made. The crate `sallyport-egress` declares the Egress
//! and Mesh files by the same means.
//!
//! serde's derived readers stop at the first problem and are generic over everything, which makes a module of twice the
//! size. So serde_json and one visitor make a small tree of the JSON ([`Json`]), and the types read that ([`Wire::read`]),
//! with every problem in its place.

mod ambiguity;
mod candidate;
mod digest;
mod health;
mod json;
mod operation;
mod outbound;
mod policy;
mod read;
mod record;
mod rule;
mod shape;
mod source;
mod stage;
mod words;

#[cfg(test)]
mod tests;

pub use self::ambiguity::Ambiguity;
pub use self::candidate::{Canary, Candidate, Region};
pub use self::digest::{Digest, digest, digests, mark, mark_of};
pub use self::health::{
    Expect, ExpectedHeader, Health, Override, Passive, Probe, Readiness, RefusalAnswer, Scheme, SlowStart, Standby,
};
pub use self::json::Json;
pub(crate) use self::json::write_text;
pub use self::operation::{Operation, ToEntry};
pub use self::outbound::{Headers, Hygiene, ParentSpan, ResponseHeaders, SetHeader, TraceFormat, Tracing, TracingMode};
pub use self::policy::{Automaton, Policy, WIRE_VERSION};
pub use self::read::{Reader, Wire};
pub use self::rule::{Action, Condition, Quantifier, Rule};
pub use self::shape::{Block, Choice, DefaultValue, Field, Presence, Shape, TextFlaw, TextKind, json_of};
pub use self::source::{FromEntry, Source};
pub use self::stage::Stage;

/// For the macros: what they expand to names serde by this path, so that their callers need not depend on it.
#[doc(hidden)]
pub use serde;
