//! Strings as Istio matches them: exact, `prefix*`, `*suffix`, and `*` for present and not empty (of a header: present).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::set::{End, Pattern, PatternSet};
use crate::problem::{Flaw, PolicyCode};

/// One pattern.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    pub(crate) fn parse(text: &str) -> Result<Self, Flaw> {
        if text.is_empty() {
            return Err(Flaw::new(PolicyCode::EmptyValue, format_args!("the value is empty"))
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
            return Err(Flaw::new(PolicyCode::Wildcard, format_args!("`*` cannot stand inside `{text}`"))
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

/// Reads a pattern of a header's value: there `*` means that the header is there, if only with an empty value, because
/// that is what Envoy's present match means.
pub(crate) fn header_pattern(text: &str) -> Result<StringPattern, Flaw> {
    Ok(match StringPattern::parse(text)? {
        StringPattern::Present => StringPattern::Prefix(Box::default()),
        pattern => pattern,
    })
}

impl Pattern for StringPattern {
    fn matches(&self, value: &[u8]) -> bool {
        Self::matches(self, value)
    }

    fn into_exact(self) -> Result<Box<[u8]>, Self> {
        match self {
            Self::Exact(text) => Ok(text),
            other => Err(other),
        }
    }

    fn into_affix(self) -> Result<(End, Box<[u8]>), Self> {
        match self {
            Self::Prefix(text) => Ok((End::First, text)),
            Self::Suffix(text) => Ok((End::Last, text)),
            other => Err(other),
        }
    }
}

/// Several patterns, of which one must match.
pub type StringSet = PatternSet<StringPattern>;

impl StringSet {
    /// The exact texts, if every pattern is exact.
    pub(crate) fn all_exact(&self) -> Option<Vec<&[u8]>> {
        if self.has_affixes() {
            return None;
        }
        let mut texts: Vec<&[u8]> = self.hashed().collect();
        for pattern in self.listed() {
            match pattern {
                StringPattern::Exact(text) => texts.push(text),
                StringPattern::Prefix(_) | StringPattern::Suffix(_) | StringPattern::Present => return None,
            }
        }
        Some(texts)
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
            assert_eq!(StringPattern::parse(pattern).unwrap_err().code, PolicyCode::Wildcard, "{pattern}");
        }
        assert_eq!(StringPattern::parse("").unwrap_err().code, PolicyCode::EmptyValue);
    }
}
