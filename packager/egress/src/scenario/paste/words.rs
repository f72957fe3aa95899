//! The words of a command line, as a POSIX shell splits it, with `$'...'` as browsers write it.

mod dollar;

use std::iter::Peekable;
use std::str::CharIndices;

use super::model::PasteError;

/// A word and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) start: usize,
    pub(super) text: String,
    /// `|`, `;`, `&`, `<`, `>` or the end of a line, without quotes.
    pub(super) is_operator: bool,
    /// It has a `$NAME`, `${NAME}`, `$(COMMAND)` or `` `COMMAND` `` that a shell would replace.
    pub(super) is_open: bool,
}

impl Word {
    pub(super) fn new(start: usize) -> Self {
        Self { start, text: String::new(), is_operator: false, is_open: false }
    }

    pub(super) fn operator(start: usize, character: char) -> Self {
        Self { text: character.to_string(), is_operator: true, ..Self::new(start) }
    }

    /// A part of it, with its place.
    pub(super) fn part(&self, text: &str) -> Self {
        Self { text: text.to_owned(), ..self.clone() }
    }

    fn push(&mut self, character: char, next: Option<char>) {
        let is_name = |next: char| next.is_ascii_alphabetic() || matches!(next, '_' | '{' | '(');
        self.is_open |= character == '`' || (character == '$' && next.is_some_and(is_name));
        self.text.push(character);
    }
}

/// The words of a text. Variables are not replaced.
pub(super) fn words(text: &str) -> Result<Vec<Word>, PasteError> {
    let mut words: Vec<Word> = Vec::new();
    let mut open: Option<Word> = None;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let is_dollar_quote = character == '$' && characters.peek().is_some_and(|(_, next)| *next == '\'');
        match character {
            '#' if open.is_none() => while characters.next_if(|(_, next)| *next != '\n').is_some() {},
            '\n' | '|' | ';' | '&' | '<' | '>' => {
                words.extend(open.take());
                words.push(Word::operator(at, character));
            }
            _ if character.is_whitespace() => words.extend(open.take()),
            _ => {
                let word = open.get_or_insert_with(|| Word::new(at));
                match character {
                    '\\' => match after_return(&mut characters) {
                        // The line goes on.
                        Some((_, '\n')) if word.text.is_empty() => open = None,
                        Some((_, '\n')) | None => {}
                        Some((_, next)) => word.text.push(next),
                    },
                    '\'' | '"' => quoted(text, at, character, &mut characters, word)?,
                    '$' if is_dollar_quote => {
                        characters.next();
                        dollar::quoted(text, at, &mut characters, &mut word.text)?;
                    }
                    other => word.push(other, characters.peek().map(|(_, next)| *next)),
                }
            }
        }
    }
    words.extend(open);
    Ok(words)
}

/// The next character, where a line may end with `\r\n`.
fn after_return(characters: &mut Peekable<CharIndices<'_>>) -> Option<(usize, char)> {
    let is_return = characters.peek().is_some_and(|(_, next)| *next == '\r');
    let next = characters.next();
    let end = characters.peek().copied().filter(|(_, end)| is_return && *end == '\n');
    if end.is_some() { characters.next() } else { next }
}

/// What is between quotes.
fn quoted(
    text: &str,
    start: usize,
    quote: char,
    characters: &mut Peekable<CharIndices<'_>>,
    word: &mut Word,
) -> Result<(), PasteError> {
    while let Some((_, character)) = characters.next() {
        match (character, quote) {
            _ if character == quote => return Ok(()),
            ('\\', '"') => match characters.next() {
                Some((_, next @ ('"' | '\\' | '$' | '`'))) => word.text.push(next),
                Some((_, '\n')) | None => {}
                Some((_, next)) => word.text.extend(['\\', next]),
            },
            (_, '"') => word.push(character, characters.peek().map(|(_, next)| *next)),
            _ => word.text.push(character),
        }
    }
    Err(PasteError::at(text, start, "the quotes that begin here do not end", "copy the whole command"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_a_shell() {
        let read = |text: &str| words(text).map(|words| words.into_iter().map(|word| word.text).collect::<Vec<_>>());
        for (text, expected) in [
            ("a  b\tc", &["a", "b", "c"][..]),
            ("a 'b c' \"d e\"f", &["a", "b c", "d ef"]),
            ("a \\\n  b\\ c", &["a", "b c"]),
            (r#"'it'\''s' "q\"x\n" $'\'a\u0041\x42\n'"#, &["it's", "q\"x\\n", "'aAB\n"]),
            ("a|b; c", &["a", "|", "b", ";", "c"]),
            ("'' a", &["", "a"]),
            ("a \\\r\n b\r\nc", &["a", "b", "\n", "c"]),
            ("a#b # c | 'd\n'#e' #f", &["a#b", "\n", "#e"]),
        ] {
            assert_eq!(read(text).unwrap(), expected, "{text}");
        }
        let open = |text: &str| words(text).unwrap().iter().any(|word| word.is_open);
        assert!(["$a", "a\"${b}\"", "$(b)", "`b`", "\"a`b`\""].into_iter().all(open));
        assert!(!["'$a'", "\\$a", "\"\\$a\"", "a$", "$'$a'", "$1"].into_iter().any(open));
        let error = words("curl \\\n 'abc").unwrap_err();
        assert_eq!((error.position.line, error.position.column), (2, 2));
    }
}
