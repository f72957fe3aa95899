//! From the parser's places to ours.

use crate::diagnostic::Span;

/// The parser counts characters, diagnostics count bytes.
pub(crate) struct Offsets {
    /// The byte offset of each character; `None` when the text is ASCII and they are the same.
    bytes: Option<Vec<usize>>,
    length: usize,
}

impl Offsets {
    pub(crate) fn new(text: &str) -> Self {
        let bytes = (!text.is_ascii()).then(|| text.char_indices().map(|(offset, _)| offset).collect());
        Self { bytes, length: text.len() }
    }

    pub(crate) fn byte(&self, character: usize) -> usize {
        match &self.bytes {
            Some(bytes) => bytes.get(character).copied().unwrap_or(self.length),
            None => character.min(self.length),
        }
    }

    pub(crate) fn span(&self, start: usize, end: usize) -> Span {
        let start = self.byte(start);
        Span { start, end: self.byte(end).max(start) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_become_bytes() {
        let offsets = Offsets::new("aé😀b");
        assert_eq!(offsets.span(1, 3), Span { start: 1, end: 7 });
        assert_eq!(offsets.span(3, 9), Span { start: 7, end: 8 });
        assert_eq!(Offsets::new("ab").span(1, 9), Span { start: 1, end: 2 });
    }
}
