//! Paths that a regular expression matches: the shortest, and one in which everything that may repeat does.
//!
//! They are only proposed: the engine decides whether an expression matches.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// The longest path, in bytes: a longer one is no example.
const LONGEST: usize = 200;

/// Paths that `pattern` is likely to match.
pub(super) fn paths_of_regex(pattern: &str) -> Vec<String> {
    let parsed = ParserBuilder::new().unicode(false).utf8(false).dot_matches_new_line(true).build().parse(pattern);
    let Ok(expression) = parsed else { return Vec::new() };
    let mut all = Vec::new();
    for extra in [0, 1] {
        let mut bytes = Vec::new();
        if write(&expression, extra, &mut bytes).is_none() {
            continue;
        }
        let Ok(text) = String::from_utf8(bytes) else { continue };
        let path = if text.starts_with('/') { text } else { format!("/{text}") };
        if path.bytes().all(is_plain) && !all.contains(&path) {
            all.push(path);
        }
    }
    all
}

/// Whether a byte is part of a path, and nothing else in a URL.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"?#%\\\"<>^`|".contains(&byte)
}

/// Appends what `expression` matches, with `extra` repetitions more than there must be. `None` if that is too long, or
/// nothing matches.
fn write(expression: &Hir, extra: u32, bytes: &mut Vec<u8>) -> Option<()> {
    match expression.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => bytes.extend_from_slice(&literal.0),
        HirKind::Class(class) => bytes.push(member(class)?),
        HirKind::Capture(capture) => write(&capture.sub, extra, bytes)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| write(part, extra, bytes))?,
        HirKind::Alternation(ways) => write(ways.first()?, extra, bytes)?,
        HirKind::Repetition(repetition) => {
            let wanted = repetition.min.saturating_add(extra);
            for _ in 0..repetition.max.map_or(wanted, |most| wanted.min(most)) {
                let before = bytes.len();
                write(&repetition.sub, extra, bytes)?;
                if bytes.len() == before {
                    break;
                }
            }
        }
    }
    (bytes.len() <= LONGEST).then_some(())
}

/// The digit 1 or a small letter, if there is one.
fn member(class: &Class) -> Option<u8> {
    let ranges: Vec<(u8, u8)> = match class {
        Class::Bytes(class) => class.ranges().iter().map(|range| (range.start(), range.end())).collect(),
        Class::Unicode(class) => {
            let ranges = class.ranges().iter();
            ranges.filter_map(|range| Some((u8::try_from(range.start()).ok()?, range.end().try_into().ok()?))).collect()
        }
    };
    let has = |byte: &u8| ranges.iter().any(|(first, last)| (*first..=*last).contains(byte));
    let preferred = std::iter::once(b'1').chain(b'a'..=b'z').chain(b'!'..=b'~');
    preferred.into_iter().find(|byte| is_plain(*byte) && has(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_has_paths() {
        for (pattern, expected) in [
            ("/v[0-9]+/users", &["/v1/users", "/v11/users"][..]),
            ("/a/(b|c)/?", &["/a/b", "/a/b/"]),
            ("/items/[^/]{3}", &["/items/111"]),
            (r"/x\.json", &["/x.json"]),
            (".*/info", &["/info", "/1/info"]),
            ("^/a$", &["/a"]),
            ("[a-z]+", &["/a", "/aa"]),
            ("/[-._]", &["/-"]),
            ("(?i)/abc", &["/abc"]),
            ("/(a*)*", &["/", "/a"]),
            ("/a{0}b", &["/b"]),
            // No path, or none that is an example.
            (r"/\x00", &[]),
            ("/a b", &[]),
            (r"/\?x", &[]),
            ("/a{500}", &[]),
            ("/é", &[]),
            ("[a&&b]", &[]),
            ("(", &[]),
        ] {
            assert_eq!(paths_of_regex(pattern), expected, "{pattern}");
        }
    }
}
