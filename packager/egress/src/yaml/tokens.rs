//! The text of a file as what it is written with: scalars, marks, comments, each with its place; only white space is between them.

use super::tree::{Node, Value};
use crate::diagnostic::Span;

/// A piece of the text without white space around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A key or a value, with its quotes; of a block scalar, its head and its lines.
    Scalar,
    /// One of `-`, `:`, `,`, `?` and the brackets.
    Mark(char),
    /// From `#` to the last character of its line that is not white space.
    Comment,
    /// Anything else: the line between documents, a directive, an anchor, an alias, a tag, a merge key.
    Other,
}

impl Token {
    pub(crate) fn text(self, text: &str) -> &str {
        text.get(self.span.start..self.span.end).unwrap_or_default()
    }
}

/// The tokens of a text, in their order; `documents` are its trees.
pub(crate) fn tokens(text: &str, documents: &[Node]) -> Vec<Token> {
    // Each with whether it may be a block.
    let mut spans: Vec<(Span, bool)> = Vec::new();
    for node in documents.iter().flat_map(Node::descendants) {
        spans.extend(node.entries().iter().map(|entry| (entry.key.span, false)));
        if let Value::Scalar(scalar) = &node.value {
            spans.push((node.span, !scalar.plain));
        }
    }
    // What an alias stands for has the place of what it names.
    spans.sort_unstable();
    let (mut tokens, mut done) = (Vec::new(), 0);
    for (span, may_be_block) in spans {
        let head = if may_be_block { head_of_block(text, span.start) } else { None };
        let span = scalar(text, Span { start: head.unwrap_or(span.start), end: span.end });
        if span.start < done || span.start >= span.end {
            continue;
        }
        between(text, done, span.start, &mut tokens);
        tokens.push(Token { kind: Kind::Scalar, span });
        done = span.end;
    }
    between(text, done, text.len(), &mut tokens);
    tokens
}

/// Where the `|` or `>` of a block is. To the parser it begins with the first of its characters that is not indentation.
fn head_of_block(text: &str, start: usize) -> Option<usize> {
    // Not the whole line: it may have thousands of values.
    let above = text.get(..start)?.trim_end_matches(' ').strip_suffix('\n')?;
    let above = above.trim_end();
    let line = above.rfind('\n').map_or(0, |end| end.saturating_add(1));
    let head = above.get(line..)?;
    let is_head = |(at, bar): &(usize, &str)| {
        let (before, after) = head.split_at_checked(*at).unwrap_or_default();
        let after = after.strip_prefix(bar).unwrap_or_default();
        let (how, comment) = after.split_once(char::is_whitespace).unwrap_or((after, ""));
        let is_value = before.is_empty() || before.ends_with(char::is_whitespace);
        let is_comment = before.trim_start().starts_with('#') || before.contains(" #");
        let is_bare = how.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-'));
        is_value && !is_comment && is_bare && (comment.trim().is_empty() || comment.trim().starts_with('#'))
    };
    let (at, _) = head.match_indices(['|', '>']).find(is_head)?;
    Some(line.saturating_add(at))
}

/// Where a scalar ends. The parser counts what follows a quote to it, and the lines below a block.
fn scalar(text: &str, span: Span) -> Span {
    let raw = text.get(span.start..span.end).unwrap_or_default();
    let length = match raw.chars().next() {
        Some(quote @ ('"' | '\'')) => end_of_quoted(raw, quote),
        Some('|' | '>') => end_of_block(raw, span.end == text.len()),
        _ => raw.trim_end().len(),
    };
    Span { start: span.start, end: span.start.saturating_add(length) }
}

pub(crate) fn end_of_quoted(raw: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, character) in raw.char_indices().skip(1) {
        let after = at.saturating_add(1);
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if quote == '"' => is_escaped = true,
            // Between single quotes, a quote is written twice.
            '\'' if quote == '\'' && raw.get(after..).is_some_and(|rest| rest.starts_with('\'')) => is_escaped = true,
            _ if character == quote => return after,
            _ => {}
        }
    }
    raw.len()
}

