//! Slips of the pen that a YAML parser notices only later, and somewhere else: a bracket or quote that is never closed, a
//! missing colon, a space that is none.

use crate::code::Code;
use crate::diagnostic::{Span, UnplacedDiagnostic};
use crate::wording::quoted;

/// The slip that explains an error of the parser at this offset.
pub(super) fn slip(text: &str, offset: usize, info: &str) -> Option<(Span, UnplacedDiagnostic)> {
    let slip = odd_space(text, offset).or_else(|| delimiter(text).filter(|(span, _)| span.start <= offset));
    slip.or_else(|| colon(text, offset, info))
}

/// Whether it looks like a space, or like nothing, and is a letter to YAML.
pub(super) fn is_odd_space(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}') || (c.is_whitespace() && !c.is_ascii())
}

/// What to say of such a character.
pub(super) fn about_space(c: char) -> UnplacedDiagnostic {
    let name = if c == '\u{a0}' { "no-break space, ".to_owned() } else { String::new() };
    let (looks, help) =
        if c.is_whitespace() { ("a space", "write an ordinary space instead") } else { ("nothing", "remove it") };
    let message = format!("the character U+{:04X} ({name}often pasted) looks like {looks}, and is not", u32::from(c));
    UnplacedDiagnostic::new(Code::ControlCharacter, message).help(help)
}

/// One in the line of an error, or in the line before: the parser may have taken both for one text.
fn odd_space(text: &str, offset: usize) -> Option<(Span, UnplacedDiagnostic)> {
    let lines = [line_at(text, offset), line_before(text, offset)];
    lines.into_iter().flatten().find_map(|(start, line)| {
        let (at, c) = line.char_indices().find(|(_, c)| is_odd_space(*c))?;
        let start = start.saturating_add(at);
        Some((Span { start, end: start.saturating_add(c.len_utf8()) }, about_space(c)))
    })
}

/// The line of an offset, with its own offset.
fn line_at(text: &str, offset: usize) -> Option<(usize, &str)> {
    let start = text.get(..offset)?.rfind('\n').map_or(0, |newline| newline.saturating_add(1));
    Some((start, text.get(start..)?.lines().next().unwrap_or_default()))
}

/// The last line before that of an offset which says something.
fn line_before(text: &str, offset: usize) -> Option<(usize, &str)> {
    let (mut start, _) = line_at(text, offset)?;
    loop {
        let before = line_at(text, start.checked_sub(1)?)?;
        let content = before.1.trim();
        if !content.is_empty() && !content.starts_with('#') {
            return Some(before);
        }
        start = before.0;
    }
}

/// A line that names a field, and has no colon behind the name.
fn colon(text: &str, offset: usize, info: &str) -> Option<(Span, UnplacedDiagnostic)> {
    if info.contains("misplaced bracket") {
        let (start, line) = line_at(text, offset)?;
        let (name, value) = line.trim_start().split_once(' ')?;
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let begin = start.saturating_add(line.len().saturating_sub(line.trim_start().len()));
        let span = Span { start: begin, end: begin.saturating_add(name.len()) };
        return (is_name && value.starts_with(['[', '{']))
            .then(|| (span, missing_colon(name, &format!("{name}: {value}"))));
    }
    if !info.contains("mapping values are not allowed") && !info.contains("expect ':'") {
        return None;
    }
    let (start, line) = line_at(text, offset)?;
    let before = line.get(..offset.checked_sub(start)?)?;
    if before.contains(": ") {
        return None;
    }
    [line_before(text, offset), Some((start, line))]
        .into_iter()
        .flatten()
        .find_map(|(start, line)| no_colon(start, line))
}

fn no_colon(start: usize, line: &str) -> Option<(Span, UnplacedDiagnostic)> {
    let content = line.trim_start().trim_start_matches("- ");
    let begin = start.saturating_add(line.len().saturating_sub(content.len()));
    let content = content.trim_end();
    if content.contains(": ") || content.ends_with(':') || !content.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let (name, value) = content.split_once([':', '=', ' ']).unwrap_or((content, ""));
    let value = value.trim_start_matches([' ', '=', ':']);
    let cured = if value.is_empty() { format!("{name}:") } else { format!("{name}: {value}") };
    Some((Span { start: begin, end: begin.saturating_add(content.len()) }, missing_colon(content, &cured)))
}

