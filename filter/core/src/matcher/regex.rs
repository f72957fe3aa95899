//! Regular expressions over paths, header values and query parameters, matched against the whole value.
//!
//! # Design
//!
//! `sallyport-pattern` has the one compiler and the one meaning. Natively an expression is compiled from its text; the
//! filter takes the automaton that the policy carries beside it
//! ([`wire::Policy::automata`]). Where both are there they must agree, so a policy that
//! was tampered with does not pass `check`.
//!
//! An expression reads at most [`MAX_READ`] bytes of a value. A longer one is refused before any rule is asked
//! ([`Ambiguity::ValueTooLong`](crate::Ambiguity::ValueTooLong)) if an enforced rule would read it; under rules that do
//! not decide it counts as a match where a match restricts, and as none where a match permits.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sallyport_pattern::Pattern;

use crate::problem::{Flaw, PolicyCode};
use crate::request::reading::MAX_READ;
use crate::request::usage::Use;
use crate::wire;

/// Longest pattern, in bytes.
pub const MAX_PATTERN: usize = 1024;
/// Most distinct patterns in one policy.
pub const MAX_PATTERNS: usize = 256;
/// Most bytes of automata in one policy: an object in a cluster has room for about a million.
pub const MAX_AUTOMATA: usize = 512 * 1024;
/// Compiles each distinct pattern once, and none behind a limit: what is refused has cost time, too.
#[derive(Debug)]
pub struct RegexCompiler<'s> {
    /// What the policy carries.
    carried: &'s [wire::Automaton],
    /// Few enough to be searched through.
    compiled: Vec<(String, Arc<Pattern>)>,
    /// What was refused, and why. The filter has no compiler whose time is to be saved, and its module is small.
    #[cfg(feature = "compile")]
    refused: Vec<(String, Flaw)>,
    /// Bytes of all automata so far; one that is too large counts as much as the largest.
    bytes: usize,
    /// Whether a limit was passed, which is reported once.
    is_full: bool,
}

impl<'s> RegexCompiler<'s> {
    pub(crate) fn new(carried: &'s [wire::Automaton]) -> Self {
        Self {
            carried,
            compiled: Vec::new(),
            #[cfg(feature = "compile")]
            refused: Vec::new(),
            bytes: 0,
            is_full: false,
        }
    }

    /// Compiles one pattern. `None`: a limit was passed before and reported then, so the policy is refused.
    pub(crate) fn compile(&mut self, pattern: &str) -> Result<Option<Arc<Pattern>>, Flaw> {
        if let Some((_, known)) = self.compiled.iter().find(|(known, _)| known == pattern) {
            return Ok(Some(Arc::clone(known)));
        }
        #[cfg(feature = "compile")]
        if let Some((_, why)) = self.refused.iter().find(|(known, _)| known == pattern) {
            return Err(why.clone());
        }
        if pattern.is_empty() {
            return Err(Flaw::new(PolicyCode::EmptyValue, format_args!("the regular expression is empty")));
        }
        if pattern.len() > MAX_PATTERN {
            return Err(Flaw::new(
                PolicyCode::Regex,
                format_args!("the regular expression is longer than {MAX_PATTERN} bytes"),
            ));
        }
        if self.is_full {
            return Ok(None);
        }
        #[cfg(feature = "compile")]
        let different = self.compiled.len().saturating_add(self.refused.len());
        #[cfg(not(feature = "compile"))]
        let different = self.compiled.len();
        if different >= MAX_PATTERNS {
            self.is_full = true;
            return Err(Flaw::new(
                PolicyCode::Limit,
                format_args!("more than {MAX_PATTERNS} different regular expressions in one policy"),
            )
            .help(format_args!("write templates or prefixes, which are indexed")));
        }
        let compiled = self.build(pattern);
        if self.bytes > MAX_AUTOMATA {
            self.is_full = true;
            return Err(Flaw::new(
                PolicyCode::Limit,
                format_args!("the regular expressions of the policy need more than {MAX_AUTOMATA} bytes of automata"),
            )
            .help(format_args!("write templates or prefixes, or fewer and simpler expressions")));
        }
        #[cfg(feature = "compile")]
        if let Err(why) = &compiled {
            self.refused.push((pattern.to_owned(), why.clone()));
        }
        let compiled = compiled?;
        self.compiled.push((pattern.to_owned(), Arc::clone(&compiled)));
        Ok(Some(compiled))
    }

