//! Paths with more than one reading.

use super::super::istio::string_matches;
use super::{Field, Pair, operations};

/// A kind's name, and what makes a path one of it.
type Kind = (&'static str, fn(&[u8]) -> bool);

const KINDS: &[Kind] = &[
    ("escapedSlash", |path| escapes(path).any(|byte| matches!(byte, b'/' | b'\\'))),
    ("doubleSlash", |path| path.windows(2).any(|pair| pair == b"//")),
    ("semicolon", |path| path.contains(&b';') || escapes(path).any(|byte| byte == b';')),
    ("doubleEncoding", has_double_encoding),
    ("controlCharacter", |path| escapes(path).any(|byte| byte < 0x20 || byte == 0x7f)),
    ("escapedDelimiter", |path| escapes(path).any(|byte| matches!(byte, b'#' | b'?'))),
    ("invalidEncoding", has_invalid_escape),
    ("invalidUtf8", |path| std::str::from_utf8(&decode(path)).is_err()),
];

/// Whether a kind of ambiguity is one of these.
pub(super) fn is_kind(kind: &str) -> bool {
    KINDS.iter().any(|(known, _)| *known == kind)
}

/// Whether the path is of the kind that Sallyport says it is.
pub(super) fn is_as_told(pair: &Pair<'_>) -> bool {
    let path = pair.request.path.split(|byte| *byte == b'?').next().unwrap_or_default();
    KINDS.iter().any(|(kind, is)| *kind == pair.spoken.kind && is(path))
}

/// Some pattern matches the path in its canonical form, and not as it came, or the other way round.
pub(super) fn is_spelled_in_another_way(pair: &Pair<'_>) -> bool {
    let path = pair.request.path.split(|byte| *byte == b'?').next().unwrap_or_default();
    let canonical = decode(path).into_iter().map(spelled).collect::<String>();
    let raw = String::from_utf8_lossy(path).into_owned();
    let paths: Field = |operation| [&operation.paths, &operation.not_paths];
    let differs = |pattern: &String| string_matches(pattern, &raw) != string_matches(pattern, &canonical);
    raw != canonical && pair.rules.iter().any(|rule| operations(rule, paths).any(|(list, _)| list.iter().any(differs)))
}

/// RFC 3986: a segment has its characters plain, but for `;` and `*`, and all others escaped.
fn spelled(byte: u8) -> String {
    match byte {
        b'/' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() || b"!$&'()+,=:@".contains(&byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    }
}

/// At each `%`: what it encodes, or nothing.
fn percents(path: &[u8]) -> impl Iterator<Item = Option<u8>> {
    path.iter().enumerate().filter(|(_, byte)| **byte == b'%').map(|(at, _)| escape(path, at))
}

fn escape(path: &[u8], at: usize) -> Option<u8> {
    let digits = std::str::from_utf8(path.get(at + 1..at + 3)?).ok()?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u8::from_str_radix(digits, 16).ok())?
}

fn escapes(path: &[u8]) -> impl Iterator<Item = u8> {
    percents(path).flatten()
}

fn has_invalid_escape(path: &[u8]) -> bool {
    percents(path).any(|escape| escape.is_none())
}

fn has_double_encoding(path: &[u8]) -> bool {
    path.windows(3).enumerate().any(|(at, three)| {
        let inner = path.get(at + 3..at + 5).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        three == b"%25" && inner
    })
}

fn decode(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut at = 0;
    while let Some(byte) = path.get(at) {
        let escaped = (*byte == b'%').then(|| escape(path, at)).flatten();
        decoded.push(escaped.unwrap_or(*byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    decoded
}