fn missing_colon(written: &str, cured: &str) -> UnplacedDiagnostic {
    UnplacedDiagnostic::new(Code::Syntax, format!("not valid YAML: {} has no `: `", quoted(written)))
        .help(format!("write {}: a colon and a space end the name of a field", quoted(cured)))
}

/// A bracket or quote, where it is, and the indentation of its line.
#[derive(Clone, Copy)]
struct Open {
    at: usize,
    sign: char,
    indent: usize,
}

/// The first bracket or quote of a text that is never closed, or that closes nothing.
fn delimiter(text: &str) -> Option<(Span, UnplacedDiagnostic)> {
    let mut scan = Scan::default();
    let mut start = 0_usize;
    for line in text.split_inclusive('\n') {
        if let Some(open) = scan.left_open(line.trim_end_matches(['\n', '\r'])) {
            let is_closed = scan.clone().closes(text.get(start..)?);
            return Some(if is_closed { not_indented(open, start, line) } else { never_closed(open) });
        }
        if let Some(slip) = scan.line(start, line.trim_end_matches(['\n', '\r'])) {
            return Some(slip);
        }
        start = start.saturating_add(line.len());
    }
    scan.quote.or(scan.open.last().copied()).map(never_closed)
}

/// How far a text was read.
#[derive(Clone, Default)]
struct Scan {
    open: Vec<Open>,
    quote: Option<Open>,
    /// The indentation of the line whose value is a block of text.
    block: Option<usize>,
}

impl Scan {
    /// The quote or bracket that is open at a line which is indented no further than the one where it begins: what is inside of
    /// it is indented further.
    fn left_open(&self, line: &str) -> Option<Open> {
        let content = line.trim_start_matches(' ');
        let indent = line.len().saturating_sub(content.len());
        let outermost = self.quote.or(self.open.first().copied()).filter(|open| indent <= open.indent);
        outermost.filter(|_| !content.trim_start().is_empty() && !content.starts_with([']', '}']))?;
        self.quote.or(self.open.last().copied())
    }

    /// Whether the brackets that are open are closed in the rest of a text, however it is indented.
    fn closes(mut self, rest: &str) -> bool {
        if self.quote.is_some() {
            return false;
        }
        for line in rest.lines() {
            if self.line(0, line).is_some() {
                return false;
            }
            if self.open.is_empty() {
                return self.quote.is_none();
            }
        }
        false
    }

    fn line(&mut self, start: usize, line: &str) -> Option<(Span, UnplacedDiagnostic)> {
        let content = line.trim_start_matches(' ');
        let indent = line.len().saturating_sub(content.len());
        if content.is_empty() || self.block.is_some_and(|of| indent > of) {
            return None;
        }
        self.block = None;
        let mut begins = true;
        let mut characters = content.char_indices().peekable();
        while let Some((position, c)) = characters.next() {
            let next = characters.peek().map(|(_, next)| *next);
            let at = start.saturating_add(indent).saturating_add(position);
            if let Some(quote) = self.quote {
                let is_escape =
                    (quote.sign == '"' && c == '\\') || (quote.sign == '\'' && c == '\'' && next == Some('\''));
                if is_escape {
                    characters.next();
                } else if c == quote.sign {
                    self.quote = None;
                }
                continue;
            }
            let is_end = next.is_none_or(|next| next == ' ');
            match c {
                '#' if position == 0 || content.get(..position).is_some_and(|before| before.ends_with(' ')) => break,
                '"' | '\'' if begins => self.quote = Some(Open { at, sign: c, indent }),
                '[' | '{' if begins || !self.open.is_empty() => {
                    self.open.push(Open { at, sign: c, indent });
                    begins = true;
                    continue;
                }
                ']' | '}' => match self.open.last().copied() {
                    Some(open) if closing(open.sign) == c => drop(self.open.pop()),
                    Some(open) => return Some(self.mismatch(open, at, c, content.get(position..)?)),
                    None => {}
                },
                ',' if !self.open.is_empty() => {
                    begins = true;
                    continue;
                }
                ':' | '-' | '?' if is_end => {
                    begins = c != '-' || begins;
                    continue;
                }
                ' ' => continue,
                _ => {}
            }
            begins = false;
        }
        let is_block = |value: &str| value.starts_with(['|', '>']) && value.len() <= 3;
        let last = content.rsplit(' ').next().unwrap_or_default();
        self.block = (self.open.is_empty() && self.quote.is_none() && is_block(last)).then_some(indent);
        None
    }

