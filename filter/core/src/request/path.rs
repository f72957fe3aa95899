//! The canonical path, and what makes a path ambiguous.
//!
//! # Design
//!
//! The gate cannot know which file a legacy upstream opens for `/a/..;x/b%2fc`. So a path that two parsers may read in two
//! ways is refused, unless its kind of ambiguity is tolerated. All other paths have a canonical form (RFC 3986, 3.3 and
//! 6.2.2): the characters of a segment are plain, all others and `*` are escaped with upper-case digits. A path that came in
//! another form is matched as it came, too: `/%40a` and `/@a` mean the same to most servers. A tolerated kind stays in the
//! path as it came, and rules match it literally. Only a plain byte above 0x7f becomes its escape, so that `/é` and
//! `/%C3%A9` remain one path.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use crate::request::usage::Use;
use crate::text::halves;
use crate::wire::Ambiguity;

/// The kinds of ambiguity that are tolerated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tolerance(u32);

impl Tolerance {
    /// The set of these kinds.
    #[must_use]
    pub fn new(kinds: &[Ambiguity]) -> Self {
        let kinds = kinds.iter().filter(|kind| kind.is_tolerable());
        kinds.fold(Self::default(), |set, kind| Self(set.0 | bit(*kind)))
    }

    /// Whether a kind is tolerated.
    #[must_use]
    pub fn allows(self, kind: Ambiguity) -> bool {
        self.0 & bit(kind) != 0
    }

    fn check(self, kind: Ambiguity) -> Result<(), Ambiguity> {
        if self.allows(kind) { Ok(()) } else { Err(kind) }
    }
}

fn bit(kind: Ambiguity) -> u32 {
    1_u32.checked_shl(kind as u32).unwrap_or(0)
}

/// How often at most an expression reads a path: in its canonical form, as it came, and decoded.
#[cfg(feature = "compile")]
pub(crate) const MAX_PATH_READINGS: usize = 3;

/// A path as rules see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalPath<'a> {
    /// The canonical form.
    pub text: Cow<'a, [u8]>,
    /// As it came, where that differs: it means the same to most servers and not to Istio, which matches to the letter. So it
    /// is a second reading.
    pub raw: Option<&'a [u8]>,
}

impl CanonicalPath<'_> {
    /// Whether a test matches, as it is used.
    pub(crate) fn matches(&self, by: Use, test: impl Fn(&[u8]) -> bool) -> bool {
        match self.raw {
            None => test(&self.text),
            Some(raw) => by.matches([&self.text, raw].into_iter(), test),
        }
    }

    /// The same for regular expressions. To one that restricts, a path has a further reading: decoded, as the upstream's
    /// program sees it. There `.` stands for the blank of `%20`.
    pub(crate) fn matches_pattern(&self, by: Use, test: impl Fn(&[u8]) -> bool) -> bool {
        let decoded = || by == Use::Restrictive && self.text.contains(&b'%') && test(&decode_all(&self.text));
        self.matches(by, &test) || decoded()
    }
}

/// Canonical path, raw query.
type PathAndQuery<'a> = (CanonicalPath<'a>, Option<&'a [u8]>);

/// Splits `:path` into canonical path and raw query, or says why it cannot be read in one way only.
pub fn canonical(raw: &[u8], tolerance: Tolerance) -> Result<PathAndQuery<'_>, Ambiguity> {
    if raw.first() != Some(&b'/') {
        return Err(Ambiguity::MalformedPath);
    }
    // At the first `?`, as Envoy does: a later one belongs to the query.
    let (path, query) = halves(raw, b'?');
    let text = canonical_text(path, tolerance)?;
    let raw = (*text != *path).then_some(path);
    // Rules that read the query look at more; these two split the request line or the URL for any server.
    for byte in query.into_iter().flatten() {
        match byte {
            b'#' => tolerance.check(Ambiguity::Fragment)?,
            0..=0x20 | 0x7f => tolerance.check(Ambiguity::ControlCharacter)?,
            _ => {}
        }
    }
    Ok((CanonicalPath { text, raw }, query))
}

