//! Path templates: `{*}` and `{**}`.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::literal::canonical_literal;
use crate::problem::{Flaw, PolicyCode};
use crate::request::path::Tolerance;
use crate::text::{halves, split};

/// Most segments in a template.
pub const MAX_SEGMENTS: usize = 64;

/// A path template (Istio's `{*}` and `{**}`, Envoy's `uri_template` match).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Template {
    /// The segments before `{**}`, or all of them.
    pub segments: Vec<Segment>,
    /// With `{**}`: the text that must follow it, often none.
    pub rest: Option<Box<[u8]>>,
}

/// One segment of a template.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// This text.
    Literal(Box<[u8]>),
    /// `{*}`: any text but none.
    One,
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

    pub(super) fn parse(text: &str, tolerance: Tolerance) -> Result<Self, Flaw> {
        let flaw = |message: &str, help: &str| {
            Flaw::new(PolicyCode::PathTemplate, format_args!("{message} in `{text}`")).help(format_args!("{}", help))
        };
        let Some(body) = text.strip_prefix('/') else {
            return Err(flaw("a template begins with `/`", "write `/` first"));
        };
        let mut segments = Vec::new();
        let mut parts = split(body, "/");
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

    /// What follows `{**}`: literal segments only.
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
            return Err(flaw(
                "a segment with braces is not an operator",
                "write `{*}` or `{**}`, alone between slashes",
            ));
        }
        if part.contains('*') {
            return Err(flaw("there is a plain `*`", "one segment is `{*}`, any tail is `{**}`"));
        }
        canonical_literal(part, tolerance)
    }

    /// Whether the template matches a canonical path.
    #[must_use]
    pub fn matches(&self, path: &[u8]) -> bool {
        let Some(mut remaining) = path.strip_prefix(b"/").map(Some) else { return false };
        for segment in &self.segments {
            // The path has ended before the template has.
            let Some(text) = remaining else { return false };
            let (head, tail) = split_segment(text);
            if !segment.matches(head) {
                return false;
            }
            remaining = tail;
        }
        match (&self.rest, remaining) {
            // `/a/{*}` is not `/a/b/`: behind the last slash there is a segment, if an empty one.
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
    halves(text, b'/')
}
