//! What `query` found.

use std::collections::HashMap;

use sallyport_egress::diagnostic::Position;
use sallyport_egress::meaning::{Answer, IdleRules};

use super::super::example::Ground;

/// The answers of all policies that were asked.
#[derive(Debug)]
pub(crate) struct QueryReport {
    /// What was asked, in words: `DELETE requests to /orders/*`.
    pub(crate) asked: String,
    pub(crate) policies: Vec<Asked>,
}

/// One policy, and its answer.
#[derive(Debug)]
pub(crate) struct Asked {
    /// `NAMESPACE/NAME` of the Egress.
    pub(crate) upstream: String,
    /// The Egress file.
    pub(crate) file: String,
    /// Where the id of each rule is written.
    pub(crate) places: HashMap<String, Position>,
    /// Whether the policy as a whole is in shadow mode.
    pub(crate) is_shadow: bool,
    /// Rules in shadow mode, of a policy that is not.
    pub(crate) in_shadow: Vec<String>,
    /// For its examples.
    pub(crate) ground: Ground,
    pub(crate) found: Found,
}

/// What was found.
#[derive(Debug)]
pub(crate) enum Found {
    Grants(Answer),
    Unreachable(IdleRules),
}

impl Asked {
    /// Where a rule's id is written.
    pub(super) fn place(&self, rule: &str) -> Position {
        self.places.get(rule).copied().unwrap_or(Position { line: 1, column: 1 })
    }
}