/// A rule's path text in the form in which request paths arrive; text outside ASCII is percent-encoded first.
pub(crate) fn canonical_pattern(text: &[u8], tolerance: Tolerance) -> Result<Vec<u8>, Ambiguity> {
    let mut encoded = Vec::with_capacity(text.len());
    for byte in text {
        if byte.is_ascii() { encoded.push(*byte) } else { push_escape(&mut encoded, *byte) }
    }
    canonical_text(&encoded, tolerance).map(Cow::into_owned)
}

fn canonical_text(path: &[u8], tolerance: Tolerance) -> Result<Cow<'_, [u8]>, Ambiguity> {
    let canonical = if path.iter().all(|byte| is_plain(*byte)) {
        // The common case: nothing to decode, so nothing is copied.
        if !tolerance.allows(Ambiguity::DoubleSlash) && has_double_slash(path) {
            return Err(Ambiguity::DoubleSlash);
        }
        Cow::Borrowed(path)
    } else {
        decode(path, tolerance)?
    };
    // Last, because an escape or a tolerated separator may have made the segment.
    if has_dot_segment(&canonical) {
        tolerance.check(Ambiguity::DotSegment)?;
    }
    Ok(canonical)
}

/// Bytes that need no check: they mean the same to every parser, and are plain in the canonical form.
fn is_plain(byte: u8) -> bool {
    byte == b'/' || is_of_segment(byte)
}

fn has_double_slash(path: &[u8]) -> bool {
    path.iter().zip(path.iter().skip(1)).any(|pair| pair == (&b'/', &b'/'))
}

/// The careful way, for paths with something to decode or to refuse. The refusal names the first oddity from the left.
fn decode(path: &[u8], tolerance: Tolerance) -> Result<Cow<'_, [u8]>, Ambiguity> {
    let mut canonical = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'%' => match escape(tail) {
                Some((value, tail_behind)) => {
                    // Before it is decoded: `%2F` must not become a separator that no rule has seen.
                    check_escape(value, tail_behind, tolerance)?;
                    if is_of_segment(value) {
                        canonical.push(value)
                    } else {
                        push_escape(&mut canonical, value)
                    }
                    rest = tail_behind;
                    continue;
                }
                None => tolerance.check(Ambiguity::InvalidEncoding)?,
            },
            b'/' if canonical.last() == Some(&b'/') => tolerance.check(Ambiguity::DoubleSlash)?,
            b'#' => tolerance.check(Ambiguity::Fragment)?,
            b'\\' => tolerance.check(Ambiguity::Backslash)?,
            b';' => tolerance.check(Ambiguity::Semicolon)?,
            0..=0x20 | 0x7f => tolerance.check(Ambiguity::ControlCharacter)?,
            0x80..=0xff => {
                tolerance.check(Ambiguity::NonAscii)?;
                // Escaped, so that a rule need not be written twice.
                push_escape(&mut canonical, byte);
                continue;
            }
            byte if !is_plain(byte) => {
                push_escape(&mut canonical, byte);
                continue;
            }
            _ => {}
        }
        canonical.push(byte);
    }
    // Of the path as it came: an escape and a plain byte may be halves of one character.
    check_utf8(path, tolerance)?;
    Ok(Cow::Owned(canonical))
}

/// Servers may read a path in more ways than one if it is not UTF-8 once it is decoded. An overlong form of an ASCII character,
/// which careless decoders take for that character (`%c0%ae` for `.`), is refused even if other encodings are tolerated.
fn check_utf8(path: &[u8], tolerance: Tolerance) -> Result<(), Ambiguity> {
    let decoded = decode_all(path);
    if core::str::from_utf8(&decoded).is_ok() {
        return Ok(());
    }
    if is_overlong(&decoded) { Err(Ambiguity::InvalidUtf8) } else { tolerance.check(Ambiguity::InvalidUtf8) }
}

