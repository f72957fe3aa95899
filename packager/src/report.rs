//! What `check` found, apart from how it is printed.
//!
//! A [`Report`] holds everything that any format prints, so that formats differ in form alone: the exit code is the
//! report's, and no format can change it. One file a format; each is a function from a report to text.

pub(crate) mod github;
pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod junit;
mod place;
pub(crate) mod sarif;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use clap::ValueEnum;
use sallyport_egress::diagnostic::{Diagnostic, Severity};

use crate::exit::Exit;
use crate::input::Missing;
pub(crate) use place::{Lines, Place};
use sallyport_egress::Code;

/// How many problems of one file are reported. No one reads more, and a hostile file could have half a million.
const MOST: usize = 1_000;

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
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    pub(crate) files: Vec<ReportedFile>,
    /// By file and place.
    pub(crate) problems: Vec<Problem>,
    /// How many YAML files in directories were not wanted.
    pub(crate) skipped: usize,
    /// How many Egress files are without an error.
    pub(crate) egresses: usize,
    /// How many rules they have.
    pub(crate) rules: usize,
    /// How many Istio manifests were read.
    pub(crate) manifests: usize,
}

/// One file of a report.
#[derive(Clone, Debug)]
pub(crate) struct ReportedFile {
    pub(crate) name: String,
    pub(crate) uri: String,
    /// Empty where the file has none.
    pub(crate) text: String,
    /// Whether the file could not be read.
    pub(crate) missing: bool,
}

/// One problem, its places known by line and column.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    pub(crate) severity: Severity,
    /// Index into the report's files.
    pub(crate) file: usize,
    /// `None` where the problem is with the file as a whole.
    pub(crate) place: Option<Place>,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    pub(crate) related: Vec<(Place, String)>,
}

impl Problem {
    /// A problem that was found in a file's text; `file` is the file's index in the report.
    pub(crate) fn found(diagnostic: Diagnostic, file: usize, lines: &Lines<'_>) -> Self {
        let Diagnostic { code, severity, file: _, span, message, help, related } = diagnostic;
        let related = related.into_iter().map(|(span, words)| (lines.place(span), words)).collect();
        Problem { code, severity, file, place: Some(lines.place(span)), message, help, related }
    }

    /// The problem that a file has more problems than a report takes.
    fn more(count: usize, severity: Severity, file: usize) -> Self {
        let message = format!("{} more in this file", counted(count, "problem"));
        let help = Some("correct the others first".to_owned());
        Problem { code: Code::MoreProblems, severity, file, place: None, message, help, related: Vec::new() }
    }

    /// The problem that a file is not there to be checked.
    pub(crate) fn missing(missing: &Missing, file: usize, name: &str) -> Self {
        let (code, message, help) = match missing {
            Missing::Unreadable(reason) => (Code::Unreadable, format!("cannot read `{name}`: {reason}"), None),
            Missing::NothingFound => (
                Code::NothingFound,
                format!("no file for Sallyport in `{name}`"),
                Some("wanted are `*.yaml` or `*.yml` with `apiVersion: sallyport.dev/v1alpha1`".to_owned()),
            ),
        };
        Problem { code, severity: Severity::Error, file, place: None, message, help, related: Vec::new() }
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
    /// Takes the problems of one file's text, the first [`MOST`] by place.
    pub(crate) fn take(&mut self, file: usize, text: &str, mut diagnostics: Vec<Diagnostic>) {
        diagnostics.sort_by_key(|diagnostic| diagnostic.span);
        let rest = diagnostics.split_off(diagnostics.len().min(MOST));
        let lines = Lines::new(text);
        let found = diagnostics.into_iter().map(|diagnostic| Problem::found(diagnostic, file, &lines));
        self.problems.extend(found);
        if let Some(worst) = rest.iter().map(|diagnostic| diagnostic.severity).min() {
            self.problems.push(Problem::more(rest.len(), worst, file));
        }
    }

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
        self.problems.iter().filter(|problem| problem.severity == severity).count()
    }

    /// A problem's file. Every problem has one.
    fn file_of(&self, problem: &Problem) -> Option<&ReportedFile> {
        self.files.get(problem.file)
    }

    /// The problems of one file.
    fn problems_of(&self, file: usize) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(move |problem| problem.file == file)
    }

    /// The line that says it all: `3 errors, 1 warning in 2 of 5 files`.
    fn summary(&self) -> String {
        let mut text = if self.problems.is_empty() {
            let manifests = (self.manifests > 0).then(|| format!(", {}", counted(self.manifests, "manifest")));
            let (files, rules) = (counted(self.files.len(), "file"), counted(self.rules, "rule"));
            format!("{files}, {rules}{}: no problems", manifests.unwrap_or_default())
        } else {
            let counts = [(Severity::Error, "error"), (Severity::Warning, "warning")]
                .map(|(severity, noun)| (self.count(severity), noun));
            let counts: Vec<_> =
                counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, noun)| counted(count, noun)).collect();
            let affected: BTreeSet<_> = self.problems.iter().map(|problem| problem.file).collect();
            format!("{} in {} of {}", counts.join(", "), affected.len(), counted(self.files.len(), "file"))
        };
        if self.skipped > 0 {
            text.push_str(&format!(" ({} for others skipped)", counted(self.skipped, "YAML file")));
        }
        text
    }
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
