//! Regular expressions: bounded in size, linear in time, over the whole value.
//!
//! # Design
//!
//! `regex-lite` costs about 80 KB of module, a tenth of `regex`, and runs a Pike VM: no backtracking, so no input can
//! make it slow beyond (pattern size) x (value size). It reads `str`; a value with bytes above 0x7f is read as Latin-1,
//! one character a byte, so that no byte sequence escapes a match (Envoy's own matcher failed open there,
//! CVE-2026-73552).

use std::sync::Arc;

use regex_lite::{Regex, RegexBuilder};

use super::Flaw;
use crate::policy::error::Code;

/// Longest pattern, in bytes.
pub const MAX_PATTERN: usize = 1024;
/// Most distinct patterns in one policy.
pub const MAX_PATTERNS: usize = 256;
/// Largest compiled program, in bytes.
const MAX_PROGRAM: usize = 1 << 18;

/// Compiles each distinct pattern once.
#[derive(Debug, Default)]
pub struct RegexCompiler {
    /// Few enough to be searched through.
    compiled: Vec<(String, Arc<Regex>)>,
}

impl RegexCompiler {
    /// Compiles one pattern.
    pub fn compile(&mut self, pattern: &str) -> Result<Arc<Regex>, Flaw> {
        if let Some((_, known)) = self.compiled.iter().find(|(known, _)| known == pattern) {
            return Ok(Arc::clone(known));
        }
        if pattern.is_empty() {
            return Err(Flaw::new(Code::EmptyValue, format_args!("the regular expression is empty")));
        }
        if pattern.len() > MAX_PATTERN {
            return Err(Flaw::new(
                Code::Regex,
                format_args!("the regular expression is longer than {MAX_PATTERN} bytes"),
            ));
        }
        if self.compiled.len() >= MAX_PATTERNS {
            return Err(Flaw::new(
                Code::Limit,
                format_args!("more than {MAX_PATTERNS} different regular expressions in one policy"),
            )
            .help(format_args!("write templates or prefixes, which are indexed")));
        }
        // By itself first: `a)|(b` must not become well formed by what is put around it.
        build(pattern)?;
        let whole = Arc::new(build(&format!(r"\A(?:{pattern})\z"))?);
        self.compiled.push((pattern.to_owned(), Arc::clone(&whole)));
        Ok(whole)
    }
}

fn build(pattern: &str) -> Result<Regex, Flaw> {
    RegexBuilder::new(pattern).size_limit(MAX_PROGRAM).build().map_err(|error| {
        Flaw::new(Code::Regex, format_args!("`{pattern}` is not a regular expression: {error}"))
            .help(format_args!("the syntax is that of RE2 without Unicode classes, look-around and back-references"))
    })
}

/// Several expressions, of which one must match the whole value.
#[derive(Clone, Debug)]
pub struct RegexSet(Vec<Arc<Regex>>);

impl RegexSet {
    /// A set of these expressions.
    #[must_use]
    pub fn new(expressions: Vec<Arc<Regex>>) -> Self {
        Self(expressions)
    }

    /// Whether one of them matches.
    #[must_use]
    pub fn matches(&self, value: &[u8]) -> bool {
        if value.is_ascii()
            && let Ok(text) = std::str::from_utf8(value)
        {
            return self.0.iter().any(|expression| expression.is_match(text));
        }
        let latin1: String = value.iter().copied().map(char::from).collect();
        self.0.iter().any(|expression| expression.is_match(&latin1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, value: &[u8]) -> bool {
        RegexSet::new(vec![RegexCompiler::default().compile(pattern).unwrap()]).matches(value)
    }

    #[test]
    fn the_whole_value_is_meant() {
        assert!(matches("a|b", b"b"));
        assert!(!matches("a|b", b"ab"));
        assert!(!matches("a", b"a\n"));
        assert!(matches("(?m)a$", b"a"));
        assert!(!matches("(?m)^a$", b"a\nb"));
    }

    #[test]
    fn bytes_above_ascii_are_seen() {
        assert!(matches(".*evil.*", b"\xff evil \xfe"));
        assert!(matches("\u{ff}", b"\xff"));
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        let mut compiler = RegexCompiler::default();
        for pattern in ["(", "a)|(b", "(?=x)", r"\1", "x{1000000}"] {
            assert_eq!(compiler.compile(pattern).unwrap_err().code, Code::Regex, "{pattern}");
        }
        assert_eq!(compiler.compile(&"a".repeat(2000)).unwrap_err().code, Code::Regex);
    }
}
