//! What `query` found, for people and for programs.

mod found;
mod human;
mod json;

pub(crate) use self::found::{Asked, Found, QueryReport};

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
