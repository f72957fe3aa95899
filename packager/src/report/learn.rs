//! What `learn` proposes, for people and for programs.

mod json;
mod proposal;
mod review;

pub(crate) use self::proposal::LearnReport;
pub(crate) use self::review::{FILTER_WITHOUT_PRINCIPAL, GIVE_ACCESS_LOG, NO_PRINCIPAL, hosts};

impl LearnReport<'_> {
    /// What a user has to look at.
    pub(crate) fn review(&self) -> String {
        review::render(self)
    }

    /// All of it: one JSON object.
    pub(crate) fn json(&self) -> String {
        json::render(self)
    }
}
