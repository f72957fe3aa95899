//! What is checked, and how a problem is shown in its place.

use super::cure::mend;
use crate::diagnostic::{Diagnostic, Severity, SourceFile, Span};
use crate::model::rollout::Rollout;
use crate::model::{Candidate, Egress, Mesh};
use crate::parse::Cases;
use crate::wording::one_line;
use crate::yaml::tree::Node;
use sallyport_core::Problem;

/// One resource of a file: its data, and where it begins.
#[derive(Clone, Debug)]
pub struct Located<T> {
    /// Index of the file.
    pub file: usize,
    /// The whole document.
    pub span: Span,
    /// The data.
    pub value: T,
}

/// Everything that a set of files says.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// The Egress files without an error.
    pub egresses: Vec<Located<Egress>>,
    /// The Mesh file, if one was given (at most one may be) and it is without an error.
    pub mesh: Option<Located<Mesh>>,
    /// The files of cases without an error of their own. Whether they fit their Egress, [`suites`](crate::cases::suites)
    /// says.
    pub cases: Vec<Located<Cases>>,
    /// The Candidate files without an error, for Egresses without one; and those that change nothing.
    pub candidates: Vec<Located<Candidate>>,
    /// The Rollout file, if one was given (at most one may be) and it is without an error.
    pub rollout: Option<Located<Rollout>>,
    /// How many manifests were read that the lints know.
    pub manifests: usize,
    /// Every problem of every file, by file and place.
    pub diagnostics: Vec<Diagnostic>,
}

/// A problem of the core at the node that it is about.
pub(super) fn from_core(file: usize, node: &Node, problem: Problem) -> Diagnostic {
    let Problem { path, code, message, help } = problem;
    let (message, help) = (one_line(&message), help.as_deref().map(one_line));
    let span = if node.text().is_some() { node.span } else { start_of(node) };
    let mut diagnostic =
        Diagnostic { code: code.into(), severity: Severity::Error, file, span, message, help, related: Vec::new() };
    if let Some(written) = node.text() {
        mend(&mut diagnostic, code, &path, written);
    }
    diagnostic
}

/// Where something is written, for a message.
pub(super) fn place(files: &[SourceFile], file: usize, at: Span) -> String {
    let Some(source) = files.get(file) else {
        return String::new();
    };
    let position = source.position(at.start);
    format!("`{}:{}:{}`", source.name, position.line, position.column)
}

pub(super) fn start_of(node: &Node) -> Span {
    Span { start: node.span.start, end: node.span.start }
}
