//! From bytes to text that is fit to be read: encoding, size, line ends, hidden characters.

use super::reader::Rules;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Sink, SourceFile, Span, UnplacedDiagnostic};
use crate::wording::is_hidden;

/// The largest file that is read.
pub(crate) const LARGEST: usize = 8 * 1024 * 1024;

/// A file whose bytes are not UTF-8.
#[derive(Clone, Debug)]
pub struct Undecodable {
    /// What can be made of the file, so that the place can be shown.
    pub file: SourceFile,
    span: Span,
    message: String,
}

impl Undecodable {
    /// The problem, for the file's index among the files that are checked together.
    #[must_use]
    pub fn diagnostic(&self, file: usize) -> Diagnostic {
        UnplacedDiagnostic::new(Code::Encoding, &self.message)
            .help("save the file as UTF-8 without BOM")
            .at(file, self.span)
    }
}

/// The text of a file as it was read from disk. A UTF-8 byte-order mark is left in: [`check`](crate::check())
/// reports it.
///
/// # Errors
/// When the bytes are not UTF-8, with the place of the first that is not.
pub fn decode(name: &str, bytes: &[u8]) -> Result<SourceFile, Box<Undecodable>> {
    let error = match str::from_utf8(bytes) {
        Ok(text) => {
            return Ok(SourceFile { name: name.to_owned(), text: text.to_owned() });
        }
        Err(error) => error,
    };
    let utf_16 = match bytes {
        [0xff, 0xfe, ..] | [_, 0, _, 0, ..] => Some("UTF-16 (little endian)"),
        [0xfe, 0xff, ..] | [0, _, 0, _, ..] => Some("UTF-16 (big endian)"),
        _ => None,
    };
    // Lossy text has the same bytes as the file up to the first bad one, so the offset holds in both.
    let text = String::from_utf8_lossy(bytes).into_owned();
    let start = error.valid_up_to();
    let bad = bytes.get(start).copied().unwrap_or_default();
    let message = match utf_16 {
        Some(encoding) => format!("the file is {encoding}, not UTF-8"),
        None => format!("the byte 0x{bad:02x} is not UTF-8"),
    };
    let end = start.saturating_add(char::REPLACEMENT_CHARACTER.len_utf8()).min(text.len());
    let file = SourceFile { name: name.to_owned(), text };
    Err(Box::new(Undecodable { file, span: Span { start, end }, message }))
}

/// Whether the text is small enough to be read; reported if not.
pub(crate) fn fits(text: &str, rules: Rules, sink: &mut Sink) -> bool {
    if text.len() > LARGEST {
        let flaw = UnplacedDiagnostic::new(
            Code::TooLarge,
            format!("the file has {} bytes; the limit is {LARGEST}", text.len()),
        );
        sink.report(Span { start: 0, end: 0 }, flaw.help(rules.how_to_split()));
    }
    text.len() <= LARGEST
}

/// Reports what is wrong with the text as text. `false`: it should not be read further.
pub(crate) fn examine(text: &str, sink: &mut Sink) -> bool {
    if !fits(text, Rules::Strict, sink) {
        return false;
    }
    if text.starts_with('\u{feff}') {
        let flaw = UnplacedDiagnostic::new(Code::ByteOrderMark, "the file begins with a byte-order mark");
        sink.report(Span { start: 0, end: 3 }, flaw.help("save the file as UTF-8 without BOM"));
    }
    if let Some(start) = text.find('\r') {
        let flaw =
            UnplacedDiagnostic::new(Code::CarriageReturn, "the line ends with a carriage return (Windows line end)");
        sink.report(Span { start, end: start.saturating_add(1) }, flaw.help("save the file with LF line ends"));
    }
    // A byte-order mark is hidden text anywhere but at the start, where it has been reported.
    let hidden = text.char_indices().find(|(offset, c)| is_hidden(*c) && !(*offset == 0 && *c == '\u{feff}'));
    if let Some((start, character)) = hidden {
        let flaw = UnplacedDiagnostic::new(
            Code::ControlCharacter,
            format!("the character U+{:04X} can hide what the file says", u32::from(character)),
        );
        let end = start.saturating_add(character.len_utf8());
        sink.report(Span { start, end }, flaw.help("remove it, or write it as an escape in a double-quoted string"));
        return false;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuse(bytes: &[u8]) -> (Span, String, String) {
        let undecodable = decode("a.yaml", bytes).expect_err("not UTF-8");
        let diagnostic = undecodable.diagnostic(0);
        assert_eq!(diagnostic.code.as_str(), "SP0002");
        (diagnostic.span, diagnostic.message, undecodable.file.text)
    }

    #[test]
    fn bytes_that_are_not_utf_8_have_a_place() {
        let (span, message, text) = refuse(b"a: \xc3\xa9\nb: \xff\n");
        assert_eq!((span.start, message.as_str()), (9, "the byte 0xff is not UTF-8"));
        assert_eq!(SourceFile { name: String::new(), text }.position(span.start).line, 2);
    }

    #[test]
    fn utf_16_is_named() {
        let (_, message, _) = refuse(b"\xff\xfea\0:\0");
        assert_eq!(message, "the file is UTF-16 (little endian), not UTF-8");
        let (_, message, _) = refuse(b"\xfe\xff\0a\0:");
        assert_eq!(message, "the file is UTF-16 (big endian), not UTF-8");
    }
}
