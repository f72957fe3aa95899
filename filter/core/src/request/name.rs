//! Names that servers take for one another.
//!
//! CGI, and after it WSGI, Rack and PHP, hand a header to the program as a variable: `x-api-key` as `HTTP_X_API_KEY`. So
//! `x_api_key` and `X-Api_Key` are the same variable, and a server that gets both joins them or takes the last one. Whatever
//! is decided about a name is therefore decided about its *twins*, too: the names that differ from it only in `_` for `-`
//! and in the case of letters.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use crate::text::halves;

/// Whether a byte may be part of a token (RFC 9110, 5.6.2).
#[must_use]
pub fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

/// Whether CGI reads two names as the same header: they are equal but for ASCII case and `_` for `-`.
#[must_use]
pub fn is_same_to_cgi(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| folded(*a) == folded(*b))
}

/// The one spelling that all twins of a name share: in lower case, with `-` for `_`. Two names have the same if and only if
/// [`is_same_to_cgi`] holds, so it serves as a key.
#[must_use]
pub fn fold(name: &[u8]) -> Cow<'_, [u8]> {
    if !name.iter().any(|byte| *byte == b'_' || byte.is_ascii_uppercase()) {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(name.iter().map(|byte| folded(*byte)).collect())
    }
}

fn folded(byte: u8) -> u8 {
    if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() }
}

/// A query parameter's name as servers may read it: what follows a NUL, a byte that is not UTF-8 or a bracket is cut
/// off, so are blanks at the ends, and `.` and blanks become `_` (PHP manual, "Variables From External Sources"). In lower
/// case, because ASP.NET's names are.
#[must_use]
pub fn fold_parameter(name: &[u8]) -> Cow<'_, [u8]> {
    let special = |byte: &u8| matches!(byte, 0..=0x20 | b'[' | b'.' | 0x80..) || byte.is_ascii_uppercase();
    if !name.iter().any(special) {
        return Cow::Borrowed(name);
    }
    let text = halves(readable(name), b'[').0;
    Cow::Owned(folded_parameter(text))
}

/// The name as PHP reads it, where that is another reading: it makes an `_` of a bracket that is never closed, and of a
/// blank at the end.
pub(crate) fn fold_as_php(name: &[u8]) -> Option<Vec<u8>> {
    if !name.iter().any(|byte| matches!(byte, b'[' | b' ')) {
        return None;
    }
    let text = readable(name).trim_ascii_start();
    let open = text.iter().position(|byte| *byte == b'[').unwrap_or(text.len());
    let is_closed = text.iter().skip(open).any(|byte| *byte == b']');
    let text = if is_closed { text.get(..open).unwrap_or(text) } else { text };
    Some(text.iter().map(folded_in_parameter).collect())
}

/// What stands before a NUL or a byte that is no UTF-8.
fn readable(name: &[u8]) -> &[u8] {
    let end = core::str::from_utf8(name).map_or_else(|error| error.valid_up_to(), str::len);
    halves(name.get(..end).unwrap_or(name), 0).0
}

fn folded_parameter(text: &[u8]) -> Vec<u8> {
    trim_spaces(text).iter().map(folded_in_parameter).collect()
}

fn folded_in_parameter(byte: &u8) -> u8 {
    if matches!(byte, b'.' | b' ' | b'[') { b'_' } else { byte.to_ascii_lowercase() }
}

/// Without white space at both ends; a vertical tab, which `trim_ascii` leaves, is some to PHP and Java.
pub(crate) fn trim_spaces(text: &[u8]) -> &[u8] {
    trim_where(text, |byte| byte.is_ascii_whitespace() || *byte == 0x0b)
}

/// Without such bytes at both ends.
pub(crate) fn trim_where(text: &[u8], is_blank: fn(&u8) -> bool) -> &[u8] {
    let start = text.iter().position(|byte| !is_blank(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_blank(byte)).map_or(start, |last| last.saturating_add(1));
    text.get(start..end).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_tokens() {
        for byte in 0..=u8::MAX {
            let is_listed = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            assert_eq!(is_token_byte(byte), is_listed, "{byte}");
        }
    }

    #[test]
    fn twins() {
        for (a, b, same) in [
            ("x-api-key", "x-api-key", true),
            ("x-api-key", "x_api_key", true),
            ("x-api_key", "x_api-key", true),
            ("X_Api_Key", "x-api-key", true),
            ("", "", true),
            ("__", "--", true),
            ("x-api-key", "x-api-keys", false),
            ("x-api-key", "xapikey", false),
            ("x-api-key", "x.api.key", false),
            ("x-api-key", "x api key", false),
            // Only ASCII letters have a case: these differ in bit 5 alone.
            ("[", "{", false),
            ("_", "\u{7f}", false),
            ("\r", "-", false),
            ("é", "É", false),
        ] {
            let (a, b) = (a.as_bytes(), b.as_bytes());
            assert_eq!(is_same_to_cgi(a, b), same, "{} {}", a.escape_ascii(), b.escape_ascii());
            assert_eq!(is_same_to_cgi(b, a), same, "{} {}", b.escape_ascii(), a.escape_ascii());
            assert_eq!(fold(a) == fold(b), same, "{} {}", a.escape_ascii(), b.escape_ascii());
        }
    }

    #[test]
    fn every_byte_has_one_spelling() {
        for byte in 0..=u8::MAX {
            let name = [byte];
            let once = fold(&name);
            assert_eq!(fold(&once), once, "{byte}");
            assert!(is_same_to_cgi(&name, &once), "{byte}");
            assert_eq!(matches!(once, Cow::Borrowed(_)), byte != b'_' && !byte.is_ascii_uppercase(), "{byte}");
        }
    }

    #[test]
    fn parameters_that_servers_take_for_one() {
        for (name, expected) in [
            ("role", "role"),
            ("ROLE", "role"),
            ("role[]", "role"),
            ("role[a][b]", "role"),
            ("role\0x", "role"),
            (" role ", "role"),
            ("my.role", "my_role"),
            ("my role", "my_role"),
            ("my_role", "my_role"),
            ("my[role", "my"),
            ("my[role]", "my"),
            ("", ""),
        ] {
            assert_eq!(*fold_parameter(name.as_bytes()), *expected.as_bytes(), "{name}");
        }
        assert_eq!(*fold_parameter(b"role\xc0\x80x"), *b"role");
        assert_eq!(*trim_spaces(b"\x0b a\x0b"), *b"a");
        for (name, as_php) in [
            ("My[role", Some("my_role")),
            ("my[role\0]", Some("my_role")),
            ("my[role]", Some("my")),
            (" role ", Some("role_")),
            ("my_role", None),
        ] {
            assert_eq!(fold_as_php(name.as_bytes()).as_deref(), as_php.map(str::as_bytes), "{name}");
        }
    }
}
