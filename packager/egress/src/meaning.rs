//! What a policy means: which requests two policies decide otherwise, who may do what, and which rules never decide.
//!
//! # Design
//!
//! Everything here searches for requests; nothing decides. A request that was found is put to the engines, and what they
//! say is the answer: a search that expected anything else says so. The parts, from below:
//!
//! - a **language** (`lang`) is what a set of patterns matches, byte by byte;
//! - a **machine** (`machine`) is one test of a rule on one dimension of requests, over all readings of a value;
//! - a **space** (`space`) finds a shortest value that passes some tests and fails others, and a request for which
//!   formulas hold (`search`);
//! - a policy is a **list** of formulas with what they decide (`lists`); [`diff()`] compares two of them, takes what differs
//!   in pieces (`pieces`), says which requests each has (`describe`) and joins those that a reader would not tell apart (`fold`);
//! - [`query()`] asks one what it grants, and [`idle()`] which of its rules never decide.
//!
//! # Limits
//!
//! Not searched for: requests that both policies refuse as ambiguous; values of more than 2,048 bytes or 256 elements;
//! headers of gateways and proxies whose values they write themselves; certificates with more than two names, or with `ns`
//! and `sa` in places where Istio has other words; IPv6 addresses as authorities, but for those that rules name.

mod ambiguous;
mod conditions;
#[cfg(test)]
mod derivative_tests;
mod describe;
mod diff;
mod dimension;
mod fold;
mod formula;
mod guess;
mod idle;
mod lang;
mod lists;
mod literals;
mod machine;
mod marks;
mod merge;
mod pieces;
mod policy;
mod query;
#[cfg(test)]
mod query_tests;
mod reduce;
mod region;
#[cfg(test)]
mod region_tests;
mod search;
mod space;
#[cfg(test)]
mod tests;
mod utf8;
mod written;

pub use diff::{BUDGET, PolicyDiff, Undecided, diff};
pub use idle::{Idle, IdleRule, IdleRules, idle};
pub use lists::View;
pub use merge::Side;
pub use policy::Policy;
pub use query::{Answer, Asker, Grant, Question, Unanswered, query};
pub use region::{Change, Exception, Region, Scope, Source};
pub use space::Exhausted;
