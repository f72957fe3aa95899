//! The words of a command line for `cmd.exe`, as browsers write it ("as cURL (cmd)"): `^` before a character takes its meaning,
//! and the program then splits the line as Microsoft's C runtime does.

use super::model::PasteError;
use super::words::Word;

/// A character, where it is, and whether `^` is before it.
type Character = (usize, char, bool);

/// Whether a text is for `cmd.exe`. No other shell has lines that go on with `^`, or quotes behind it.
pub(super) fn is_cmd(text: &str) -> bool {
    text.contains("^\"") || text.lines().any(|line| line.trim_end().ends_with(" ^"))
}

/// The words of a text. Variables are not replaced.
pub(super) fn words(text: &str) -> Result<Vec<Word>, PasteError> {
    let mut words: Vec<Word> = Vec::new();
    let mut open: Option<Word> = None;
    // Where the quotes begin that are open.
    let mut quotes: Option<usize> = None;
    let mut backslashes = 0_usize;
    let mut characters = without_carets(text).into_iter().peekable();
    while let Some((at, character, is_escaped)) = characters.next() {
        let new = || Word::new(at);
        let held = std::mem::take(&mut backslashes);
        match character {
            '\\' => {
                backslashes = held.saturating_add(1);
                open.get_or_insert_with(new);
            }
            '"' => {
                let word = open.get_or_insert_with(new);
                // Before quotes, two backslashes are one.
                word.text.extend(std::iter::repeat_n('\\', held.checked_div(2).unwrap_or_default()));
                let is_doubled = quotes.is_some() && characters.peek().is_some_and(|(_, next, _)| *next == '"');
                if held & 1 == 1 {
                    word.text.push('"');
                } else if is_doubled {
                    characters.next();
                    word.text.push('"');
                } else {
                    quotes = if quotes.is_some() { None } else { Some(at) };
                }
            }
            other => {
                if let Some(word) = &mut open {
                    word.text.extend(std::iter::repeat_n('\\', held));
                }
                if quotes.is_none() && !is_escaped && matches!(other, '\n' | '|' | '&' | '<' | '>') {
                    words.extend(open.take());
                    words.push(Word::operator(at, other));
                } else if quotes.is_none() && other.is_whitespace() {
                    words.extend(open.take());
                } else {
                    open.get_or_insert_with(new).text.push(other);
                }
            }
        }
    }
    if let Some(start) = quotes {
        return Err(PasteError::at(text, start, "the quotes that begin here do not end", "copy the whole command"));
    }
    if let Some(word) = &mut open {
        word.text.extend(std::iter::repeat_n('\\', backslashes));
    }
    words.extend(open);
    Ok(words)
}

/// What `cmd.exe` gives to the program. Between quotes without `^` before them, `^` is a character like others.
fn without_carets(text: &str) -> Vec<Character> {
    let mut left = Vec::new();
    let mut is_quoted = false;
    let mut characters = text.char_indices().filter(|(_, character)| *character != '\r');
    while let Some((at, character)) = characters.next() {
        match character {
            '^' if !is_quoted => match characters.next() {
                // The line goes on, and its first character is taken as it is.
                Some((_, '\n')) => left.extend(characters.next().map(|(at, next)| (at, next, true))),
                Some((at, next)) => left.push((at, next, true)),
                None => {}
            },
            '"' => {
                is_quoted = !is_quoted;
                left.push((at, '"', false));
            }
            other => left.push((at, other, false)),
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_cmd() {
        let read = |text: &str| words(text).map(|words| words.into_iter().map(|word| word.text).collect::<Vec<_>>());
        for (text, expected) in [
            ("a ^\"b c^\" d", &["a", "b c", "d"][..]),
            ("a ^\n  ^\"b^\"", &["a", "b"]),
            ("a ^\"b^\n\nc^\"", &["a", "b\nc"]),
            ("^\"{^\\^\"a^\\^\":1^}^\"", &["{\"a\":1}"]),
            ("\"a\"\"b\" c\\d \"e\\\\\"", &["a\"b", "c\\d", "e\\"]),
            ("a|b ^| c", &["a", "|", "b", "|", "c"]),
            ("\"it's ^ 100%\" 'x y'", &["it's ^ 100%", "'x", "y'"]),
        ] {
            assert_eq!(read(text).unwrap(), expected, "{text}");
        }
        assert_eq!(words("a ^\n ^\"b").unwrap_err().position.line, 2);
        assert!(is_cmd("curl ^\"a^\"") && is_cmd("curl \"a\" ^\n -i") && !is_cmd("curl 'a^b'"));
    }
}
