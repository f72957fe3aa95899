//! What `check` found, apart from how it is printed.
//!
//! A [`Report`] holds everything that any format prints, so that formats differ in form alone: the exit code is the
//! report's, and no format can change it. One file a format; each is a function from a report to text.

pub(crate) mod github;
pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod junit;
pub(crate) mod sarif;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use clap::ValueEnum;
use sallyport_egress::diagnostic::{Diagnostic, Position, Severity, SourceFile, Span};

use crate::codes;
use crate::exit::Exit;
use crate::input::Missing;

/// In which form a report is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people: each problem with the lines it is in
    #[default]
    Human,
    /// For programs: one object, its shape versioned
    Json,
    /// For code scanning: SARIF 2.1.0
    Sarif,
    /// For GitHub Actions: workflow commands
    Github,
    /// For test reports: JUnit XML, one test case a file
    Junit,
}

/// Everything that one run of `check` has to say.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) files: Vec<ReportedFile>,
    /// By file and place.
    pub(crate) problems: Vec<Problem>,
    /// How many YAML files in directories are not for Sallyport.
    pub(crate) skipped: usize,
    /// How many Egress files are without an error.
    pub(crate) egresses: usize,
    /// How many rules they have.
    pub(crate) rules: usize,
}

/// One file of a report.
#[derive(Debug)]
pub(crate) struct ReportedFile {
    pub(crate) name: String,
    pub(crate) uri: String,
    /// Empty where the file has none.
    pub(crate) text: String,
    /// Whether the file could not be read.
    pub(crate) missing: bool,
}

/// One problem, its places known by line and column.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) code: &'static str,
    pub(crate) severity: Severity,
    /// Index into the report's files.
    pub(crate) file: usize,
    /// `None` where the problem is with the file as a whole.
    pub(crate) place: Option<Place>,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    pub(crate) related: Vec<(Place, String)>,
}

/// A range of a file, in bytes and as people count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) span: Span,
    pub(crate) start: Position,
    pub(crate) end: Position,
}

impl Place {
    fn new(source: &SourceFile, span: Span) -> Self {
        Place {
            span,
            start: source.position(span.start),
            end: source.position(span.end),
        }
    }
}

impl Problem {
    /// A problem that was found in a file's text; `file` is the file's index in the report.
    pub(crate) fn found(diagnostic: Diagnostic, file: usize, source: &SourceFile) -> Self {
        let Diagnostic {
            code,
            severity,
            file: _,
            span,
            message,
            help,
            related,
        } = diagnostic;
        let related = related
            .into_iter()
            .map(|(span, words)| (Place::new(source, span), words))
            .collect();
        Problem {
            code,
            severity,
            file,
            place: Some(Place::new(source, span)),
            message,
            help,
            related,
        }
    }

    /// The problem that a file is not there to be checked.
    pub(crate) fn missing(missing: &Missing, file: usize, name: &str) -> Self {
        let (code, message, help) = match missing {
            Missing::Unreadable(reason) => (
                codes::UNREADABLE,
                format!("cannot read `{name}`: {reason}"),
                None,
            ),
            Missing::NothingFound => (
                codes::NOTHING_FOUND,
                format!("no file for Sallyport in `{name}`"),
                Some(
                    "wanted are `*.yaml` or `*.yml` with `apiVersion: sallyport.dev/v1alpha1`"
                        .to_owned(),
                ),
            ),
        };
        Problem {
            code,
            severity: Severity::Error,
            file,
            place: None,
            message,
            help,
            related: Vec::new(),
        }
    }

    /// Message and cure in one text, for formats that have one place for both.
    fn text(&self) -> String {
        match &self.help {
            Some(help) => format!("{}\nhelp: {help}", self.message),
            None => self.message.clone(),
        }
    }
}

impl Report {
    /// The exit code, in every format.
    pub(crate) fn exit(&self) -> Exit {
        if self.files.iter().any(|file| file.missing) {
            Exit::Io
        } else if self.count(Severity::Error) > 0 {
            Exit::Problems
        } else {
            Exit::Ok
        }
    }

    /// The report as text. `coloured` and `quiet` matter where people read.
    pub(crate) fn render(&self, format: Format, coloured: bool, quiet: bool) -> String {
        match format {
            Format::Human => human::render(self, coloured, quiet),
            Format::Json => json::render(self),
            Format::Sarif => sarif::render(self),
            Format::Github => github::render(self, quiet),
            Format::Junit => junit::render(self),
        }
    }

    fn count(&self, severity: Severity) -> usize {
        self.problems
            .iter()
            .filter(|problem| problem.severity == severity)
            .count()
    }

    /// A problem's file. Every problem has one.
    fn file_of(&self, problem: &Problem) -> Option<&ReportedFile> {
        self.files.get(problem.file)
    }

    /// The problems of one file.
    fn problems_of(&self, file: usize) -> impl Iterator<Item = &Problem> {
        self.problems
            .iter()
            .filter(move |problem| problem.file == file)
    }

    /// The line that says it all: `3 errors, 1 warning in 2 of 5 files`.
    fn summary(&self) -> String {
        let mut text = if self.problems.is_empty() {
            format!(
                "{}, {}: no problems",
                counted(self.files.len(), "file"),
                counted(self.rules, "rule")
            )
        } else {
            let counts = [(Severity::Error, "error"), (Severity::Warning, "warning")]
                .map(|(severity, noun)| (self.count(severity), noun));
            let counts: Vec<_> = counts
                .into_iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, noun)| counted(count, noun))
                .collect();
            let affected: BTreeSet<_> = self.problems.iter().map(|problem| problem.file).collect();
            format!(
                "{} in {} of {}",
                counts.join(", "),
                affected.len(),
                counted(self.files.len(), "file")
            )
        };
        if self.skipped > 0 {
            text.push_str(&format!(
                " ({} for others skipped)",
                counted(self.skipped, "YAML file")
            ));
        }
        text
    }
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The word for a severity that JSON, SARIF and GitHub share.
fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}