/// Without the indentation of what follows; and without empty lines at its end, where they mean nothing. `is_last`: nothing follows,
/// so that blanks at the end may be part of the value.
fn end_of_block(raw: &str, is_last: bool) -> usize {
    let last = raw.rfind('\n').unwrap_or(raw.len());
    let raw = match raw.get(last..) {
        Some(rest) if rest.trim().is_empty() && !(is_last && rest.ends_with(' ')) => {
            raw.get(..last).unwrap_or_default()
        }
        _ => raw,
    };
    let head = raw.lines().next().unwrap_or_default();
    let keeps = head.split('#').next().is_some_and(|head| head.contains('+'));
    if keeps { raw.len() } else { raw.trim_end_matches('\n').len() }
}

fn between(text: &str, start: usize, end: usize, tokens: &mut Vec<Token>) {
    let mut at = start;
    while let Some(character) = text.get(at..end).and_then(|rest| rest.chars().next()) {
        let rest = text.get(at..end).unwrap_or_default();
        // The scalar behind the gap may follow.
        let next = text.get(at..).and_then(|rest| rest.chars().nth(1));
        let (kind, length) = match character {
            _ if character.is_whitespace() => {
                at = at.saturating_add(character.len_utf8());
                continue;
            }
            '#' => {
                let line = rest.split('\n').next().unwrap_or_default();
                (Kind::Comment, line.trim_end().len())
            }
            // A directive has no quotes and brackets.
            '%' if text.get(..at).is_some_and(|before| before.is_empty() || before.ends_with('\n')) => {
                let line = rest.split('\n').next().unwrap_or_default();
                (Kind::Other, line.split(" #").next().unwrap_or_default().trim_end().len())
            }
            '-' | '?' if next.is_none_or(char::is_whitespace) => (Kind::Mark(character), 1),
            ':' | ',' | '[' | ']' | '{' | '}' => (Kind::Mark(character), 1),
            _ => {
                let word = rest.find(|c: char| c.is_whitespace() || matches!(c, ',' | '[' | ']' | '{' | '}'));
                (Kind::Other, word.unwrap_or(rest.len()).max(character.len_utf8()))
            }
        };
        let after = at.saturating_add(length);
        tokens.push(Token { kind, span: Span { start: at, end: after } });
        at = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Sink;
    use crate::yaml::reader::read_all;

    fn read(text: &str) -> Vec<String> {
        let mut sink = Sink::new(0);
        let documents = read_all(text, &mut sink);
        assert!(sink.diagnostics.is_empty(), "{text}");
        let kind = |kind| match kind {
            Kind::Scalar => 's',
            Kind::Mark(_) => 'm',
            Kind::Comment => 'c',
            Kind::Other => 'o',
        };
        tokens(text, &documents).into_iter().map(|token| format!("{} {}", kind(token.kind), token.text(text))).collect()
    }

    #[test]
    fn every_character_but_white_space_is_in_a_token() {
        let text = "# head\n%YAML 1.2\n---\na: 'it''s # no'  # yes\n\"b#\":\n- - x y\n    z # in\n- {c: [1,\"\\\"# \"], d: }\n\
                    e: |+ # head\n  # no\n   x\n\nf: >-\n  # no\n  y\n\n# yes\nl: |\n  \"x\n  | y\nm: |\n\nn: # |\n  \"x\"\n---\ng: &h !t i\nj: *h\n? k\n: ~\n\
                    o: |\n\n";
        let bare = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        let found = read(text);
        let all: String = found.iter().filter_map(|token| token.get(2..)).collect();
        assert_eq!(bare(&all), bare(text));
        let comments: Vec<_> = found.iter().filter(|token| token.starts_with('c')).collect();
        assert_eq!(comments, ["c # head", "c # yes", "c # in", "c # yes", "c # |"]);
        for expected in [
            "s 'it''s # no'",
            "s \"\\\"# \"",
            "s |+ # head\n  # no\n   x\n",
            "s >-\n  # no\n  y",
            "s |\n  \"x\n  | y",
            "s \"x\"",
            "s &h !t i",
            "o *h",
            "s |",
        ] {
            assert!(found.iter().any(|token| token == expected), "{expected:?}: {found:?}");
        }
    }
}