/// Whether a character has a longer form than UTF-8 gives it.
pub(crate) fn is_overlong(text: &[u8]) -> bool {
    let mut pairs = text.iter().zip(text.iter().skip(1));
    pairs.any(|pair| matches!(pair, (0xc0 | 0xc1, 0x80..=0xbf) | (0xe0, 0x80..=0x9f) | (0xf0, 0x80..=0x8f)))
}

/// The path with each escape replaced by its byte.
fn decode_all(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = if byte == b'%' { escape(tail) } else { None };
        let (value, behind) = escaped.unwrap_or((byte, tail));
        decoded.push(value);
        rest = behind;
    }
    decoded
}

/// What a percent-escape may hide.
fn check_escape(value: u8, behind: &[u8], tolerance: Tolerance) -> Result<(), Ambiguity> {
    match value {
        0 => tolerance.check(Ambiguity::EscapedNul),
        b'/' | b'\\' => tolerance.check(Ambiguity::EscapedSlash),
        b';' => tolerance.check(Ambiguity::Semicolon),
        b'#' | b'?' => tolerance.check(Ambiguity::EscapedDelimiter),
        // Harmless to a server that decodes once. Many decode twice: a proxy in front, then the program.
        b'%' if hex_pair(behind).is_some() => tolerance.check(Ambiguity::DoubleEncoding),
        0x01..=0x1f | 0x7f => tolerance.check(Ambiguity::ControlCharacter),
        _ => Ok(()),
    }
}

/// Whether any later parser may see a `.` or `..` segment: one may split at tolerated separators, and drop parameters.
fn has_dot_segment(canonical: &[u8]) -> bool {
    if !canonical.contains(&b'.') {
        return false;
    }
    let mut segment_start = canonical;
    loop {
        let name_end = segment_start.iter().position(|byte| matches!(byte, b'/' | b'\\' | b';' | b'%'));
        let name = name_end.and_then(|end| segment_start.get(..end)).unwrap_or(segment_start);
        let behind = segment_start.get(name.len()..).unwrap_or(b"");
        if matches!(name, b"." | b"..") && ends_segment_name(behind) {
            return true;
        }
        match next_segment(behind) {
            Some(next) => segment_start = next,
            None => return false,
        }
    }
}

fn ends_segment_name(behind: &[u8]) -> bool {
    match behind.first() {
        None | Some(b'/' | b'\\' | b';') => true,
        Some(_) => [&b"%2F"[..], b"%5C", b"%3B"].iter().any(|escape| behind.starts_with(escape)),
    }
}

/// What follows the next separator, plain or escaped.
fn next_segment(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    while let Some((byte, tail)) = rest.split_first() {
        match byte {
            b'/' | b'\\' => return Some(tail),
            b'%' if tail.starts_with(b"2F") || tail.starts_with(b"5C") => return tail.get(2..),
            _ => rest = tail,
        }
    }
    None
}

/// The byte of two hexadecimal digits behind `%`, and what follows them.
#[must_use]
pub fn escape(text: &[u8]) -> Option<(u8, &[u8])> {
    Some((hex_pair(text)?, text.get(2..)?))
}

fn hex_pair(text: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some((digit(text.first()?)? << 4) | digit(text.get(1)?)?)
}

fn push_escape(out: &mut Vec<u8>, byte: u8) {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0').to_ascii_uppercase();
    out.push(b'%');
    out.push(digit(byte >> 4) as u8);
    out.push(digit(byte & 0x0f) as u8);
}

/// What may stand plain in a segment (RFC 3986, `pchar`), but for `;`, which has its own kind, and `*`, which patterns cannot
/// name.
#[must_use]
pub fn is_of_segment(byte: u8) -> bool {
    is_unreserved(byte) || b"!$&'()+,=:@".contains(&byte)
}

