//! What `test` found, independent of the output format. There is one file per format, as for [`Report`](super::Report).

mod github;
mod human;
mod json;
mod junit;
mod model;

use clap::ValueEnum;

pub(crate) use model::{DecidedBy, SuiteReport, TestedCase, TestedSuite, Uncovered};

/// The output format of a report about cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SuiteFormat {
    /// For people: each case that failed, with the lines of both files
    #[default]
    Human,
    /// For programs: one JSON object with a versioned schema
    Json,
    /// For test reports: JUnit XML
    Junit,
    /// For GitHub Actions: workflow commands
    Github,
}

impl SuiteReport {
    pub(crate) fn render(&self, format: SuiteFormat, coloured: bool, quiet: bool) -> String {
        match format {
            SuiteFormat::Human => human::render(self, coloured, quiet),
            SuiteFormat::Json => json::render(self),
            SuiteFormat::Junit => junit::render(self),
            SuiteFormat::Github => github::render(self, quiet),
        }
    }
}
