//! What is wrong with a file: a code, a place, a message and help.

use crate::code::Code;
pub use crate::code::Severity;

/// A file as it was read.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// The name as the user wrote it, for messages.
    pub name: String,
    /// The content, decoded.
    pub text: String,
}

impl SourceFile {
    /// The position of a byte offset. For many positions in one file, use a [`LineIndex`].
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        LineIndex::new(&self.text).position(offset)
    }
}

/// Where each line of a text begins, so that thousands of positions do not need thousands of passes.
#[derive(Clone, Debug)]
pub struct LineIndex<'a> {
    text: &'a str,
    starts: Vec<usize>,
    /// If so, bytes are characters, and the characters of a long line need not be counted.
    is_ascii: bool,
}

impl<'a> LineIndex<'a> {
    /// Reads the text once.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let after_newline = |(offset, _): (usize, &str)| offset.saturating_add(1);
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(after_newline)).collect();
        Self { text, starts, is_ascii: text.is_ascii() }
    }

    /// The position of a byte offset. An offset beyond the text, or inside a character, counts as the end of the text.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let offset = if self.text.is_char_boundary(offset) { offset } else { self.text.len() };
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|line| self.starts.get(line)).copied().unwrap_or_default();
        let characters = match self.text.get(start..offset) {
            Some(before) if self.is_ascii => before.len(),
            before => before.unwrap_or_default().chars().count(),
        };
        let column = characters.saturating_add(1);
        Position { line, column }
    }
}

/// A position in a file. Both numbers count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// A range of byte offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A [`Diagnostic`] that has no place yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnplacedDiagnostic {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl UnplacedDiagnostic {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: None }
    }

    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn at(self, file: usize, span: Span) -> Diagnostic {
        let UnplacedDiagnostic { code, message, help } = self;
        let severity = code.severity();
        Diagnostic { code, severity, file, span, message, help, related: Vec::new() }
    }
}

/// Collects the problems of one file.
#[derive(Debug)]
pub(crate) struct Sink {
    file: usize,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl Sink {
    pub(crate) fn new(file: usize) -> Self {
        Self { file, diagnostics: Vec::new() }
    }

    pub(crate) fn report(&mut self, span: Span, problem: UnplacedDiagnostic) {
        self.diagnostics.push(problem.at(self.file, span));
    }

    /// Like [`Sink::report`], for something that is written twice: also shows the first place.
    pub(crate) fn report_twice(&mut self, span: Span, first: Span, problem: UnplacedDiagnostic) {
        let mut diagnostic = problem.at(self.file, span);
        diagnostic.related.push((first, "first written here".to_owned()));
        self.diagnostics.push(diagnostic);
    }
}

/// One problem in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, as a stable code.
    pub code: Code,
    /// Error or warning, as the code has it.
    pub severity: Severity,
    /// Index into the files that were given.
    pub file: usize,
    /// Where in the file.
    pub span: Span,
    /// What is wrong: lower case, no full stop, the user's text in backticks.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Other relevant places, each with a short label (`first written here`).
    pub related: Vec<(Span, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_from_one_in_characters() {
        let file = SourceFile { name: String::new(), text: "a\né😀b\n".to_owned() };
        let place = |offset| {
            let Position { line, column } = file.position(offset);
            (line, column)
        };
        assert_eq!(place(0), (1, 1));
        assert_eq!(place(1), (1, 2));
        assert_eq!(place(2), (2, 1));
        assert_eq!(place(8), (2, 3));
        assert_eq!(place(10), (3, 1));
        assert_eq!(place(5), (3, 1), "inside a character");
        assert_eq!(place(99), (3, 1), "beyond the text");
    }
}
