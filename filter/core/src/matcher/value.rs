//! Conditions on values that a request may carry several times: headers, query parameters, claims.

use super::regex::RegexSet;
use super::string::StringSet;

/// What one value must satisfy.
#[derive(Clone, Debug, Default)]
pub struct ValueTest {
    /// One of these must match, if written.
    pub(crate) values: Option<StringSet>,
    /// Or one of these.
    pub(crate) regex: Option<RegexSet>,
    /// None of these may.
    pub(crate) not_values: Option<StringSet>,
    /// Nor of these.
    pub(crate) not_regex: Option<RegexSet>,
}

/// Which occurrences count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantifier {
    /// One satisfying occurrence is enough.
    Any,
    /// Every occurrence must satisfy.
    All,
}

impl ValueTest {
    /// Whether the test demands something, rather than only forbidding.
    #[must_use]
    pub fn is_positive(&self) -> bool {
        self.values.is_some() || self.regex.is_some()
    }

    /// Whether one value satisfies the test.
    #[must_use]
    pub fn satisfied_by(&self, value: &[u8]) -> bool {
        (!self.is_positive() || self.matches(value)) && !self.forbids(value)
    }

    /// Whether the positive part matches.
    #[must_use]
    pub fn matches(&self, value: &[u8]) -> bool {
        self.values.as_ref().is_some_and(|values| values.matches(value))
            || self.regex.as_ref().is_some_and(|regex| regex.matches(value))
    }

    /// Whether the negative part matches.
    #[must_use]
    pub fn forbids(&self, value: &[u8]) -> bool {
        self.not_values.as_ref().is_some_and(|values| values.matches(value))
            || self.not_regex.as_ref().is_some_and(|regex| regex.matches(value))
    }

    /// Whether a repeated attribute satisfies the test, as told in [`authz`](crate::authz).
    #[must_use]
    pub fn holds<V: AsRef<[u8]>>(
        &self,
        quantifier: Quantifier,
        occurrences: impl Iterator<Item = V>,
        split_elements: bool,
    ) -> bool {
        let mut seen = false;
        for occurrence in occurrences {
            seen = true;
            let value = occurrence.as_ref();
            let satisfied = self.satisfied_by(value)
                || (quantifier == Quantifier::Any
                    && split_elements
                    && self.is_positive()
                    && elements(value).any(|element| self.satisfied_by(element)));
            match (quantifier, satisfied) {
                (Quantifier::Any, true) => return true,
                (Quantifier::All, false) => return false,
                (Quantifier::Any, false) | (Quantifier::All, true) => {}
            }
        }
        if seen { quantifier == Quantifier::All } else { !self.is_positive() }
    }
}

/// The elements of a comma-separated header line (RFC 9110, 5.6.1).
fn elements(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matcher::string::StringPattern;

    fn set(patterns: &[&str]) -> Option<StringSet> {
        let parsed = patterns.iter().map(|text| StringPattern::parse(text).unwrap()).collect();
        (!patterns.is_empty()).then(|| StringSet::new(parsed))
    }

    #[test]
    fn occurrences() {
        use Quantifier::{All, Any};
        for (values, not_values, quantifier, lines, expected) in [
            (&["a"][..], &[][..], All, &["a"][..], true),
            (&["a"], &[], All, &["a", "b"], false),
            (&["a"], &[], Any, &["b", "a"], true),
            (&["a"], &[], Any, &["b, a"], true),
            (&["a"], &[], All, &["b, a"], false),
            (&["a"], &[], All, &[], false),
            (&["a"], &[], Any, &[], false),
            (&[], &["a"], All, &[], true),
            (&[], &["a"], Any, &[], true),
            (&[], &["a"], All, &["b", "a"], false),
            (&[], &["a"], Any, &["b", "a"], true),
            (&[], &["a"], Any, &["a"], false),
            (&["x*"], &["xa"], Any, &["xa", "xb"], true),
            (&["x*"], &["xa"], All, &["xa", "xb"], false),
        ] {
            let test = ValueTest { values: set(values), not_values: set(not_values), ..ValueTest::default() };
            assert_eq!(
                test.holds(quantifier, lines.iter().copied(), true),
                expected,
                "{values:?} not {not_values:?} {quantifier:?} on {lines:?}"
            );
        }
    }
}
