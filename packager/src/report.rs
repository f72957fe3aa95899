//! What `check` found, independent of the output format.
//!
//! A [`Report`] has everything that any format prints, so formats differ in form only. The exit code belongs to the report,
//! and no format can change it. There is one file per format; each is a function from a report to text.

pub(crate) mod example;
pub(crate) mod explanation;
pub(crate) mod github;
pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod junit;
pub(crate) mod learn;
mod model;
pub(crate) mod query;
pub(crate) mod sarif;
pub(crate) mod suite;
#[cfg(test)]
mod tests;
pub(crate) mod words;

use clap::ValueEnum;

pub(crate) use sarif::SCHEMA as SARIF_SCHEMA;

pub(crate) use model::{Place, Report, ReportedFile, ReportedProblem};

/// The output format of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people: each problem with its lines of the file
    #[default]
    Human,
    /// For programs: one JSON object with a versioned schema
    Json,
    /// For code scanning: SARIF 2.1.0
    Sarif,
    /// For GitHub Actions: workflow commands
    Github,
    /// For test reports: JUnit XML, one test case per file
    Junit,
}

impl Report {
    /// The report as text. `coloured` and `quiet` apply to formats that people read.
    pub(crate) fn render(&self, format: Format, coloured: bool, quiet: bool) -> String {
        match format {
            Format::Human => human::render(self, coloured, quiet),
            Format::Json => json::render(self),
            Format::Sarif => sarif::render(self),
            Format::Github => github::render(self, quiet),
            Format::Junit => junit::render(self),
        }
    }
}