    fn build(&mut self, pattern: &str) -> Result<Arc<Pattern>, Flaw> {
        let carried = self.carried.iter().find(|carried| carried.pattern == pattern);
        let automaton = automaton(pattern, carried.map(|carried| carried.automaton.as_str()), &mut self.bytes)?;
        from_bytes(&automaton)
            .ok_or_else(|| Flaw::new(PolicyCode::Regex, format_args!("the automaton of `{pattern}` cannot be read")))
    }
}

/// [`Pattern::from_bytes`] without the reason: as that is not used, the code that gives it is left out.
#[inline(never)]
fn from_bytes(automaton: &[u8]) -> Option<Arc<Pattern>> {
    Pattern::from_bytes(automaton).ok().map(Arc::new)
}

/// The automaton of a pattern: compiled, and the one that the policy carries, if it carries one, must be the same. Its
/// size is added to `bytes`.
#[cfg(feature = "compile")]
fn automaton(pattern: &str, carried: Option<&str>, bytes: &mut usize) -> Result<Vec<u8>, Flaw> {
    use sallyport_pattern::{InvalidPattern, MAX_AUTOMATON, compile};

    let compiled = compile(pattern);
    *bytes = bytes.saturating_add(match &compiled {
        Ok(automaton) => automaton.len(),
        Err(InvalidPattern::TooLarge) => MAX_AUTOMATON,
        Err(InvalidPattern::Syntax(_) | InvalidPattern::Unicode) => 0,
    });
    let automaton = compiled.map_err(|invalid| match invalid {
        InvalidPattern::Syntax(what) => {
            Flaw::new(PolicyCode::Regex, format_args!("`{pattern}` is not a regular expression: {what}")).help(
                format_args!(
                    "the syntax is that of RE2, without Unicode classes; there is no look-around and no back-reference"
                ),
            )
        }
        InvalidPattern::Unicode => {
            Flaw::new(PolicyCode::Regex, format_args!("the flag `u` in `{pattern}` is not supported")).help(
                format_args!(
                    "leave `u` out, as in `(?i)` for `(?iu)`: expressions read bytes, and `.` matches every byte"
                ),
            )
        }
        InvalidPattern::TooLarge => Flaw::new(
            PolicyCode::Regex,
            format_args!("`{pattern}` needs an automaton of more than {MAX_AUTOMATON} bytes"),
        )
        .help(format_args!("write smaller numbers in `{{n,m}}`, and fewer alternatives that begin with `.*`")),
    })?;
    if carried.is_some_and(|text| BASE64.decode(text).ok().as_ref() != Some(&automaton)) {
        return Err(Flaw::new(
            PolicyCode::Regex,
            format_args!("the policy's automaton for `{pattern}` was built by another version"),
        )
        .help(format_args!("build the manifests again with this version")));
    }
    Ok(automaton)
}

#[cfg(not(feature = "compile"))]
fn automaton(pattern: &str, carried: Option<&str>, bytes: &mut usize) -> Result<Vec<u8>, Flaw> {
    let automaton = carried
        .and_then(|text| BASE64.decode(text).ok())
        .ok_or_else(|| Flaw::new(PolicyCode::Regex, format_args!("the policy carries no automaton for `{pattern}`")))?;
    *bytes = bytes.saturating_add(automaton.len());
    Ok(automaton)
}

/// The automata of these patterns, as a policy carries them. It ends at the first that [`RegexCompiler`] refuses, which
/// says why.
#[cfg(feature = "compile")]
pub(crate) fn carry<'p>(patterns: impl Iterator<Item = &'p String>) -> Vec<wire::Automaton> {
    let carried = |pattern: &String| {
        let compiled = (pattern.len() <= MAX_PATTERN).then(|| sallyport_pattern::compile(pattern))?;
        let automaton = BASE64.encode(compiled.ok()?);
        Some(wire::Automaton { pattern: pattern.clone(), automaton })
    };
    patterns.take(MAX_PATTERNS).map_while(carried).collect()
}

/// Several expressions, of which one must match the whole value.
#[derive(Clone, Debug)]
pub struct RegexSet(Vec<Arc<Pattern>>);

impl RegexSet {
    /// A set of these expressions.
    #[must_use]
    pub fn new(expressions: Vec<Arc<Pattern>>) -> Self {
        Self(expressions)
    }

