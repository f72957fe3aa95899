//! An entry of a list in parts: the alternatives of its rule, and the tests in which they differ from another version of it.

use sallyport_core::outline::{Outline, OutlinedRule, Test};
use sallyport_core::wire;

use super::diff::Comparison;
use super::formula::Formula;
use super::lists::{Entry, Origin};
use super::merge::Side;
use super::written::only;

/// A part of an entry.
pub(super) struct Piece {
    /// What holds for its requests beside the formula of the entry.
    pub(super) formulas: Vec<Formula>,
    /// The alternative of the rule that matches them.
    pub(super) rule: Option<wire::Rule>,
    /// The field of the rule's other version that does not match them.
    pub(super) fails: Option<(Formula, wire::Rule)>,
}

impl Comparison<'_> {
    /// The alternatives of the entry's rule, disjoint; where the other policy has the rule in another version, by the tests
    /// in which they differ.
    pub(super) fn pieces(&mut self, side: Side, entry: &Entry) -> Vec<Piece> {
        let whole = || vec![Piece { formulas: Vec::new(), rule: None, fails: None }];
        let Origin::Rule(id) = &entry.from else { return whole() };
        let [own, others] = match side {
            Side::New => [1, 0],
            Side::Old | Side::Both => [0, 1],
        };
        let version = |at: usize| {
            let (policy, reading) = (self.policies.get(at)?, self.readings.get(at)?);
            Some((policy.rule(id)?, reading, outlined(reading.outline, id)?))
        };
        let Some((rule, reading, outline)) = version(own) else { return whole() };
        let counterpart = version(others)
            .filter(|(_, _, other)| other.action == outline.action && other.enforced == outline.enforced);
        let mut pieces: Vec<Piece> = Vec::new();
        let mut before: Vec<Formula> = Vec::new();
        for (from, to) in alternatives(outline) {
            let Some(own_tests) = tests(outline, from, to) else { continue };
            let formula = reading.all(&mut self.space, &own_tests);
            let mut base = before.clone();
            base.push(formula.clone());
            before.push(formula.not());
            let cube = Some(wire::Rule {
                from: rule.from.as_ref().map(|list| list.iter().skip(from.unwrap_or(0)).take(1).cloned().collect()),
                to: rule.to.as_ref().map(|list| list.iter().skip(to.unwrap_or(0)).take(1).cloned().collect()),
                ..rule.clone()
            });
            let mut passed = base;
            if let Some((other_rule, reading, outline)) = counterpart {
                for test in tests(outline, from, to).unwrap_or_default() {
                    let holds = reading.test(&mut self.space, &test);
                    if is_part(&holds, &formula) {
                        continue;
                    }
                    let mut formulas = passed.clone();
                    formulas.push(holds.not());
                    let fails = only(other_rule, &test.place).map(|field| (holds.clone(), field));
                    pieces.push(Piece { formulas, rule: cube.clone(), fails });
                    passed.push(holds);
                }
            }
            // What the other version's alternative matches may still be missed by the version as a whole: by its mode.
            pieces.push(Piece { formulas: passed, rule: cube, fails: None });
        }
        pieces
    }
}

fn outlined<'o>(outline: &'o Outline, id: &str) -> Option<&'o OutlinedRule> {
    outline.rules.iter().find(|rule| rule.id == id)
}

/// The tests of an alternative; `None`: there is no such alternative.
fn tests(outline: &OutlinedRule, from: Option<usize>, to: Option<usize>) -> Option<Vec<Test>> {
    let pick = |list: &Option<Vec<Vec<Test>>>, at: Option<usize>| match (list, at) {
        (Some(list), Some(at)) => list.get(at).cloned(),
        (None, None) => Some(Vec::new()),
        _ => None,
    };
    Some([pick(&outline.from, from)?, pick(&outline.to, to)?, outline.when.clone()].concat())
}

/// The pairs of a source and an operation.
fn alternatives(outline: &OutlinedRule) -> Vec<(Option<usize>, Option<usize>)> {
    let indices = |list: &Option<Vec<Vec<_>>>| -> Vec<Option<usize>> {
        list.as_ref().map_or_else(|| vec![None], |list| (0..list.len()).map(Some).collect())
    };
    let from = indices(&outline.from);
    let to = indices(&outline.to);
    from.iter().flat_map(|from| to.iter().map(move |to| (*from, *to))).collect()
}

/// Whether a formula is one of the parts of a conjunction.
fn is_part(part: &Formula, of: &Formula) -> bool {
    part == of || matches!(of, Formula::All(parts) if parts.contains(part))
}
