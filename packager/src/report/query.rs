//! What `query` found, for people and for programs.

mod human;
mod json;

use std::collections::HashMap;

use sallyport_egress::diagnostic::Position;
use sallyport_egress::meaning::{Answer, IdleRules};

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
    pub(crate) found: Found,
}

/// What was found.
#[derive(Debug)]
pub(crate) enum Found {
    Grants(Answer),
    Unreachable(IdleRules),
}

impl QueryReport {
    /// The report for people.
    pub(crate) fn human(&self) -> String {
        human::render(self)
    }

    /// The report for programs: one JSON object.
    pub(crate) fn json(&self) -> String {
        json::render(self)
    }

    /// Whether the search and the engine disagree somewhere: a fault of the search.
    pub(crate) fn has_undecided(&self) -> bool {
        self.policies.iter().any(|policy| match &policy.found {
            Found::Grants(answer) => !answer.undecided.is_empty(),
            Found::Unreachable(idle) => !idle.undecided.is_empty(),
        })
    }
}

impl Asked {
    /// Where a rule's id is written.
    fn place(&self, rule: &str) -> Position {
        self.places.get(rule).copied().unwrap_or(Position { line: 1, column: 1 })
    }
}
