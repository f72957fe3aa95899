//! Paths: exact, `/prefix*`, `*suffix`, `*`, and templates with `{*}` and `{**}`.
//!
//! Patterns are written in the canonical form of request paths: `/a-b` and not `/a%2Db`, `/%C3%A9` and not `/é`. Others
//! are refused, and the message has that form. A spelling that requests may have, such as `/%c3%a9` or `/%40a`, may be
//! written beside its canonical form: such a request is read in both, and an ALLOW rule must match both.

mod literal;
mod template;

use alloc::boxed::Box;
#[cfg(feature = "compile")]
use alloc::string::String;
#[cfg(feature = "compile")]
use alloc::vec::Vec;
#[cfg(feature = "compile")]
use core::fmt;

use self::literal::canonical_literal;
pub(crate) use self::template::split_segment;
pub use self::template::{Segment, Template};
use super::set::{Pattern, PatternSet};
use crate::problem::{Flaw, PolicyCode};
use crate::request::path::Tolerance;
#[cfg(feature = "compile")]
use crate::request::path::canonical_pattern;
#[cfg(feature = "compile")]
use crate::wire::Ambiguity;

/// One path pattern.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathPattern {
    /// The whole path.
    Exact(Box<[u8]>),
    /// The path begins so.
    Prefix(Box<[u8]>),
    /// The path ends so.
    Suffix(Box<[u8]>),
    /// Any path.
    Present,
    /// Segment by segment.
    Template(Template),
}

impl PathPattern {
    /// Reads a pattern.
    pub(crate) fn parse(text: &str, tolerance: Tolerance) -> Result<Self, Flaw> {
        if text.is_empty() {
            return Err(Flaw::new(PolicyCode::EmptyValue, format_args!("the path is empty"))
                .help(format_args!("write a path, or `*` for any")));
        }
        if text == "*" {
            return Ok(Self::Present);
        }
        if text.contains(['{', '}']) {
            return Template::parse(text, tolerance).map(Self::Template);
        }
        let literal = |text: &str| canonical_literal(text, tolerance);
        let inside = |text: &str| {
            Flaw::new(PolicyCode::Wildcard, format_args!("`*` cannot stand inside `{text}`")).help(format_args!(
                "a `*` may stand at the beginning or at the end; `{{*}}` is one segment, `{{**}}` any number of them"
            ))
        };
        // A suffix need not begin with `/`: `*.png` is Istio's own example.
        if let Some(suffix) = text.strip_prefix('*') {
            if suffix.contains('*') {
                return Err(inside(text));
            }
            return Ok(Self::Suffix(literal(suffix)?));
        }
        if !text.starts_with('/') {
            return Err(Flaw::new(PolicyCode::Path, format_args!("the path `{text}` does not begin with `/`"))
                .help(format_args!("did you mean `/{text}`?")));
        }
        if let Some(prefix) = text.strip_suffix('*') {
            if prefix.contains('*') {
                return Err(inside(text));
            }
            return Ok(Self::Prefix(literal(prefix)?));
        }
        if text.contains('*') {
            return Err(inside(text));
        }
        Ok(Self::Exact(literal(text)?))
    }

    /// A flaw, if the pattern is not in canonical form and `all` lacks that form. Alone it could never allow, and would deny
    /// one spelling of two. Checked where policies are written; the filter takes what was checked.
    #[cfg(feature = "compile")]
    pub(crate) fn check_beside(&self, all: &[Self], tolerance: Tolerance) -> Result<(), Flaw> {
        let canonical = self.map_literals(&|literal| canonical_pattern(literal, tolerance).map(Vec::into_boxed_slice));
        // An ambiguous literal has been refused by `parse` already: one problem is enough.
        let Ok(canonical) = canonical else { return Ok(()) };
        if canonical == *self || all.contains(&canonical) {
            return Ok(());
        }
        Err(Flaw::new(PolicyCode::Path, format_args!("the path `{self}` is not in the form that requests have"))
            .help(format_args!("write `{canonical}`; in an ALLOW rule, write both if clients send the other form")))
    }

    #[cfg(feature = "compile")]
    fn map_literals(&self, map: &MapLiteral<'_>) -> Result<Self, Ambiguity> {
        Ok(match self {
            Self::Exact(literal) => Self::Exact(map(literal)?),
            Self::Prefix(literal) => Self::Prefix(map(literal)?),
            Self::Suffix(literal) => Self::Suffix(map(literal)?),
            Self::Present => Self::Present,
            Self::Template(Template { segments, rest }) => {
                let segment = |segment: &Segment| match segment {
                    Segment::Literal(literal) => map(literal).map(Segment::Literal),
                    Segment::One => Ok(Segment::One),
                };
                let segments = segments.iter().map(segment).collect::<Result<_, _>>()?;
                Self::Template(Template { segments, rest: rest.as_deref().map(map).transpose()? })
            }
        })
    }

    /// Whether the pattern matches a canonical path.
    #[must_use]
    pub fn matches(&self, path: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => **exact == *path,
            Self::Prefix(prefix) => path.starts_with(prefix),
            Self::Suffix(suffix) => path.ends_with(suffix),
            Self::Present => !path.is_empty(),
            Self::Template(template) => template.matches(path),
        }
    }
}

