//! A comparison as text, in one file per format.

mod human;
mod json;
mod markdown;
mod sarif;
mod words;

use clap::ValueEnum;

pub(crate) use words::{decided, kind};

use super::model::Comparison;
use super::side::Side;

/// The format of a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Human,
    /// For programs: one JSON object with a versioned schema
    Json,
    /// For the comment of a pull request, below the largest size of one
    Markdown,
    /// For code scanning: SARIF 2.1.0, one result for each set of requests
    Sarif,
}

/// A comparison, with the sides that it is of.
pub(crate) struct Compared<'c> {
    pub(crate) comparison: &'c Comparison,
    pub(crate) old: &'c Side,
    pub(crate) new: &'c Side,
}

impl Compared<'_> {
    /// The comparison as text. `coloured` applies to what people read in a terminal.
    pub(crate) fn render(&self, format: Format, coloured: bool) -> String {
        match format {
            Format::Human => human::render(self.comparison, coloured),
            Format::Json => json::render(self.comparison),
            Format::Markdown => markdown::render(self.comparison, self.old, self.new),
            Format::Sarif => sarif::render(self.comparison, self.old, self.new),
        }
    }
}
