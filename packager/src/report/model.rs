//! The report: everything that `check` has found.

use std::collections::{BTreeMap, BTreeSet};

use sallyport_egress::Code;
use sallyport_egress::diagnostic::{Diagnostic, LineIndex, Position, Severity, Span};
use sallyport_egress::silence::Silence;

use sallyport_manifest::BuildError;

use crate::exit::Exit;
use crate::input::Missing;

/// How many problems are reported per file. Nobody reads more, and a hostile file could have half a million.
pub(super) const MOST: usize = 1_000;

/// Everything that one run of `check` found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    pub(crate) files: Vec<ReportedFile>,
    /// Ordered by file and place.
    pub(crate) problems: Vec<ReportedProblem>,
    /// What comments silence, each for one file and with the place of its comment.
    pub(crate) silences: Vec<(usize, Silence, Place)>,
    /// Which of `silences` is the first for a file, a line and a code.
    pub(crate) silenced_lines: BTreeMap<(usize, usize, Code), usize>,
    /// The warnings that they have silenced, in the order in which they were found.
    pub(crate) silenced: Vec<Silenced>,
    /// How many YAML files in directories are for other programs.
    pub(crate) skipped: usize,
    /// How many links in directories lead nowhere.
    pub(crate) dangling: usize,
    /// How many Egress files have no error.
    pub(crate) egresses: usize,
    /// How many rules they have.
    pub(crate) rules: usize,
    /// Whether a Mesh file was read.
    pub(crate) has_mesh: bool,
    /// How many Istio manifests were read.
    pub(crate) manifests: usize,
    /// Whether warnings decide the exit code, as errors do.
    pub(crate) denies_warnings: bool,
}

/// One file of a report.
#[derive(Clone, Debug)]
pub(crate) struct ReportedFile {
    pub(crate) name: String,
    pub(crate) uri: String,
    /// Empty if the file could not be read.
    pub(crate) text: String,
    /// Whether the file could not be read.
    pub(crate) missing: bool,
}

/// One problem, with its places by line and column.
#[derive(Clone, Debug)]
pub(crate) struct ReportedProblem {
    pub(crate) code: Code,
    pub(crate) severity: Severity,
    /// Index into the report's files.
    pub(crate) file: usize,
    /// `None` if the problem is about the whole file.
    pub(crate) place: Option<Place>,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    pub(crate) related: Vec<(Place, String)>,
}

/// A warning that a comment silences.
#[derive(Clone, Debug)]
pub(crate) struct Silenced {
    pub(crate) problem: ReportedProblem,
    /// The reason in the comment.
    pub(crate) reason: String,
    pub(crate) comment: Place,
}

/// A range of a file, in bytes and as people count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) span: Span,
    pub(crate) start: Position,
    pub(crate) end: Position,
}

impl Place {
    pub(crate) fn new(lines: &LineIndex<'_>, span: Span) -> Self {
        Place { span, start: lines.position(span.start), end: lines.position(span.end) }
    }
}

impl ReportedProblem {
    /// A problem in a file's text. `file` is the file's index in the report.
    pub(crate) fn found(diagnostic: Diagnostic, file: usize, lines: &LineIndex<'_>) -> Self {
        let Diagnostic { code, severity, file: _, span, message, help, related } = diagnostic;
        let related = related.into_iter().map(|(span, words)| (Place::new(lines, span), words)).collect();
        ReportedProblem { code, severity, file, place: Some(Place::new(lines, span)), message, help, related }
    }

    /// The problem that a file has more problems than are reported.
    fn more(count: usize, severity: Severity, file: usize) -> Self {
        let message = format!("{count} more problem{} in this file", plural(count));
        let help = Some("correct the reported problems first".to_owned());
        ReportedProblem { code: Code::MoreProblems, severity, file, place: None, message, help, related: Vec::new() }
    }

    /// The problem that a file cannot be checked.
    pub(crate) fn missing(missing: &Missing, file: usize, name: &str) -> Self {
        let (code, message, help) = match missing {
            Missing::Unreadable(reason) => (Code::Unreadable, format!("cannot read `{name}`: {reason}"), None),
            Missing::NothingFound => (
                Code::NothingFound,
                format!("no file for Sallyport in `{name}`"),
                Some(
                    "Egress and Mesh files are named `*.yaml` or `*.yml`, and have `apiVersion: sallyport.dev/v1alpha1`; what \
                     `build` wrote is skipped unless its folder is named"
                        .to_owned(),
                ),
            ),
            Missing::ForOthers => (
                Code::ForOthers,
                format!("`{name}` is for another program, and was skipped"),
                Some("name Egress and Mesh files; `check` also reads Istio's manifests, and `test` files of cases".to_owned()),
            ),
        };
        ReportedProblem { code, severity: code.severity(), file, place: None, message, help, related: Vec::new() }
    }

    /// A problem of a build.
    pub(crate) fn of_build(error: BuildError, file: usize, place: Option<Place>) -> Self {
        let BuildError { code, message, help, place: _ } = error;
        ReportedProblem { code, severity: code.severity(), file, place, message, help, related: Vec::new() }
    }

    /// Message and help in one text, for formats with one field for both.
    pub(super) fn text(&self) -> String {
        match &self.help {
            Some(help) => format!("{}\nhelp: {help}", self.message),
            None => self.message.clone(),
        }
    }
}

impl Report {
    /// Takes what comments of a file silence; what is added from then on obeys them.
    pub(crate) fn silence(&mut self, file: usize, silences: Vec<Silence>) {
        let lines = LineIndex::new(self.files.get(file).map_or("", |file| &file.text));
        for silence in silences {
            let comment = Place::new(&lines, silence.span);
            if let Some(line) = silence.line {
                self.silenced_lines.entry((file, line, silence.code)).or_insert(self.silences.len());
            }
            self.silences.push((file, silence, comment));
        }
    }

