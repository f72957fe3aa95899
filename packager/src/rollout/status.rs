//! What was seen of each gateway, and what follows from it.

mod facts;
mod human;
mod json;
mod markdown;
mod model;

use clap::ValueEnum;

pub(crate) use model::{FailOn, Status};

/// The format of a status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusFormat {
    /// For people
    #[default]
    Human,
    /// For programs: one JSON object with a versioned schema
    Json,
    /// For the comment of a pull request
    Markdown,
}

impl Status<'_> {
    pub(crate) fn render(&self, format: StatusFormat) -> String {
        match format {
            StatusFormat::Human => human::render(self),
            StatusFormat::Json => json::render(self),
            StatusFormat::Markdown => markdown::render(self),
        }
    }
}
