//! Conditions on values that a request may carry several times: headers, query parameters, claims.

use super::regex::RegexSet;
use super::string::StringSet;
use crate::request::reading;
use crate::request::table::Slot;
use crate::request::usage::Use;
use crate::wire::{Action, Quantifier};

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

impl ValueTest {
    /// Whether the test demands something, rather than only forbidding.
    #[must_use]
    pub fn is_positive(&self) -> bool {
        self.values.is_some() || self.regex.is_some()
    }

    /// How many regular expressions it has.
    pub(crate) fn patterns(&self) -> usize {
        let count = |set: &Option<RegexSet>| set.as_ref().map_or(0, RegexSet::len);
        count(&self.regex).saturating_add(count(&self.not_regex))
    }

    /// Whether a header or parameter satisfies the test, in a rule of this action, as told in [`authz`](crate::authz).
    pub(crate) fn holds(&self, action: Action, quantifier: Option<Quantifier>, slot: &Slot<'_>) -> bool {
        if slot.lines().is_empty() {
            return !self.is_positive();
        }
        match quantifier {
            Some(quantifier) => self.holds_for(action, quantifier, slot),
            None => {
                let (by, not_by) = (Use::of(action, false), Use::of(action, true));
                let readings = slot.readings();
                let long = self.is_long(slot);
                // Expressions are asked last: they cost the most.
                (!self.is_positive() || readings.matches(by, |value| self.matches(by, value, long)))
                    && !readings.matches(not_by, |value| self.forbids(not_by, value, long))
            }
        }
    }

    /// The author's own choice of which occurrences count.
    fn holds_for(&self, action: Action, quantifier: Quantifier, slot: &Slot<'_>) -> bool {
        let long = self.is_long(slot);
        let satisfied = |value: &[u8]| {
            (!self.is_positive() || self.matches(Use::of(action, false), value, long))
                && !self.forbids(Use::of(action, true), value, long)
        };
        let mut lines = slot.lines().iter().map(|line| reading::trim(line));
        match quantifier {
            Quantifier::All => lines.all(satisfied),
            Quantifier::Any => lines.any(|line| {
                let in_elements = || self.is_positive() && slot.is_list() && reading::elements(line).any(satisfied);
                satisfied(line) || in_elements()
            }),
        }
    }

    /// Whether there is more than its expressions read.
    fn is_long(&self, slot: &Slot<'_>) -> bool {
        self.patterns() > 0 && slot.is_long()
    }

    /// Whether the positive part matches. `long`: all values together are too long to be read by an expression.
    fn matches(&self, by: Use, value: &[u8], long: bool) -> bool {
        one_of(&self.values, &self.regex, by, value, long)
    }

    /// Whether the negative part matches.
    fn forbids(&self, by: Use, value: &[u8], long: bool) -> bool {
        one_of(&self.not_values, &self.not_regex, by, value, long)
    }
}

fn one_of(values: &Option<StringSet>, regex: &Option<RegexSet>, by: Use, value: &[u8], long: bool) -> bool {
    let expression = |regex: &RegexSet| if long { by == Use::Restrictive } else { regex.matches(value, by) };
    values.as_ref().is_some_and(|values| values.matches(value)) || regex.as_ref().is_some_and(expression)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matcher::string::header_pattern;

    fn set(patterns: &[&str]) -> Option<StringSet> {
        let parsed = patterns.iter().map(|text| header_pattern(text).unwrap()).collect();
        (!patterns.is_empty()).then(|| StringSet::new(parsed))
    }

    #[test]
    fn readings_count_against_the_caller() {
        use Action::{Allow, Deny};
        for (values, not_values, action, lines, expected) in [
            (&["a"][..], &[][..], Allow, &["a"][..], true),
            (&["a"], &[], Allow, &[" a\t"], false),
            (&["a*"], &[], Allow, &["ab", "ac"], true),
            (&["a"], &[], Allow, &["a", "a"], false),
            (&["a"], &[], Allow, &["a", "b"], false),
            (&["a"], &[], Allow, &["b, a"], false),
            (&["a"], &[], Allow, &[], false),
            (&["a"], &[], Deny, &["b", "a"], true),
            (&["a"], &[], Deny, &["b, a"], true),
            (&["a, b"], &[], Deny, &["a", "b"], true),
            (&["a,b"], &[], Deny, &["a ,\tb"], true),
            (&["a"], &[], Deny, &["\ta"], true),
            (&["a"], &[], Deny, &[], false),
            (&[], &["a"], Allow, &[], true),
            (&[], &["a"], Allow, &["b"], true),
            (&[], &["a"], Allow, &[" a"], false),
            (&[], &["a"], Allow, &["b, a"], false),
            (&[], &["a"], Deny, &["b", "a"], true),
            (&[], &["a"], Deny, &["a"], false),
            (&[], &["a"], Deny, &["a,a"], true),
            (&[], &["a*"], Deny, &["a,a"], false),
            (&["*"], &[], Allow, &[""], true),
            (&[], &["*"], Allow, &[""], false),
        ] {
            let test = ValueTest { values: set(values), not_values: set(not_values), ..ValueTest::default() };
            let said = format!("{values:?} not {not_values:?} {action:?} on {lines:?}");
            assert_eq!(test.holds(action, None, &Slot::of_header(lines)), expected, "{said}");
        }
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
            (&["a"], &[], All, &["a "], true),
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
            for action in [Action::Allow, Action::Deny] {
                let said = format!("{values:?} not {not_values:?} {quantifier:?} on {lines:?}");
                assert_eq!(test.holds(action, Some(quantifier), &Slot::of_header(lines)), expected, "{said}");
            }
        }
    }
}
