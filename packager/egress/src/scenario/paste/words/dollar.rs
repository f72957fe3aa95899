//! What is between `$'` and `'`, as bash reads it.

use std::iter::Peekable;
use std::str::CharIndices;

use super::super::model::PasteError;

/// Adds it to a word. `start` is the place of the `$`.
pub(super) fn quoted(
    text: &str,
    start: usize,
    characters: &mut Peekable<CharIndices<'_>>,
    word: &mut String,
) -> Result<(), PasteError> {
    // Escapes are bytes, several of which may be one character.
    let mut bytes = Vec::new();
    while let Some((_, character)) = characters.next() {
        match character {
            '\'' => {
                let said = String::from_utf8(bytes).map_err(|_| {
                    let message = "what these quotes mean is not UTF-8";
                    PasteError::at(text, start, message, "write other bytes: they are not read here")
                })?;
                word.push_str(&said);
                return Ok(());
            }
            '\\' => {
                if let Some((_, escaped)) = characters.next() {
                    escape(escaped, characters, &mut bytes);
                }
            }
            other => push(other, &mut bytes),
        }
    }
    Err(PasteError::at(text, start, "the quotes that begin here do not end", "copy the whole command"))
}

/// What is behind `\`, up to where the digits of an escape end.
fn escape(escaped: char, characters: &mut Peekable<CharIndices<'_>>, bytes: &mut Vec<u8>) {
    let byte = match escaped {
        'a' => 0x07,
        'b' => 0x08,
        'e' | 'E' => 0x1b,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' | '\'' | '"' | '?' => return push(escaped, bytes),
        '0'..='7' => {
            let further = digits(characters, 8, 2);
            // Bash keeps the last eight bits of `\777`.
            let value = u32::from_str_radix(&format!("{escaped}{further}"), 8).unwrap_or_default();
            value.to_le_bytes().first().copied().unwrap_or_default()
        }
        'x' | 'u' | 'U' => {
            let digits = digits(
                characters,
                16,
                match escaped {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                },
            );
            return match u32::from_str_radix(&digits, 16) {
                Ok(value) if escaped == 'x' => bytes.extend(u8::try_from(value)),
                Ok(value) => char::from_u32(value).into_iter().for_each(|character| push(character, bytes)),
                // Without digits it is none.
                Err(_) => ['\\', escaped].into_iter().for_each(|character| push(character, bytes)),
            };
        }
        other => return ['\\', other].into_iter().for_each(|character| push(character, bytes)),
    };
    bytes.push(byte);
}

fn digits(characters: &mut Peekable<CharIndices<'_>>, radix: u32, most: usize) -> String {
    std::iter::from_fn(|| characters.next_if(|(_, next)| next.is_digit(radix)))
        .take(most)
        .map(|(_, digit)| digit)
        .collect()
}

fn push(character: char, bytes: &mut Vec<u8>) {
    bytes.extend(character.encode_utf8(&mut [0; 4]).bytes());
}

#[cfg(test)]
mod tests {
    use super::super::words;

    /// As bash 5.2 prints them.
    #[test]
    fn escapes_are_those_of_bash() {
        for (text, expected) in [
            (r"$'\x41\102\e'", "AB\u{1b}"),
            (r"$'\xc3\xa4\u00e4\U0001f600'", "\u{e4}\u{e4}\u{1f600}"),
            (r"$'\u41z\x4g\7\1011'", "Az\u{4}g\u{7}A1"),
            (r#"$'it\'s \"a\" \\ \t\n\q\xg'"#, "it's \"a\" \\ \t\n\\q\\xg"),
        ] {
            assert_eq!(words(text).unwrap().first().unwrap().text, expected, "{text}");
        }
        let message = |text: &str| words(text).unwrap_err().message;
        assert_eq!(message(r"a $'\xff'"), "what these quotes mean is not UTF-8");
        assert_eq!(message(r"a $'\'"), "the quotes that begin here do not end");
    }
}
