//! Where in a file: bytes for programs, lines and columns for people.

use sallyport_egress::diagnostic::{Position, Span};

/// A range of a file, in bytes and as people count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) span: Span,
    pub(crate) start: Position,
    pub(crate) end: Position,
}

/// A text whose lines are known, so that a thousand places in a large file cost no more than one.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    text: &'a str,
    /// The offset of the first byte of each line.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let newlines = text.match_indices('\n').map(|(newline, _)| newline + 1);
        let starts = std::iter::once(0).chain(newlines).collect();
        Lines { text, starts }
    }

    pub(crate) fn place(&self, span: Span) -> Place {
        Place { span, start: self.position(span.start), end: self.position(span.end) }
    }

    fn position(&self, offset: usize) -> Position {
        let line = self.starts.partition_point(|&start| start <= offset);
        let start = line.checked_sub(1).and_then(|index| self.starts.get(index));
        let before = start.and_then(|&start| self.text.get(start..offset));
        Position { line, column: before.unwrap_or("").chars().count() + 1 }
    }
}

#[cfg(test)]
mod tests {
    use sallyport_egress::diagnostic::SourceFile;

    use super::*;

    #[test]
    fn positions_are_those_of_the_source_file() {
        let text = "a: ü\r\n\n  b: 'x'\nlast";
        let source = SourceFile { name: String::new(), text: text.to_owned() };
        let lines = Lines::new(text);
        for (offset, _) in text.char_indices().chain([(text.len(), ' ')]) {
            assert_eq!(lines.position(offset), source.position(offset), "{offset}");
        }
    }
}