    /// The expressions.
    #[cfg(feature = "compile")]
    pub(crate) fn expressions(&self) -> &[Arc<Pattern>] {
        &self.0
    }

    /// How many they are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether one of them matches. What is too long to be read matches where a match restricts.
    #[must_use]
    pub fn matches(&self, value: &[u8], by: Use) -> bool {
        if value.len() > MAX_READ {
            return by == Use::Restrictive;
        }
        #[cfg(test)]
        steps::count(self.0.len() * value.len());
        self.0.iter().any(|expression| expression.is_match(value))
    }
}

/// What the tests count: bytes that expressions have read.
#[cfg(test)]
pub(crate) mod steps {
    use core::cell::Cell;

    thread_local!(static STEPS: Cell<usize> = const { Cell::new(0) });

    pub(super) fn count(steps: usize) {
        STEPS.set(STEPS.get() + steps);
    }

    /// The steps since the last call.
    pub(crate) fn take() -> usize {
        STEPS.replace(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(pattern: &str) -> Result<Arc<Pattern>, Flaw> {
        RegexCompiler::new(&[]).compile(pattern).map(Option::unwrap)
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for pattern in ["(", "a)|(b", "(?=x)", r"\1", "x{1000000}", ".*a.{12}", "(?u)a"] {
            assert_eq!(compile(pattern).unwrap_err().code, PolicyCode::Regex, "{pattern}");
        }
        assert_eq!(compile(&"a".repeat(2000)).unwrap_err().code, PolicyCode::Regex);
        assert_eq!(compile("").unwrap_err().code, PolicyCode::EmptyValue);
    }

    #[test]
    fn a_carried_automaton_is_the_one_of_its_text() {
        let mut carried = carry(["a+".to_owned()].iter());
        assert!(RegexCompiler::new(&carried).compile("a+").is_ok());
        carried[0].pattern = "b+".to_owned();
        assert_eq!(RegexCompiler::new(&carried).compile("b+").unwrap_err().code, PolicyCode::Regex);
    }

    #[test]
    fn a_policy_holds_a_bounded_number_and_size() {
        let mut compiler = RegexCompiler::new(&[]);
        for number in 0..MAX_PATTERNS {
            compiler.compile(&format!("a{number}")).unwrap();
        }
        assert_eq!(compiler.compile("one more").unwrap_err().code, PolicyCode::Limit);
        let mut compiler = RegexCompiler::new(&[]);
        let large = (0..MAX_PATTERNS).find_map(|number| compiler.compile(&format!(".*a.{{7}}{number}")).err());
        assert_eq!(large.unwrap().code, PolicyCode::Limit);
    }

    #[test]
    fn what_is_refused_counts_too() {
        let mut compiler = RegexCompiler::new(&[]);
        let refused = |compiler: &mut RegexCompiler<'_>, text: &str| compiler.compile(text).map_err(|flaw| flaw.code);
        for number in 0..MAX_PATTERNS {
            for _ in 0..2 {
                assert_eq!(refused(&mut compiler, &format!("({number}")).unwrap_err(), PolicyCode::Regex);
            }
        }
        assert_eq!(refused(&mut compiler, "a").unwrap_err(), PolicyCode::Limit);
        // Reported once.
        assert!(refused(&mut compiler, "b").unwrap().is_none());
        assert_eq!(refused(&mut compiler, "(0").unwrap_err(), PolicyCode::Regex);

        let mut compiler = RegexCompiler::new(&[]);
        for number in 0..8 {
            for _ in 0..20 {
                assert_eq!(refused(&mut compiler, &format!(".*{number}.{{30}}")).unwrap_err(), PolicyCode::Regex);
            }
        }
        assert_eq!(refused(&mut compiler, "a").unwrap_err(), PolicyCode::Limit);
        assert!((0..10_000).all(|number| refused(&mut compiler, &format!(".*x{number}.{{30}}")).unwrap().is_none()));
    }

    #[test]
    fn what_is_too_long_counts_against_the_caller() {
        let set = RegexSet::new(vec![compile("b*").unwrap()]);
        let (longest, longer) = (vec![b'a'; MAX_READ], vec![b'a'; MAX_READ + 1]);
        for by in [Use::Restrictive, Use::Permissive] {
            assert!(!set.matches(&longest, by));
            assert_eq!(set.matches(&longer, by), by == Use::Restrictive);
        }
    }
}
