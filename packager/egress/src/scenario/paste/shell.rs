//! What a shell makes of the words behind `curl`: which are its own, and which are redirections or other commands.

use std::iter::Peekable;

use super::model::PasteError;
use super::words::Word;
use crate::wording::quoted;

/// What the next word belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The command.
    Own,
    /// A program that reads its output.
    Reader,
    /// Another command.
    Other,
}

/// The words of a command up to its end, without its redirections.
///
/// # Errors
///
/// Another command behind it, unless it only reads the output.
pub(super) fn own_words(text: &str, words: impl Iterator<Item = Word>) -> Result<Vec<Word>, PasteError> {
    let mut own: Vec<Word> = Vec::new();
    let mut part = Part::Own;
    // A line that ends with an operator goes on.
    let mut is_complete = true;
    let mut is_here_document = false;
    let mut is_attached = false;
    let mut words = words.peekable();
    while let Some(word) = words.next() {
        if !word.is_operator {
            match part {
                Part::Own => own.push(word),
                Part::Reader => {}
                Part::Other => return Err(second(text, &word, is_attached)),
            }
            is_complete = true;
            continue;
        }
        let (operator, end) = operator(&word, &mut words);
        match operator.as_str() {
            "\n" if is_here_document => break,
            "\n" if is_complete => part = Part::Other,
            "\n" => continue,
            "|" | "|&" if part != Part::Other => part = Part::Reader,
            redirection if redirection.contains(['<', '>']) => {
                is_here_document |= redirection == "<<";
                // The number of what is redirected stands before it, as in `2>&1`.
                own.pop_if(|last| is_number(last) && last.start.saturating_add(last.text.len()) == word.start);
                words.next_if(|file| !file.is_operator);
                continue;
            }
            _ => part = Part::Other,
        }
        is_attached = operator == "&" && words.peek().is_some_and(|next| next.start == end);
        is_complete = operator == "\n";
    }
    Ok(own)
}

/// An operator of one or more characters, and its end.
fn operator(first: &Word, words: &mut Peekable<impl Iterator<Item = Word>>) -> (String, usize) {
    let mut operator = first.text.clone();
    let mut end = first.start.saturating_add(1);
    while let Some(next) =
        words.next_if(|next| next.is_operator && next.start == end && operator != "\n" && next.text != "\n")
    {
        operator.push_str(&next.text);
        end = end.saturating_add(1);
    }
    (operator, end)
}

fn is_number(word: &Word) -> bool {
    word.text.bytes().all(|byte| byte.is_ascii_digit())
}

fn second(text: &str, word: &Word, is_attached: bool) -> PasteError {
    let help = match () {
        () if is_attached => "put the URL in quotes: for the shell, its `&` ends the command",
        () if word.text.starts_with('-') => "end the line before it with `\\` if the command goes on",
        () => "explain one request at a time",
    };
    PasteError::at(text, word.start, format!("a second command begins here: {}", quoted(&word.text)), help)
}

#[cfg(test)]
mod tests {
    use super::super::words::words;
    use super::*;

    fn shown(text: &str) -> String {
        match own_words(text, words(text).unwrap().into_iter()) {
            Ok(own) => own.into_iter().map(|word| word.text).collect::<Vec<_>>().join(" "),
            Err(error) => {
                format!("{}:{}: {}; {}", error.position.line, error.position.column, error.message, error.help)
            }
        }
    }

    #[test]
    fn what_reads_or_keeps_the_output_is_no_word_of_it() {
        for (text, expected) in [
            ("a b", "a b"),
            ("a | jq . | less", "a"),
            ("a |\n jq .\n", "a"),
            ("a > f -b", "a -b"),
            ("a 2>/dev/null -b 2>&1 c", "a -b c"),
            ("a 2 >f", "a 2"),
            ("a &>f b >>f < g", "a b"),
            ("a | jq . 2>&1 > f", "a"),
            ("a - <<EOF\n{\"b\": 1}\nEOF\n", "a -"),
            ("a <<< b -c", "a -c"),
            ("a;\n", "a"),
            ("a &", "a"),
            ("a \\\n b\n\n", "a b"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn a_second_command_has_its_place() {
        let one = "explain one request at a time";
        for (text, place, help) in [
            ("a ; curl b", "1:5: a second command begins here: `curl`", one),
            ("a && curl b", "1:6: a second command begins here: `curl`", one),
            ("a &&\ncurl b", "2:1: a second command begins here: `curl`", one),
            ("a || curl b", "1:6: a second command begins here: `curl`", one),
            ("a & curl b", "1:5: a second command begins here: `curl`", one),
            ("a\n\ncurl b", "3:1: a second command begins here: `curl`", one),
            ("a | jq .\ncurl b", "2:1: a second command begins here: `curl`", one),
            ("a > f; curl b", "1:8: a second command begins here: `curl`", one),
            (
                "a?b=1&c=2",
                "1:7: a second command begins here: `c=2`",
                "put the URL in quotes: for the shell, its `&` ends the command",
            ),
            (
                "a\n  -H b",
                "2:3: a second command begins here: `-H`",
                "end the line before it with `\\` if the command goes on",
            ),
        ] {
            assert_eq!(shown(text), format!("{place}; {help}"), "{text}");
        }
    }
}
