//! A plan as text, in one file per format.

mod human;
mod json;
mod markdown;
mod words;

use clap::ValueEnum;

use super::plan::Plan;
use super::state::State;

/// The format of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Human,
    /// For programs: one JSON object with a versioned schema
    Json,
    /// For the comment of a pull request
    Markdown,
}

/// The plan as text.
pub(crate) fn render(plan: &Plan, state: &State, format: Format) -> String {
    match format {
        Format::Human => human::render(plan),
        Format::Json => json::render(plan, state),
        Format::Markdown => markdown::render(plan),
    }
}
