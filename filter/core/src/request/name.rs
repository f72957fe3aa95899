//! Names that servers take for one another.

use std::borrow::Cow;

/// A header's name as CGI, WSGI and PHP have it: they hand on `x-role`, `x_role` and `X-Role` as one `HTTP_X_ROLE`
/// (RFC 3875, 4.1.18). In lower case, with `-` for `_`.
pub(crate) fn fold(name: &[u8]) -> Cow<'_, [u8]> {
    if name.iter().any(|byte| *byte == b'_' || byte.is_ascii_uppercase()) {
        Cow::Owned(name.iter().map(|byte| fold_byte(*byte)).collect())
    } else {
        Cow::Borrowed(name)
    }
}

fn fold_byte(byte: u8) -> u8 {
    if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() }
}

/// Whether two names are one to a server that follows CGI.
pub(crate) fn is_same_to_cgi(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| fold_byte(*left) == fold_byte(*right))
}

/// A query parameter's name as PHP and servers that ignore case read it: what stands behind a NUL or an opening bracket
/// is cut off, so are blanks at the ends, and `.` and blanks inside become `_`
/// (PHP manual, "Variables From External Sources"). In lower case.
pub(crate) fn fold_parameter(name: &[u8]) -> Cow<'_, [u8]> {
    let special = |byte: &u8| matches!(byte, 0..=0x20 | b'[' | b'.') || byte.is_ascii_uppercase();
    if !name.iter().any(special) {
        return Cow::Borrowed(name);
    }
    let end = name.iter().position(|byte| matches!(byte, 0 | b'[')).unwrap_or(name.len());
    let cut = name.get(..end).unwrap_or(name).trim_ascii();
    let fold = |byte: &u8| if matches!(byte, b'.' | b' ') { b'_' } else { byte.to_ascii_lowercase() };
    Cow::Owned(cut.iter().map(fold).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cgi_takes_for_one() {
        for (left, right, expected) in [
            ("x-api-key", "X_Api_Key", true),
            ("x-api-key", "x-api_key", true),
            ("x-api-key", "x-api-keys", false),
            ("x-api-key", "xapi-key", false),
        ] {
            assert_eq!(is_same_to_cgi(left.as_bytes(), right.as_bytes()), expected, "{left} {right}");
            assert_eq!(fold(left.as_bytes()) == fold(right.as_bytes()), expected, "{left} {right}");
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
            ("", ""),
        ] {
            assert_eq!(*fold_parameter(name.as_bytes()), *expected.as_bytes(), "{name}");
        }
    }
}
