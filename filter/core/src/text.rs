//! Searching and showing short texts in little code: what the library has for these is made for long ones, and is 3 KB of the
//! filter's module.

use core::fmt::{self, Display, Formatter, Write};

/// What is before and behind the first place of a mark, as [`str::split_once`] has it.
pub(crate) fn split_once<'t>(text: &'t str, mark: &str) -> Option<(&'t str, &'t str)> {
    let is_at = |at: &usize| text.as_bytes().get(*at..).is_some_and(|rest| rest.starts_with(mark.as_bytes()));
    let at = (0..text.len()).find(is_at)?;
    let (before, rest) = text.split_at_checked(at)?;
    Some((before, rest.strip_prefix(mark)?))
}

/// A text in visible ASCII, as [`str::escape_default`] has it.
pub(crate) struct Escaped<'t>(pub(crate) &'t str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '\t' => f.write_str("\\t")?,
                '\r' => f.write_str("\\r")?,
                '\n' => f.write_str("\\n")?,
                '\'' | '"' | '\\' => {
                    f.write_char('\\')?;
                    f.write_char(letter)?;
                }
                ' '..='~' => f.write_char(letter)?,
                other => write!(f, "\\u{{{:x}}}", u32::from(other))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 8] = ["", "%{", "a%{b%{c", "é%{ü", "%%{", "%", "a\tb\r\n\u{1}\u{7f}é€\u{1f600}", "\"'\\ ~"];

    #[test]
    fn texts_are_split_as_the_library_does() {
        for text in TEXTS {
            for mark in ["%{", "/ns/", "é", "b"] {
                assert_eq!(split_once(text, mark), text.split_once(mark), "{text} at {mark}");
            }
        }
    }

    #[test]
    fn texts_are_escaped_as_the_library_does() {
        for text in TEXTS {
            assert_eq!(Escaped(text).to_string(), text.escape_default().to_string());
        }
    }
}
