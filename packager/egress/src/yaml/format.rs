//! A file in one usual form: indentation, blanks and empty lines, and nothing else.
//!
//! # Design
//! Only white space between tokens changes: every key, value and comment stays what it is and where it is, and nothing is sorted,
//! because the order of rules is reviewed and that of lists has a meaning. What comes out is read again; if it does not say the
//! same with the same comments, the file is left alone and that is reported as a defect.
//!
//! The form is that of [`init_template`](crate::init_template): two blanks per level, the dashes of a list below its key, one
//! blank behind `:` and `,`, none within brackets, at most one empty line. Where lines break is the author's choice.

mod block;
#[cfg(test)]
mod generated;
mod layout;
#[cfg(test)]
mod tests;
mod writer;

use super::reader::read_one;
use super::source_text;
use super::tokens::{Kind, Token, tokens};
use super::tree::{Node, Value};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Sink, SourceFile, Span, UnplacedDiagnostic};
use crate::wording::quoted;
use layout::Layout;
use writer::Writer;

/// The text in the usual form.
///
/// # Errors
/// What makes the file unreadable, or a warning about what cannot be formatted: then the file is to stay as it is. What is wrong
/// with its fields does not matter here.
pub fn formatted(file: usize, source: &SourceFile) -> Result<String, Vec<Diagnostic>> {
    let text = source.text.as_str();
    let mut sink = Sink::new(file);
    let readable = source_text::examine(text, &mut sink);
    let tree = if readable { read_one(text, &mut sink) } else { None };
    let Some(tree) = tree.filter(|_| sink.diagnostics.is_empty()) else { return Err(sink.diagnostics) };
    let tokens = tokens(text, std::slice::from_ref(&tree));
    let columns = match Layout::of(&tree, &tokens) {
        Ok(columns) => columns,
        Err(place) => {
            let words = text.get(place.start..place.end).unwrap_or_default().lines().next().unwrap_or_default();
            let message =
                format!("{} is used here in a way that cannot be formatted, so the file stays as it is", quoted(words));
            let help = "write keys as `key: value`, without `?`";
            sink.report(place, UnplacedDiagnostic::new(Code::NotFormatted, message).help(help));
            return Err(sink.diagnostics);
        }
    };
    let written = Writer::new(text, &tokens, &columns).write();
    if says_the_same(text, &tree, &tokens, &written) {
        return Ok(written);
    }
    let flaw = UnplacedDiagnostic::new(Code::Internal, "the file cannot be formatted without changing what it says");
    sink.report(Span { start: 0, end: 0 }, flaw.help("please report this as a bug in Sallyport"));
    Err(sink.diagnostics)
}

/// Whether another text has the same keys, values and comments.
fn says_the_same(text: &str, tree: &Node, old: &[Token], written: &str) -> bool {
    let mut sink = Sink::new(0);
    let Some(again) = read_one(written, &mut sink).filter(|_| sink.diagnostics.is_empty()) else { return false };
    let new = tokens(written, std::slice::from_ref(&again));
    let is_comment = |token: &&Token| token.kind == Kind::Comment;
    let comments = old.iter().filter(is_comment).map(|token| token.text(text));
    same(tree, &again) && comments.eq(new.iter().filter(is_comment).map(|token| token.text(written)))
}

/// The depth is bounded by the reader.
fn same(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        (Value::Scalar(one), Value::Scalar(other)) => one.text == other.text && one.plain == other.plain,
        (Value::Sequence(one), Value::Sequence(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Mapping(one), Value::Mapping(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| one.key.name == other.key.name && same(&one.value, &other.value))
        }
        _ => false,
    }
}
