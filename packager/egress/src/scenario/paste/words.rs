//! The words of a command line, as a POSIX shell splits it, with `$'...'` as browsers write it.

use super::model::PasteError;

/// A word and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) start: usize,
    pub(super) text: String,
    /// `|`, `;`, `&`, `<` or `>` without quotes.
    pub(super) is_operator: bool,
}

/// The words of a text. Variables are not replaced.
pub(super) fn words(text: &str) -> Result<Vec<Word>, PasteError> {
    let mut words: Vec<Word> = Vec::new();
    let mut open: Option<Word> = None;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let is_dollar_quote = character == '$' && characters.peek().is_some_and(|(_, next)| *next == '\'');
        match character {
            _ if character.is_whitespace() => words.extend(open.take()),
            '|' | ';' | '&' | '<' | '>' => {
                words.extend(open.take());
                words.push(Word { start: at, text: character.to_string(), is_operator: true });
            }
            _ => {
                let word = open.get_or_insert_with(|| Word { start: at, text: String::new(), is_operator: false });
                match character {
                    '\\' => match characters.next() {
                        // The line goes on.
                        Some((_, '\n')) if word.text.is_empty() => open = None,
                        Some((_, '\n')) | None => {}
                        Some((_, next)) => word.text.push(next),
                    },
                    '\'' | '"' => quoted(text, at, character, &mut characters, &mut word.text)?,
                    '$' if is_dollar_quote => {
                        characters.next();
                        quoted(text, at, '$', &mut characters, &mut word.text)?;
                    }
                    other => word.text.push(other),
                }
            }
        }
    }
    words.extend(open);
    Ok(words)
}

/// What is between quotes; `$` stands for `$'...'`.
fn quoted(
    text: &str,
    start: usize,
    quote: char,
    characters: &mut impl Iterator<Item = (usize, char)>,
    word: &mut String,
) -> Result<(), PasteError> {
    let end = if quote == '"' { '"' } else { '\'' };
    while let Some((_, character)) = characters.next() {
        match (character, quote) {
            _ if character == end => return Ok(()),
            ('\\', '"') => match characters.next() {
                Some((_, next @ ('"' | '\\' | '$' | '`'))) => word.push(next),
                Some((_, '\n')) | None => {}
                Some((_, next)) => word.extend(['\\', next]),
            },
            ('\\', '$') => match characters.next() {
                Some((_, 'n')) => word.push('\n'),
                Some((_, 'r')) => word.push('\r'),
                Some((_, 't')) => word.push('\t'),
                Some((_, 'x')) => word.extend(hexadecimal(characters, 2)),
                Some((_, 'u')) => word.extend(hexadecimal(characters, 4)),
                Some((_, next)) => word.push(next),
                None => {}
            },
            _ => word.push(character),
        }
    }
    Err(PasteError::at(text, start, "the quotes that begin here do not end", "copy the whole command"))
}

fn hexadecimal(characters: &mut impl Iterator<Item = (usize, char)>, digits: usize) -> Option<char> {
    let digits: String = characters.take(digits).map(|(_, digit)| digit).collect();
    u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32)
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
        ] {
            assert_eq!(read(text).unwrap(), expected, "{text}");
        }
        let error = words("curl \\\n 'abc").unwrap_err();
        assert_eq!((error.position.line, error.position.column), (2, 2));
    }
}