    /// Adds a problem, unless a comment silences it.
    pub(crate) fn add(&mut self, problem: ReportedProblem) {
        let line = problem.place.map(|place| place.start.line);
        match self.silence_of(problem.file, problem.code, line) {
            Some((silence, comment)) => {
                let (reason, comment) = (silence.reason.clone(), *comment);
                self.silenced.push(Silenced { problem, reason, comment });
            }
            None => self.problems.push(problem),
        }
    }

    /// What silences a code on a line. Errors never are.
    fn silence_of(&self, file: usize, code: Code, line: Option<usize>) -> Option<(&Silence, &Place)> {
        let index = self.silenced_lines.get(&(file, line?, code))?;
        self.silences.get(*index).map(|(_, silence, comment)| (silence, comment))
    }

    /// Reports the silences that have silenced nothing. Some warnings are not looked for while there are errors.
    pub(crate) fn report_unused_silences(&mut self) {
        if self.exit() != Exit::Ok {
            return;
        }
        let of = |silenced: &Silenced| (silenced.problem.file, silenced.problem.code, silenced.comment.span);
        let used: BTreeSet<_> = self.silenced.iter().map(of).collect();
        let mut lines = BTreeMap::new();
        let mut unused = Vec::new();
        for (file, silence, _) in &self.silences {
            if !used.contains(&(*file, silence.code, silence.span)) {
                let text = || self.files.get(*file).map_or("", |file| &file.text);
                let lines = lines.entry(*file).or_insert_with(|| LineIndex::new(text()));
                unused.push(ReportedProblem::found(silence.unused(*file), *file, lines));
            }
        }
        self.problems.extend(unused);
        self.sort();
    }

    /// Adds the problems in one file's text: the first [`MOST`] by place.
    pub(crate) fn take(&mut self, file: usize, text: &str, diagnostics: Vec<Diagnostic>) {
        let lines = LineIndex::new(text);
        let is_silenced = |diagnostic: &Diagnostic| {
            let line = lines.position(diagnostic.span.start).line;
            self.silence_of(file, diagnostic.code, Some(line)).is_some()
        };
        let (silenced, mut diagnostics): (Vec<_>, Vec<_>) = diagnostics.into_iter().partition(is_silenced);
        diagnostics.sort_by_key(|diagnostic| diagnostic.span);
        let rest = diagnostics.split_off(diagnostics.len().min(MOST));
        for diagnostic in silenced.into_iter().chain(diagnostics) {
            self.add(ReportedProblem::found(diagnostic, file, &lines));
        }
        if let Some(worst) = rest.iter().map(|diagnostic| diagnostic.severity).min() {
            self.problems.push(ReportedProblem::more(rest.len(), worst, file));
        }
    }

    /// Brings the problems back into order: by file, then by place, those of a whole file last.
    pub(crate) fn sort(&mut self) {
        let start = |problem: &ReportedProblem| problem.place.map_or(usize::MAX, |place| place.span.start);
        self.problems.sort_by_key(|problem| (problem.file, start(problem)));
    }

    /// The exit code, the same in every format.
    pub(crate) fn exit(&self) -> Exit {
        if self.files.iter().any(|file| file.missing) {
            Exit::Io
        } else if self.problems.iter().any(|problem| self.is_refused(problem)) {
            Exit::Problems
        } else {
            Exit::Ok
        }
    }

    /// Whether a problem makes the run fail. That the filter was not pushed yet never does: it is about the whole folder, so no
    /// comment can silence it, and nothing in the files is wrong.
    pub(super) fn is_refused(&self, problem: &ReportedProblem) -> bool {
        problem.severity == Severity::Error || (self.denies_warnings && problem.code != Code::PlaceholderImage)
    }

    /// Whether there was nothing to read, only directories without a file for Sallyport.
    pub(crate) fn found_nothing(&self) -> bool {
        !self.problems.is_empty() && self.problems.iter().all(|problem| problem.code == Code::NothingFound)
    }

    pub(super) fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|problem| problem.severity == severity).count()
    }

    /// A problem's file. Every problem has one.
    pub(super) fn file_of(&self, problem: &ReportedProblem) -> Option<&ReportedFile> {
        self.files.get(problem.file)
    }

    /// The problems of one file: they are ordered by file.
    pub(super) fn problems_of(&self, file: usize) -> impl Iterator<Item = &ReportedProblem> {
        let first = self.problems.partition_point(|problem| problem.file < file);
        self.problems.iter().skip(first).take_while(move |problem| problem.file == file)
    }

    /// The summary: `3 errors, 1 warning in 2 of 5 files`.
    pub(super) fn summary(&self) -> String {
        let mut text = if self.problems.is_empty() {
            let manifests = (self.manifests > 0).then(|| format!(", {}", counted(self.manifests, "Istio manifest")));
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
        if self.denies_warnings && self.exit() == Exit::Problems && self.count(Severity::Error) == 0 {
            text.push_str(" (--deny-warnings)");
        }
        if self.has_mesh && self.egresses == 0 && self.manifests == 0 && self.exit() == Exit::Ok {
            text.push_str(" (a Mesh file alone: no Egress was given)");
        }
        if !self.silenced.is_empty() {
            text.push_str(&format!(" ({} silenced)", counted(self.silenced.len(), "warning")));
        }
        if self.skipped > 0 {
            text.push_str(&format!(" ({} for others skipped)", counted(self.skipped, "YAML file")));
        }
        if self.dangling > 0 {
            text.push_str(&format!(" ({} to nothing skipped)", counted(self.dangling, "link")));
        }
        text
    }
}

pub(super) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", plural(count))
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
