//! Paths as Envoy's `normalize_path` leaves them, which Istio switches on.
//!
//! It is Chromium's canonicalization of URLs, in which `\` is `/`, escapes of letters, digits and `-._~` are decoded, dot
//! segments are resolved, and some other characters are escaped. `tests/tests/gate_parity.rs` compares it with Envoy.

use sallyport_core::request::{escape, is_unreserved};

/// The path and query of a request as the filter gets them; `None`: Envoy answers with 400.
pub(super) fn normalized(target: &[u8]) -> Option<Vec<u8>> {
    // The parser refuses these in HTTP/1, and `#` is refused with its own setting.
    let is_sent = |byte: &u8| matches!(byte, 0x21..=0x7e) && *byte != b'#';
    if target.first() != Some(&b'/') || !target.iter().all(is_sent) {
        return None;
    }
    let end = target.iter().position(|byte| *byte == b'?').unwrap_or(target.len());
    let (path, query) = target.split_at_checked(end)?;
    let mut normal = canonical(path)?;
    normal.extend_from_slice(query);
    Some(normal)
}

fn canonical(path: &[u8]) -> Option<Vec<u8>> {
    let mut normal: Vec<u8> = Vec::with_capacity(path.len());
    // Where the last `%` is that begins no escape.
    let mut percent = None;
    let mut rest = path;
    while let Some((&byte, tail)) = rest.split_first() {
        if let Some(behind) = dot(rest) {
            rest = if normal.last() == Some(&b'/') {
                segment(&mut normal, behind)
            } else {
                plain_dot(&mut normal, behind)
            };
            continue;
        }
        rest = tail;
        match byte {
            b'\\' => normal.push(b'/'),
            b'%' => match escape(tail) {
                Some((0, _)) => return None,
                Some((value, behind)) if is_unreserved(value) => {
                    normal.push(value);
                    rest = behind;
                    if let Some(at) = percent.filter(|at| makes_escape(&normal, *at, behind)) {
                        normal.splice(at..at, *b"25");
                    }
                }
                Some(_) => normal.push(b'%'),
                None => {
                    normal.push(b'%');
                    percent = Some(normal.len());
                }
            },
            b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}' => {
                normal.extend_from_slice(format!("%{byte:02X}").as_bytes());
            }
            _ => normal.push(byte),
        }
    }
    Some(normal)
}

/// Whether a decoded character, the last one, has made an escape of a `%` that was none: of `%%61d` would come `%ad`.
fn makes_escape(normal: &[u8], behind_percent: usize, next: &[u8]) -> bool {
    let digits = normal.get(behind_percent..).unwrap_or_default().iter().chain(next.first());
    let is_near = normal.len().saturating_sub(behind_percent) <= 2;
    is_near && digits.clone().count() >= 2 && digits.take(2).all(u8::is_ascii_hexdigit)
}

/// What follows a dot, plain or escaped.
fn dot(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'.', behind @ ..] | [b'%', b'2', b'e' | b'E', behind @ ..] => Some(behind),
        _ => None,
    }
}

/// What follows a segment that ends here; a path may end here, too.
fn end_of_segment(text: &[u8]) -> Option<&[u8]> {
    match text {
        [] => Some(text),
        [b'/' | b'\\', behind @ ..] => Some(behind),
        _ => None,
    }
}

/// Goes on behind a dot at the beginning of a segment.
fn segment<'p>(normal: &mut Vec<u8>, behind: &'p [u8]) -> &'p [u8] {
    if let Some(rest) = end_of_segment(behind) {
        return rest;
    }
    if let Some(rest) = dot(behind).and_then(end_of_segment) {
        // To the slash before the last one, if there is one.
        normal.pop();
        while normal.last().is_some_and(|byte| *byte != b'/') {
            normal.pop();
        }
        if normal.is_empty() {
            normal.push(b'/');
        }
        return rest;
    }
    plain_dot(normal, behind)
}

fn plain_dot<'p>(normal: &mut Vec<u8>, behind: &'p [u8]) -> &'p [u8] {
    normal.push(b'.');
    behind
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Envoy 1.36, 1.38 and 1.40 gave them to an upstream.
    #[test]
    fn paths_are_those_of_envoy() {
        for (target, expected) in [
            ("/a/b", Some("/a/b")),
            ("/a/../b", Some("/b")),
            ("/a/./b", Some("/a/b")),
            ("/a/%2e%2E/b", Some("/b")),
            ("/../b", Some("/b")),
            ("/a/../../../b", Some("/b")),
            ("/..", Some("/")),
            ("/a/..", Some("/")),
            ("/a/.", Some("/a/")),
            ("/a/b/..?q", Some("/a/?q")),
            ("/a/b/../?q/../r", Some("/a/?q/../r")),
            ("/a//../b", Some("/a/b")),
            ("//../b", Some("/b")),
            ("/./..//b", Some("//b")),
            ("/a///../b", Some("/a//b")),
            ("/a//b", Some("/a//b")),
            ("/a/...", Some("/a/...")),
            ("/a/.b/b.", Some("/a/.b/b.")),
            ("/%61%2d%7E%2f%40", Some("/a-~%2f%40")),
            ("/a\\b\\..\\c", Some("/a/c")),
            ("/a%5c..%5cb", Some("/a%5c..%5cb")),
            ("/a\"<>^`{|}[]'*b", Some("/a%22%3C%3E%5E%60%7B%7C%7D[]'*b")),
            ("/a%zz%", Some("/a%zz%")),
            ("/a%%61dmin%%7e%1%66", Some("/a%25admin%~%251f")),
            ("/%%61/%%61", Some("/%a/%a")),
            ("/a/.%2", Some("/a/.%2")),
            ("/a/%252e%252e", Some("/a/%252e%252e")),
            ("/a%C3%a9", Some("/a%C3%a9")),
            ("/a?%00\\\"", Some("/a?%00\\\"")),
            ("/a%00", None),
            ("/a#b", None),
            ("/a?b#c", None),
            ("/a b", None),
            ("/\u{e9}", None),
            ("a", None),
            ("", None),
        ] {
            let normal = normalized(target.as_bytes()).map(|path| String::from_utf8(path).unwrap());
            assert_eq!(normal.as_deref(), expected, "{target}");
        }
    }
}
