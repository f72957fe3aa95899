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
            let mut kept = list;
            let mut place = 0;
            while place < kept.len() && kept.len() > 1 {
                let mut fewer = kept.clone();
                fewer.remove(place);
                let without = with_list(&rule, at, &fewer);
                let is_needed = if is_not {
                    // Without a pattern of a `not` list a rule matches more: that must be no request at all.
                    let Some(current) = self.formula_of(side, &with_list(&rule, at, &kept)) else { break };
                    self.gains(side, &without, &current)?
                } else {
                    self.loses(side, &without, formulas)?
                };
                if is_needed {
                    place = place.saturating_add(1);
                } else {
                    kept = fewer;
                }
            }
            rule = with_list(&rule, at, &kept);
        }
        Ok(rule)
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

/// Takes an entry out of a list; how many are left.
fn without<T>(list: &mut Option<Vec<T>>, at: usize) -> usize {
    let Some(list) = list else { return 0 };
    if at < list.len() {
        list.remove(at);
    }
    list.len()
}