/// RFC 3986, 2.3. Envoy decodes their escapes.
#[must_use]
pub fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical_path(raw: &str) -> Result<String, Ambiguity> {
        canonical(raw.as_bytes(), Tolerance::default())
            .map(|(path, _)| String::from_utf8(path.text.into_owned()).unwrap())
    }

    #[test]
    fn one_reading() {
        for (raw, expected) in [
            ("/", "/"),
            ("/a/b?c#", "/a/b"),
            ("/%61%2D%7e", "/a-~"),
            ("/a%20b%c3%a9", "/a%20b%C3%A9"),
            ("/100%25", "/100%25"),
            ("/a%25zz", "/a%25zz"),
            ("/...", "/..."),
            ("/.well-known", "/.well-known"),
            ("/a*b%2a", "/a%2Ab%2A"),
            ("/%40a%3ab=%3D%20", "/@a:b==%20"),
            ("/a[b]{c}|^`\"<>", "/a%5Bb%5D%7Bc%7D%7C%5E%60%22%3C%3E"),
        ] {
            if !raw.contains('#') {
                assert_eq!(canonical_path(raw).as_deref(), Ok(expected), "{raw}");
            }
        }
    }

    #[test]
    fn ambiguity_is_named() {
        use Ambiguity as A;
        for (raw, kind) in [
            ("", A::MalformedPath),
            ("*", A::MalformedPath),
            ("http://a/b", A::MalformedPath),
            ("/a%2fb", A::EscapedSlash),
            ("/a%5Cb", A::EscapedSlash),
            ("/a%00", A::EscapedNul),
            ("//a", A::DoubleSlash),
            ("/%61//", A::DoubleSlash),
            ("/a;b", A::Semicolon),
            ("/a%3bb", A::Semicolon),
            ("/a\\b", A::Backslash),
            ("/a/../b", A::DotSegment),
            ("/a/.", A::DotSegment),
            ("/%2e%2E/a", A::DotSegment),
            ("/a%252e", A::DoubleEncoding),
            ("/a\u{1}", A::ControlCharacter),
            ("/a b", A::ControlCharacter),
            ("/a%0a", A::ControlCharacter),
            ("/é", A::NonAscii),
            ("/a#b", A::Fragment),
            ("/a?b#c", A::Fragment),
            ("/a%23", A::EscapedDelimiter),
            ("/a%3fb", A::EscapedDelimiter),
            ("/a%2", A::InvalidEncoding),
            ("/a%zz", A::InvalidEncoding),
            ("/%c0%ae%c0%ae/a", A::InvalidUtf8),
            ("/a%E0%80%AFb", A::InvalidUtf8),
            ("/%ff", A::InvalidUtf8),
            ("/%e9", A::InvalidUtf8),
            ("/%ed%a0%80", A::InvalidUtf8),
        ] {
            assert_eq!(canonical_path(raw), Err(kind), "{raw}");
        }
    }

    #[test]
    fn what_is_tolerated_is_literal() {
        use Ambiguity as S;
        let tolerance = Tolerance::new(&[S::EscapedSlash, S::Semicolon, S::DoubleSlash, S::Backslash, S::InvalidUtf8]);
        for (raw, expected) in [
            ("/a%2fb", Ok("/a%2Fb")),
            ("/a;b//c", Ok("/a;b//c")),
            ("/a/..;x/b", Err(Ambiguity::DotSegment)),
            ("/a%2f..%2fb", Err(Ambiguity::DotSegment)),
            ("/a\\..\\b", Err(Ambiguity::DotSegment)),
            ("/a/..%3bx", Err(Ambiguity::DotSegment)),
            ("/a;../b", Ok("/a;../b")),
            ("/a%2f..b", Ok("/a%2F..b")),
            ("/caf%e9", Ok("/caf%E9")),
            ("/a/%c0%ae%c0%ae/b", Err(Ambiguity::InvalidUtf8)),
            ("/a%f0%80%80%af", Err(Ambiguity::InvalidUtf8)),
        ] {
            let got = canonical(raw.as_bytes(), tolerance)
                .map(|(path, _)| String::from_utf8(path.text.into_owned()).unwrap());
            assert_eq!(got.as_deref().map_err(|kind| *kind), expected, "{raw}");
        }
    }
}