    /// A closing bracket of the other kind: either it is one too many, or one before it is missing. The rest of the line shows
    /// which.
    fn mismatch(&self, open: Open, at: usize, c: char, rest: &str) -> (Span, UnplacedDiagnostic) {
        let closes = |mut signs: Vec<char>, rest: &str| {
            let mut rest = rest.chars().filter(|c| matches!(c, ']' | '}'));
            rest.all(|c| signs.pop().is_some_and(|sign| closing(sign) == c)) && signs.is_empty()
        };
        let signs: Vec<char> = self.open.iter().map(|open| open.sign).collect();
        if closes(signs, rest.get(c.len_utf8()..).unwrap_or_default()) {
            let flaw = UnplacedDiagnostic::new(Code::Syntax, format!("not valid YAML: `{c}` closes nothing"));
            let help = "remove it, or put the value in quotes";
            return (Span { start: at, end: at.saturating_add(c.len_utf8()) }, flaw.help(help));
        }
        never_closed(open)
    }
}

fn closing(sign: char) -> char {
    match sign {
        '[' => ']',
        '{' => '}',
        quote => quote,
    }
}

/// A line inside of a bracket that is indented like one outside of it.
fn not_indented(open: Open, start: usize, line: &str) -> (Span, UnplacedDiagnostic) {
    let begin = start.saturating_add(line.len().saturating_sub(line.trim_start().len()));
    let Open { sign, .. } = open;
    let message =
        format!("not valid YAML: the line is inside of a `{sign}`, and is not indented further than its line");
    let flaw = UnplacedDiagnostic::new(Code::Syntax, message).help("indent it further");
    (Span { start: begin, end: start.saturating_add(line.trim_end().len()) }, flaw)
}

fn never_closed(open: Open) -> (Span, UnplacedDiagnostic) {
    let Open { at, sign, indent: _ } = open;
    let closing = closing(sign);
    let flaw = UnplacedDiagnostic::new(Code::Syntax, format!("not valid YAML: the `{sign}` here is never closed"));
    let help = format!("write `{closing}` where it ends; a value that begins with `{sign}` needs quotes");
    let help = if sign == closing { format!("write `{closing}` where the text ends") } else { help };
    (Span { start: at, end: at.saturating_add(sign.len_utf8()) }, flaw.help(help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_closed() {
        for (text, found) in [
            ("a: [b\nc: d\n", Some(3)),
            ("a: {b: [c, d}\n", Some(7)),
            ("a: {b: c]}\n", Some(8)),
            ("a: {b: c\n", Some(3)),
            ("a: {b: c,\nd: [e]}\nf: g\n", Some(10)),
            ("a: [b,\nc: [d]\n", Some(3)),
            ("a:\n  b: \"c\n  d: e\n", Some(8)),
            ("a: 'it''s\nb: c\n", Some(3)),
            ("a: [\n  b,\n  c\n]\nd: e\n", None),
            ("a: [b,\n\t\n\u{85}\n  c]\nd: e\n", None),
            ("a: \"b\n  c\"\nd: e\n", None),
            ("a: \"\\\"\"\nb: it's [1\nc: d}\n", None),
            ("a: |\n  {[\"\n  }\nb: c\n", None),
            ("- a: >-\n    [\n- \"b\" # [\n", None),
            ("# [\n#{\na: 1 # \"\n", None),
            ("", None),
        ] {
            assert_eq!(delimiter(text).map(|(span, _)| span.start), found, "{text:?}");
        }
    }

    #[test]
    fn a_missing_colon() {
        let text = "a:\n  - b c\n    d: e\n";
        let (span, flaw) =
            colon(text, text.find(": e").expect("a colon"), "mapping values are not allowed").expect("a slip");
        assert_eq!(text.get(span.start..span.end), Some("b c"));
        assert_eq!(flaw.help.as_deref(), Some("write `b: c`: a colon and a space end the name of a field"));
        assert!(colon("a: b: c\n", 4, "mapping values are not allowed").is_none());
    }

    #[test]
    fn spaces_that_are_none() {
        let found = |text: &str| odd_space(text, text.len().saturating_sub(1)).map(|(span, _)| span.start);
        assert_eq!(
            (found("a:\u{a0}b\n\n# c\nd: e"), found("a: b\nc\u{200b}: d"), found("a: b")),
            (Some(2), Some(6), None)
        );
    }
}
