//! Paths: exact, `/prefix*`, `*suffix`, `*`, and templates with `{*}` and `{**}`.
//!
//! Patterns are written in the canonical form of request paths: `/a-b` and not `/a%2Db`, `/%C3%A9` and not `/é`. Others
//! are refused with that form as the cure. Only the digits of escapes may be in lower case, beside the canonical form: a
//! request for `/%c3%a9` is read in both forms, and an ALLOW rule must match both ([`check_beside`]).

use super::Flaw;
use super::set::{Pattern, PatternSet};
use crate::policy::error::Code;
use crate::request::path::{Tolerance, canonical_pattern};
use crate::verdict::Ambiguity;

/// Most segments in a template.
pub const MAX_SEGMENTS: usize = 64;

/// One path pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// A path template (Istio's `{*}` and `{**}`, Envoy's `uri_template` match).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The segments before `{**}`, or all of them.
    pub(crate) segments: Vec<Segment>,
    /// With `{**}`: the text that must follow it, often none.
    pub(crate) rest: Option<Box<[u8]>>,
}

/// One segment of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// This text.
    Literal(Box<[u8]>),
    /// `{*}`: any text but none.
    One,
}

impl PathPattern {
    /// Reads a pattern.
    pub fn parse(text: &str, tolerance: Tolerance) -> Result<Self, Flaw> {
        if text.is_empty() {
            return Err(Flaw::new(Code::EmptyValue, format_args!("the path is empty"))
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
            Flaw::new(Code::Wildcard, format_args!("`*` cannot stand inside `{text}`"))
                .help(format_args!("a `*` may stand at the beginning or at the end; one segment is `{{*}}`"))
        };
        if let Some(suffix) = text.strip_prefix('*') {
            if suffix.contains('*') {
                return Err(inside(text));
            }
            return Ok(Self::Suffix(literal(suffix)?));
        }
        if !text.starts_with('/') {
            return Err(Flaw::new(Code::Path, format_args!("the path `{text}` does not begin with `/`"))
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

fn canonical_literal(text: &str, tolerance: Tolerance) -> Result<Box<[u8]>, Flaw> {
    if text.contains('?') {
        return Err(Flaw::new(Code::Path, format_args!("the path `{text}` has a query")).help(format_args!(
            "paths are matched without query; use `when: [{{key: \"request.query[NAME]\", values: [...]}}]`"
        )));
    }
    match canonical_pattern(text.as_bytes(), tolerance) {
        Ok(canonical) if canonical == text.as_bytes() => Ok(canonical.into()),
        Ok(canonical) if canonical == with_capital_escapes(text).as_bytes() => Ok(text.as_bytes().into()),
        // Istio would match it to the letter, and so never.
        Ok(canonical) => {
            Err(Flaw::new(Code::Path, format_args!("the path `{text}` is not in the form that requests have"))
                .help(format_args!("write `{}`", String::from_utf8_lossy(&canonical))))
        }
        Err(kind) => Err(Flaw::new(
            Code::Path,
            format_args!(
                "no request with the path `{text}` ever reaches a rule: it is refused as ambiguous ({})",
                kind.as_str()
            ),
        )
        .help(format_args!("{}", instead(kind, text)))),
    }
}

/// Refuses a pattern whose escapes have lower-case digits, unless `all` has its canonical form, too. Alone, it could never
/// allow, and would deny one spelling of two.
pub(crate) fn check_beside(text: &str, all: &[String]) -> Result<(), Flaw> {
    if !text.contains('%') {
        return Ok(());
    }
    let canonical = with_capital_escapes(text);
    if canonical == text || all.contains(&canonical) {
        return Ok(());
    }
    Err(Flaw::new(Code::Path, format_args!("the path `{text}` is not in the form that requests have"))
        .help(format_args!("write `{canonical}`; in an ALLOW rule, both if clients send it so")))
}

/// The text with capital digits in its escapes.
fn with_capital_escapes(text: &str) -> String {
    let mut behind_percent = 0_u8;
    let capital = |character: char| {
        let is_digit = behind_percent > 0;
        behind_percent = if character == '%' { 2 } else { behind_percent.saturating_sub(1) };
        if is_digit { character.to_ascii_uppercase() } else { character }
    };
    text.chars().map(capital).collect()
}

/// What to write in place of a path that is ambiguous. Some kinds are of no use to tolerate: Envoy answers such requests
/// itself, or rewrites them before any filter sees them.
fn instead(kind: Ambiguity, text: &str) -> String {
    let is_plain = !text.contains(['%', ';', '\\']);
    match kind {
        Ambiguity::ControlCharacter if text.contains(' ') => format!("write `{}`", text.replace(' ', "%20")),
        Ambiguity::ControlCharacter if is_plain => {
            "write the path without it: Envoy refuses it before any rule".to_owned()
        }
        Ambiguity::Fragment | Ambiguity::EscapedNul => {
            "write the path without it: Envoy refuses it before any rule".to_owned()
        }
        Ambiguity::Backslash => format!("write `{}`: Envoy makes it so before any rule", text.replace('\\', "/")),
        Ambiguity::DotSegment if is_plain => {
            "write the path without dot segments: Envoy resolves them before any rule".to_owned()
        }
        kind => format!("write the path without it, or tolerate `{}`", kind.as_str()),
    }
}

impl Template {
    /// `/NAME/{*}`.
    pub(crate) fn below(name: &[u8]) -> Self {
        Self { segments: vec![Segment::Literal(name.into()), Segment::One], rest: None }
    }

    /// `/{*}/{*}`.
    pub(crate) fn any_call() -> Self {
        Self { segments: vec![Segment::One, Segment::One], rest: None }
    }

    fn parse(text: &str, tolerance: Tolerance) -> Result<Self, Flaw> {
        let flaw = |message: &str, help: &str| {
            Flaw::new(Code::PathTemplate, format_args!("{message} in `{text}`")).help(format_args!("{}", help))
        };
        let Some(body) = text.strip_prefix('/') else {
            return Err(flaw("a template begins with `/`", "write `/` first"));
        };
        let mut segments = Vec::new();
        let mut parts = body.split('/');
        while let Some(part) = parts.next() {
            if segments.len() >= MAX_SEGMENTS {
                return Err(flaw("more than 64 segments", "use `{**}` for a long tail"));
            }
            match part {
                "{*}" => segments.push(Segment::One),
                "{**}" => {
                    let rest = Self::parse_rest(parts.collect(), tolerance, &flaw)?;
                    return Ok(Self { segments, rest: Some(rest) });
                }
                part => segments.push(Segment::Literal(Self::parse_literal(part, tolerance, &flaw)?)),
            }
        }
        Ok(Self { segments, rest: None })
    }

    /// What stands behind `{**}`: literal segments only.
    fn parse_rest(
        parts: Vec<&str>,
        tolerance: Tolerance,
        flaw: &impl Fn(&str, &str) -> Flaw,
    ) -> Result<Box<[u8]>, Flaw> {
        let mut rest = Vec::new();
        for part in parts {
            if part == "{*}" || part == "{**}" {
                return Err(flaw("an operator follows `{**}`", "`{**}` is the last operator of a template"));
            }
            rest.push(b'/');
            rest.extend_from_slice(&Self::parse_literal(part, tolerance, flaw)?);
        }
        Ok(rest.into())
    }

    fn parse_literal(part: &str, tolerance: Tolerance, flaw: &impl Fn(&str, &str) -> Flaw) -> Result<Box<[u8]>, Flaw> {
        if part.contains(['{', '}']) {
            return Err(flaw("an operator shares its segment", "`{*}` and `{**}` stand alone between slashes"));
        }
        if part.contains('*') {
            return Err(flaw("a plain `*` stands in a template", "one segment is `{*}`, any tail is `{**}`"));
        }
        canonical_literal(part, tolerance)
    }

    /// Whether the template matches a canonical path.
    #[must_use]
    pub fn matches(&self, path: &[u8]) -> bool {
        let Some(mut remaining) = path.strip_prefix(b"/").map(Some) else { return false };
        for segment in &self.segments {
            let Some(text) = remaining else { return false };
            let (head, tail) = split_segment(text);
            if !segment.matches(head) {
                return false;
            }
            remaining = tail;
        }
        match (&self.rest, remaining) {
            (None, remaining) => remaining.is_none(),
            (Some(rest), Some(remaining)) => remaining.ends_with(rest),
            (Some(_), None) => false,
        }
    }
}

impl Segment {
    fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Literal(literal) => **literal == *text,
            Self::One => !text.is_empty(),
        }
    }
}

/// The first segment, and what follows its slash: `None` at the end of the path.
pub(crate) fn split_segment(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut parts = text.splitn(2, |byte| *byte == b'/');
    (parts.next().unwrap_or(text), parts.next())
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
            ("", Code::EmptyValue),
            ("get", Code::Path),
            ("/a?b=c", Code::Path),
            ("/a//b", Code::Path),
            ("/a/../b", Code::Path),
            ("/a;b", Code::Path),
            ("/a%2fb", Code::Path),
            ("/a%zz", Code::Path),
            ("/a%2db", Code::Path),
            ("/é", Code::Path),
            ("/a/{*}/%41", Code::Path),
            ("/a#b", Code::Path),
            ("/a*b", Code::Wildcard),
            ("*a*", Code::Wildcard),
            ("/foo/{*}.txt", Code::PathTemplate),
            ("/foo/{**}/{*}", Code::PathTemplate),
            ("/foo/{**}/{**}", Code::PathTemplate),
            ("/foo/{id}", Code::PathTemplate),
            ("/foo/{*", Code::PathTemplate),
            ("/foo/{*}/x*", Code::PathTemplate),
            ("foo/{*}", Code::PathTemplate),
        ] {
            assert_eq!(parse(pattern).unwrap_err().code, code, "{pattern}");
        }
    }

    #[test]
    fn escapes_with_lower_case_digits_stand_beside_the_canonical_form() {
        let all = ["/%c3%a9", "/%C3%A9", "/x/%e2%82%ac/*", "/a%20b", "/%C3%a9"].map(str::to_owned);
        for (text, taken) in
            [("/%c3%a9", true), ("/%C3%A9", true), ("/%C3%a9", true), ("/a%20b", true), ("/x/%e2%82%ac/*", false)]
        {
            assert_eq!(check_beside(text, &all).is_ok(), taken, "{text}");
        }
    }
}
