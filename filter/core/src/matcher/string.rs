//! Strings as Istio matches them: exact, `prefix*`, `*suffix`, and `*` for present and not empty.

use super::Flaw;
use crate::policy::error::Code;
use crate::policy::index::ByteMap;

/// Above this many patterns the exact ones are looked up by hash.
const FEW: usize = 8;

/// One pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StringPattern {
    /// The whole value.
    Exact(Box<[u8]>),
    /// The value begins so.
    Prefix(Box<[u8]>),
    /// The value ends so.
    Suffix(Box<[u8]>),
    /// The value is not empty.
    Present,
}

impl StringPattern {
    /// Reads a pattern; a `*` anywhere but at one end is refused, because Istio would take it literally and its
    /// author would not.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        if text.is_empty() {
            return Err(Flaw::new(Code::EmptyValue, format_args!("the value is empty"))
                .help(format_args!("write a value, or `*` for any")));
        }
        if text == "*" {
            return Ok(Self::Present);
        }
        let (pattern, literal) = if let Some(suffix) = text.strip_prefix('*') {
            (Self::Suffix(suffix.as_bytes().into()), suffix)
        } else if let Some(prefix) = text.strip_suffix('*') {
            (Self::Prefix(prefix.as_bytes().into()), prefix)
        } else {
            (Self::Exact(text.as_bytes().into()), text)
        };
        if literal.contains('*') {
            return Err(Flaw::new(Code::Wildcard, format_args!("`*` cannot stand inside `{text}`"))
                .help(format_args!("a `*` may stand at the beginning or at the end, not both")));
        }
        Ok(pattern)
    }

    /// Whether the pattern matches.
    #[must_use]
    pub fn matches(&self, value: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => **exact == *value,
            Self::Prefix(prefix) => value.starts_with(prefix),
            Self::Suffix(suffix) => value.ends_with(suffix),
            Self::Present => !value.is_empty(),
        }
    }

    /// The same pattern with its text changed.
    pub(crate) fn map(self, change: impl FnOnce(&[u8]) -> Vec<u8>) -> Self {
        match self {
            Self::Exact(text) => Self::Exact(change(&text).into()),
            Self::Prefix(text) => Self::Prefix(change(&text).into()),
            Self::Suffix(text) => Self::Suffix(change(&text).into()),
            Self::Present => Self::Present,
        }
    }
}

/// Several patterns, of which one must match.
#[derive(Clone, Debug)]
pub enum StringSet {
    /// Tried one by one.
    Few(Vec<StringPattern>),
    /// The exact ones by hash, the others one by one.
    Many(Box<ManyStrings>),
}

/// A large set.
#[derive(Clone, Debug)]
pub struct ManyStrings {
    /// As keys; the numbers mean nothing.
    exact: ByteMap,
    others: Vec<StringPattern>,
}

impl StringSet {
    /// A set of these patterns.
    #[must_use]
    pub fn new(patterns: Vec<StringPattern>) -> Self {
        if patterns.len() <= FEW {
            return Self::Few(patterns);
        }
        let mut exact = ByteMap::default();
        let mut others = Vec::new();
        for pattern in patterns {
            match pattern {
                StringPattern::Exact(text) => {
                    exact.insert(text, 0);
                }
                other => others.push(other),
            }
        }
        Self::Many(Box::new(ManyStrings { exact, others }))
    }

    /// Whether one of the patterns matches.
    #[must_use]
    pub fn matches(&self, value: &[u8]) -> bool {
        match self {
            Self::Few(patterns) => patterns.iter().any(|pattern| pattern.matches(value)),
            Self::Many(many) => {
                many.exact.contains_key(value) || many.others.iter().any(|pattern| pattern.matches(value))
            }
        }
    }

    /// The exact texts, if every pattern is exact.
    pub(crate) fn all_exact(&self) -> Option<Vec<&[u8]>> {
        match self {
            Self::Few(patterns) => patterns
                .iter()
                .map(|pattern| match pattern {
                    StringPattern::Exact(text) => Some(&**text),
                    _ => None,
                })
                .collect(),
            Self::Many(many) if many.others.is_empty() => Some(many.exact.keys().map(|text| &**text).collect()),
            Self::Many(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_istio_says() {
        for (pattern, value, expected) in [
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("ab*", "abc", true),
            ("ab*", "ab", true),
            ("*bc", "abc", true),
            ("*bc", "abcd", false),
            ("*", "x", true),
            ("*", "", false),
        ] {
            let parsed = StringPattern::parse(pattern).unwrap();
            assert_eq!(parsed.matches(value.as_bytes()), expected, "{pattern} on {value}");
        }
    }

    #[test]
    fn a_star_inside_is_refused() {
        for pattern in ["a*b", "*a*", "**", "a**"] {
            assert_eq!(StringPattern::parse(pattern).unwrap_err().code, Code::Wildcard, "{pattern}");
        }
        assert_eq!(StringPattern::parse("").unwrap_err().code, Code::EmptyValue);
    }

    #[test]
    fn a_large_set_matches_like_a_small_one() {
        let patterns: Vec<_> = (0..20)
            .map(|n| StringPattern::parse(&format!("v{n}{}", if n % 5 == 0 { "*" } else { "" })).unwrap())
            .collect();
        let set = StringSet::new(patterns);
        assert!(set.matches(b"v7"));
        assert!(set.matches(b"v10 and more"));
        assert!(!set.matches(b"v7 and more"));
    }
}
