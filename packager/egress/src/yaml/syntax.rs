//! What the YAML parser's own errors mean to the person who wrote the file.

use super::slips;
use crate::code::Code;
use crate::diagnostic::{Span, UnplacedDiagnostic};
use crate::wording::quoted;

/// How deep collections may be nested.
pub(super) const DEEPEST: usize = 64;

/// The place and the meaning of an error of the YAML parser.
pub(crate) fn explain(text: &str, offset: usize, info: &str) -> (Span, UnplacedDiagnostic) {
    let here = |flaw| (Span { start: offset, end: offset }, flaw);
    if info.contains("recursion limit") {
        return here(too_deep());
    }
    if let Some(start) = tab_indent(text, offset) {
        let flaw = UnplacedDiagnostic::new(Code::TabIndent, "the line is indented with a tab, which YAML forbids");
        let end = start.saturating_add(1);
        return (Span { start, end }, flaw.help("indent with spaces"));
    }
    if let Some(star) = indicator(text, offset, '*') {
        let (start, word) = template_around(text, star).unwrap_or((star, word_at(text, star)));
        return (Span { start, end: start.saturating_add(word.len()) }, alias(word));
    }
    if let Some(start) = indicator(text, offset, '&') {
        let word = word_at(text, start);
        return (Span { start, end: start.saturating_add(word.len()) }, anchor(word));
    }
    if let Some(slip) = slips::slip(text, offset, info) {
        return slip;
    }
    let flaw = UnplacedDiagnostic::new(Code::Syntax, format!("not valid YAML: {}", info.replace('`', "'")));
    here(match cure(text, offset, info) {
        Some(help) => flaw.help(help),
        None => flaw,
    })
}

pub(crate) fn too_deep() -> UnplacedDiagnostic {
    UnplacedDiagnostic::new(Code::Depth, format!("the file is nested deeper than {DEEPEST} levels"))
        .help("an Egress file needs no more than 12; a value that begins with `[` or `{` needs quotes")
}

pub(crate) fn alias(word: &str) -> UnplacedDiagnostic {
    let shown = quoted(word);
    let flaw =
        UnplacedDiagnostic::new(Code::Alias, format!("{shown} without quotes is a YAML alias, which is refused"));
    flaw.help(format!("a string with `*` in it needs quotes: `\"{}\"`", shown.trim_matches('`')))
}

pub(crate) fn anchor(word: &str) -> UnplacedDiagnostic {
    UnplacedDiagnostic::new(Code::Alias, format!("{} without quotes is a YAML anchor, which is refused", quoted(word)))
        .help("remove the anchor; a string that begins with `&` needs quotes")
}

/// An alias within what it stands for.
pub(super) fn within_itself(word: &str) -> UnplacedDiagnostic {
    let name = word.trim_start_matches('*');
    UnplacedDiagnostic::new(Code::Syntax, format!("not valid YAML: the anchor {} contains itself", quoted(name)))
        .help("write the value out, or name another anchor")
}

/// From an offset to the next space, comma, bracket or end of line.
pub(crate) fn word_at(text: &str, offset: usize) -> &str {
    let rest = text.get(offset..).unwrap_or_default();
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, ',' | ']' | '}')).unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

/// The path template without quotes (`[/status/{*}]`) of which the parser met the star.
fn template_around(text: &str, star: usize) -> Option<(usize, &str)> {
    let before = text.get(..star)?;
    let begins = |c: char| c.is_whitespace() || matches!(c, ',' | '[');
    let start = before.strip_suffix('{')?.rfind(begins)?.saturating_add(1);
    let rest = text.get(start..)?;
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, ',' | ']'))?;
    rest.get(..end).map(|word| (start, word))
}

/// The tab that indents the line of an error or the next one (the parser stops at the end of the line before).
fn tab_indent(text: &str, offset: usize) -> Option<usize> {
    let line = text.get(..offset)?.rfind('\n').map_or(0, |newline| newline.saturating_add(1));
    let next = text.get(offset..)?.find('\n').map(|newline| offset.saturating_add(newline).saturating_add(1));
    [Some(line), next].into_iter().flatten().find_map(|start| {
        let line = text.get(start..)?;
        let indent = line.get(..line.find(|c| c != ' ' && c != '\t')?)?;
        Some(start.saturating_add(indent.find('\t')?))
    })
}

/// The place of a `*` or `&` that the parser met, right there or one character back.
fn indicator(text: &str, offset: usize, indicator: char) -> Option<usize> {
    if text.get(offset..)?.starts_with(indicator) {
        return Some(offset);
    }
    text.get(..offset)?.ends_with(indicator).then(|| offset.saturating_sub(1))
}

fn cure(text: &str, offset: usize, info: &str) -> Option<String> {
    let next = text.get(offset..)?.chars().next();
    if matches!(next, Some('@' | '`' | '%' | '|' | '>')) {
        return Some("a string that begins with this character needs quotes".to_owned());
    }
    let cures = [
        ("mapping values are not allowed", "check the indentation; a value that has `: ` in it needs quotes"),
        ("unexpected end of stream", "a quote that was opened is never closed"),
        ("expected ',' or ']'", "write `,` between the items; a value with `,`, `[` or `{` in it needs quotes"),
        ("expected ',' or '}'", "write `,` between the fields; a value with `,`, `: `, `[` or `{` in it needs quotes"),
        ("did not find expected key", "check the indentation: this line does not belong to a mapping above it"),
        ("expected ':'", "a key needs `: ` and a value"),
        ("escape", "in double quotes `\\` begins an escape: use single quotes for regular expressions"),
        ("misplaced bracket", "a `]` or `}` closes nothing: remove it, or quote the value"),
        ("invalid indentation", "indent this line further than the key that the bracket belongs to"),
        ("did not find expected '-'", "check the indentation: every `-` of a list must be in the same column"),
    ];
    cures.iter().find(|(part, _)| info.contains(part)).map(|(_, cure)| (*cure).to_owned())
}
