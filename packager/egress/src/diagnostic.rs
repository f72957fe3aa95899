//! What is wrong with a file: code, place, sentence, cure.

/// A file as it was read: name and text.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// The name to print: as the user wrote it.
    pub name: String,
    /// The bytes, decoded.
    pub text: String,
}

impl SourceFile {
    /// The place of a byte offset.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or("").chars().count() + 1,
        }
    }
}

/// A place in a file: both count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
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

/// How bad it is. Errors decide the exit code; warnings do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing can be made of the file.
    Error,
    /// Something that is probably not meant.
    Warning,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code: `SP0203`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Index into the files that were given.
    pub file: usize,
    /// Where in the file.
    pub span: Span,
    /// Lower case, no full stop, user text in backticks.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
    /// Other places that matter, each with a few words (`first written here`).
    pub related: Vec<(Span, String)>,
}