#[cfg(feature = "compile")]
type MapLiteral<'m> = dyn Fn(&[u8]) -> Result<Box<[u8]>, Ambiguity> + 'm;

/// As it is written.
#[cfg(feature = "compile")]
impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy;
        match self {
            Self::Exact(literal) => f.write_str(&text(literal)),
            Self::Prefix(literal) => write!(f, "{}*", text(literal)),
            Self::Suffix(literal) => write!(f, "*{}", text(literal)),
            Self::Present => f.write_str("*"),
            Self::Template(template) => {
                for segment in &template.segments {
                    match segment {
                        Segment::Literal(literal) => write!(f, "/{}", text(literal))?,
                        Segment::One => f.write_str("/{*}")?,
                    }
                }
                template.rest.as_ref().map_or(Ok(()), |rest| write!(f, "/{{**}}{}", text(rest)))
            }
        }
    }
}

impl Pattern for PathPattern {
    fn matches(&self, path: &[u8]) -> bool {
        Self::matches(self, path)
    }

    fn into_exact(self) -> Result<Box<[u8]>, Self> {
        match self {
            Self::Exact(text) => Ok(text),
            other => Err(other),
        }
    }
}

/// Several path patterns, of which one must match.
pub type PathSet = PatternSet<PathPattern>;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<PathPattern, Flaw> {
        PathPattern::parse(text, Tolerance::default())
    }

    #[test]
    fn patterns_match_canonical_paths() {
        for (pattern, path, expected) in [
            ("/get", "/get", true),
            ("/get", "/get/", false),
            ("/st*", "/status/1", true),
            ("*.png", "/a/b.png", true),
            ("*", "/", true),
            ("/status/{*}", "/status/200", true),
            ("/status/{*}", "/status/", false),
            ("/status/{*}", "/status/200/x", false),
            ("/{*}/b/{*}", "/a/b/c", true),
            ("/foo/{**}", "/foo/", true),
            ("/foo/{**}", "/foo/a/b", true),
            ("/foo/{**}", "/foo", false),
            ("/foo/{**}/", "/foo/bar/", true),
            ("/foo/{**}/", "/foo//", true),
            ("/foo/{**}/", "/foo/bar", false),
            ("/foo/{**}/", "/foo/", false),
            ("/foo/{**}/bar", "/foo/x/y/bar", true),
            ("/foo/{**}/bar", "/foo/bar", false),
            ("/{*}/{**}", "/a/", true),
            ("/{**}", "/", true),
            ("/a%C3%A9", "/a%C3%A9", true),
            ("/a%c3%A9", "/a%C3%A9", false),
        ] {
            assert_eq!(parse(pattern).unwrap().matches(path.as_bytes()), expected, "{pattern} on {path}");
        }
    }

    #[test]
    fn bad_patterns_are_refused() {
        for (pattern, code) in [
            ("", PolicyCode::EmptyValue),
            ("get", PolicyCode::Path),
            ("/a?b=c", PolicyCode::Path),
            ("/a//b", PolicyCode::Path),
            ("/a/../b", PolicyCode::Path),
            ("/a;b", PolicyCode::Path),
            ("/a%2fb", PolicyCode::Path),
            ("/a%zz", PolicyCode::Path),
            ("/a%2db", PolicyCode::Path),
            ("/é", PolicyCode::Path),
            ("/a/{*}/%41", PolicyCode::Path),
            ("/a#b", PolicyCode::Path),
            ("/a*b", PolicyCode::Wildcard),
            ("*a*", PolicyCode::Wildcard),
            ("/foo/{*}.txt", PolicyCode::PathTemplate),
            ("/foo/{**}/{*}", PolicyCode::PathTemplate),
            ("/foo/{**}/{**}", PolicyCode::PathTemplate),
            ("/foo/{id}", PolicyCode::PathTemplate),
            ("/foo/{*", PolicyCode::PathTemplate),
            ("/foo/{*}/x*", PolicyCode::PathTemplate),
            ("foo/{*}", PolicyCode::PathTemplate),
        ] {
            assert_eq!(parse(pattern).unwrap_err().code, code, "{pattern}");
        }
    }

    #[test]
    fn other_spellings_stand_beside_the_canonical_form() {
        let texts = ["/%c3%a9", "/%C3%A9", "/%C3%a9", "/x/%e2%82%ac/*", "*%40", "*@", "/{*}/[a]", "/{*}/%5Ba%5D"];
        let all: Vec<_> = texts.iter().map(|text| parse(text).unwrap()).collect();
        for (text, pattern) in texts.iter().zip(&all) {
            assert_eq!(pattern.to_string(), *text);
            let flaw = pattern.check_beside(&all, Tolerance::default()).err();
            assert_eq!(flaw.is_some(), *text == "/x/%e2%82%ac/*", "{text}");
            assert!(flaw.is_none_or(|flaw| flaw.help.unwrap().contains("`/x/%E2%82%AC/*`")));
        }
        for text in ["/a/%3A", "/{**}/%40/b", "*[", "/a|*"] {
            let pattern = parse(text).unwrap();
            assert!(pattern.check_beside(std::slice::from_ref(&pattern), Tolerance::default()).is_err(), "{text}");
        }
    }
}
