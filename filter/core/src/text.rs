//! Searching and showing short texts in little code: what the library has for these is made for long ones, and is 3 KB of the
//! filter's module.

use alloc::string::String;
use core::fmt::{self, Display, Formatter, Write};

/// What is before and behind the first place of a mark, as [`str::split_once`] has it.
pub(crate) fn split_once<'t>(text: &'t str, mark: &str) -> Option<(&'t str, &'t str)> {
    let first = mark.as_bytes().first()?;
    let is_at = |at: usize| text.as_bytes().get(at..).is_some_and(|rest| rest.starts_with(mark.as_bytes()));
    let (at, _) = text.bytes().enumerate().find(|(at, byte)| byte == first && is_at(*at))?;
    let (before, rest) = text.split_at_checked(at)?;
    Some((before, rest.strip_prefix(mark)?))
}

/// What is before and behind the last place of an ASCII character, as [`str::rsplit_once`] has it.
pub(crate) fn rsplit_once(text: &str, mark: u8) -> Option<(&str, &str)> {
    let at = text.bytes().rposition(|byte| byte == mark)?;
    Some((text.get(..at)?, text.get(at.checked_add(1)?..)?))
}

/// What is before the first place of a byte, and what is behind it if there is one.
pub(crate) fn halves(bytes: &[u8], mark: u8) -> (&[u8], Option<&[u8]>) {
    match bytes.iter().position(|byte| *byte == mark).and_then(|at| bytes.split_at_checked(at)) {
        Some((before, rest)) => (before, rest.get(1..)),
        None => (bytes, None),
    }
}

/// The parts of a text between marks, as [`str::split`] has them.
pub(crate) fn split<'t>(text: &'t str, mark: &'static str) -> Parts<'t> {
    Parts { rest: Some(text), mark }
}

/// See [`split`].
#[derive(Clone)]
pub(crate) struct Parts<'t> {
    rest: Option<&'t str>,
    mark: &'static str,
}

impl<'t> Iterator for Parts<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let rest = self.rest.take()?;
        let Some((part, rest)) = split_once(rest, self.mark) else { return Some(rest) };
        self.rest = Some(rest);
        Some(part)
    }
}

/// The parts of bytes between marks, as `slice::split` has them.
pub(crate) fn split_bytes(bytes: &[u8], mark: u8) -> ByteParts<'_> {
    ByteParts { rest: Some(bytes), mark }
}

/// See [`split_bytes`].
#[derive(Clone)]
pub(crate) struct ByteParts<'t> {
    rest: Option<&'t [u8]>,
    mark: u8,
}

impl<'t> Iterator for ByteParts<'t> {
    type Item = &'t [u8];

    fn next(&mut self) -> Option<&'t [u8]> {
        let (part, rest) = halves(self.rest.take()?, self.mark);
        self.rest = rest;
        Some(part)
    }
}

/// The text that bytes are, with U+FFFD in place of what is no UTF-8, as [`String::from_utf8_lossy`] has it.
pub(crate) fn lossy(mut bytes: &[u8]) -> String {
    let mut text = String::new();
    loop {
        let (good, bad) = match core::str::from_utf8(bytes) {
            Ok(good) => (good, None),
            Err(error) => {
                let (good, rest) = bytes.split_at_checked(error.valid_up_to()).unwrap_or_default();
                (core::str::from_utf8(good).unwrap_or_default(), Some((rest, error.error_len())))
            }
        };
        text.push_str(good);
        let Some((rest, length)) = bad else { return text };
        text.push(char::REPLACEMENT_CHARACTER);
        bytes = length.and_then(|length| rest.get(length..)).unwrap_or_default();
    }
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
                assert!(split(text, mark).eq(text.split(mark)), "{text} at {mark}");
            }
            for mark in *b"%{/b" {
                let mut parts = text.as_bytes().splitn(2, |byte| *byte == mark);
                assert_eq!(halves(text.as_bytes(), mark), (parts.next().unwrap(), parts.next()), "{text} at {mark}");
                assert!(
                    split_bytes(text.as_bytes(), mark).eq(text.as_bytes().split(|byte| *byte == mark)),
                    "{text} at {mark}"
                );
                assert_eq!(rsplit_once(text, mark), text.rsplit_once(char::from(mark)), "{text} at {mark}");
            }
        }
    }

    #[test]
    fn what_is_no_utf8_is_replaced_as_the_library_does() {
        let odd: [&[u8]; 7] =
            [b"", b"a\xff\xfeb", b"\xe2\x82", b"\xe2\x82a", b"\xf0\x9f\x98\x80\xc0\xaf", b"\xed\xa0\x80", b"\xc3\xa9"];
        for bytes in odd.into_iter().chain(TEXTS.iter().map(|text| text.as_bytes())) {
            assert_eq!(lossy(bytes), String::from_utf8_lossy(bytes), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn texts_are_escaped_as_the_library_does() {
        for text in TEXTS {
            assert_eq!(Escaped(text).to_string(), text.escape_default().to_string());
        }
    }
}
