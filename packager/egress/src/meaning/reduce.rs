//! The patterns of a rule that count in a region.

use sallyport_core::outline::{OutlinedRule, outline};
use sallyport_core::wire;

use super::diff::Comparison;
use super::formula::Formula;
use super::lists::universe;
use super::merge::Side;
use super::space::Exhausted;
use super::written::{lists, with_list};

/// Above this length a list is shown as it is written.
const MOST_VALUES: usize = 200;

impl Comparison<'_> {
    /// The part of a rule that counts for these requests: the entries and patterns without which it would lose some.
    pub(super) fn part(&mut self, side: Side, rule: wire::Rule, formulas: &[Formula]) -> Result<wire::Rule, Exhausted> {
        let mut rule = rule;
        let lengths = |rule: &wire::Rule| [rule.from.as_ref().map(Vec::len), rule.to.as_ref().map(Vec::len)];
        for (is_from, length) in [true, false].into_iter().zip(lengths(&rule)) {
            // From the end, so that the places of those that are left stay.
            for at in (0..length.unwrap_or(0)).rev() {
                let mut fewer = rule.clone();
                let left = if is_from { without(&mut fewer.from, at) } else { without(&mut fewer.to, at) };
                if left > 0 && !self.loses(side, &fewer, formulas)? {
                    rule = fewer;
                }
            }
        }
        self.reduced(side, rule, formulas)
    }

    /// The rule with only those patterns of each list without which the region would lose requests, or the rule gain some. `formulas` say what the
    /// region is.
    pub(super) fn reduced(
        &mut self,
        side: Side,
        rule: wire::Rule,
        formulas: &[Formula],
    ) -> Result<wire::Rule, Exhausted> {
        let mut rule = rule;
        for (at, (list, is_not)) in lists(&rule).into_iter().enumerate() {
            if list.len() < 2 || list.len() > MOST_VALUES {
                continue;
            }
            let kept = self.needed(&Place { side, rule: &rule, at, is_not, formulas }, &list, &[])?;
            // A list of nothing would be no list.
            let kept = if kept.is_empty() { list.into_iter().take(1).collect() } else { kept };
            rule = with_list(&rule, at, &kept);
        }
        Ok(rule)
    }

    /// Those of the values that are needed beside the others: by halves, because most often few are.
    fn needed(&mut self, place: &Place<'_>, values: &[String], others: &[String]) -> Result<Vec<String>, Exhausted> {
        let is_enough = !others.is_empty() && !self.is_missed(place, others)?;
        if is_enough || values.is_empty() {
            return Ok(Vec::new());
        }
        let (first, second) = values.split_at(values.len() / 2);
        if first.is_empty() {
            return Ok(values.to_vec());
        }
        let beside = |half: &[String]| [half, others].concat();
        let first = self.needed(place, first, &beside(second))?;
        let second = self.needed(place, second, &beside(&first))?;
        Ok([first, second].concat())
    }

    /// Whether the rule with this list instead is another: it matches fewer requests of the region, or, for a `not` list, it
    /// matches more of any.
    fn is_missed(&mut self, place: &Place<'_>, values: &[String]) -> Result<bool, Exhausted> {
        let rule = with_list(place.rule, place.at, values);
        if place.is_not {
            let Some(current) = self.formula_of(place.side, place.rule) else { return Ok(true) };
            return self.gains(place.side, &rule, &current);
        }
        self.loses(place.side, &rule, place.formulas)
    }

    /// Whether a request of the region does not match this rule.
    pub(super) fn loses(&mut self, side: Side, rule: &wire::Rule, formulas: &[Formula]) -> Result<bool, Exhausted> {
        let Some(formula) = self.formula_of(side, rule) else { return Ok(true) };
        let not = formula.not();
        let mut all: Vec<&Formula> = formulas.iter().collect();
        all.push(&not);
        self.space.is_possible(&all)
    }

    /// Whether this rule matches a request for which the formula does not hold.
    fn gains(&mut self, side: Side, rule: &wire::Rule, of: &Formula) -> Result<bool, Exhausted> {
        let Some(formula) = self.formula_of(side, rule) else { return Ok(true) };
        let mut all = universe(&mut self.space);
        all.extend([formula, of.not()]);
        self.space.is_possible(&all.iter().collect::<Vec<_>>())
    }

    /// When a rule of one's own matches, as one side reads it; `None`: it is no rule.
    pub(super) fn formula_of(&mut self, side: Side, rule: &wire::Rule) -> Option<Formula> {
        let own = usize::from(side == Side::New);
        let policy = self.policies.get(own)?;
        let source = wire::Policy { rules: vec![rule.clone()], ..policy.source().clone() };
        let outline = outline(&source).ok()?;
        let rule: &OutlinedRule = outline.rules.first()?;
        Some(self.readings.get(own)?.rule(&mut self.space, rule))
    }
}

/// A list of a rule.
struct Place<'r> {
    side: Side,
    rule: &'r wire::Rule,
    at: usize,
    is_not: bool,
    /// What the region is.
    formulas: &'r [Formula],
}

/// Takes an entry out of a list; how many are left.
fn without<T>(list: &mut Option<Vec<T>>, at: usize) -> usize {
    let Some(list) = list else { return 0 };
    if at < list.len() {
        list.remove(at);
    }
    list.len()
}
