//! The patterns of a rule that count in a region.

use sallyport_core::outline::{OutlinedRule, outline};
use sallyport_core::wire;

use super::diff::Comparison;
use super::formula::Formula;
use super::merge::Side;
use super::space::Exhausted;
use super::written::{lists, with_list};

/// Above this length a list is shown as it is written.
const MOST_VALUES: usize = 200;

impl Comparison<'_> {
    /// The rule with only those patterns of each list without which the region would lose requests. `formulas` say what the
    /// region is.
    pub(super) fn reduced(
        &mut self,
        side: Side,
        rule: wire::Rule,
        formulas: &[Formula],
    ) -> Result<wire::Rule, Exhausted> {
        let mut rule = rule;
        for (at, list) in lists(&rule).into_iter().enumerate() {
            if list.len() < 2 || list.len() > MOST_VALUES {
                continue;
            }
            let mut kept = list;
            let mut place = 0;
            while place < kept.len() && kept.len() > 1 {
                let mut fewer = kept.clone();
                fewer.remove(place);
                let without = with_list(&rule, at, &fewer);
                if self.loses(side, &without, formulas)? {
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

    /// When a rule of one's own matches, as one side reads it; `None`: it is no rule.
    fn formula_of(&mut self, side: Side, rule: &wire::Rule) -> Option<Formula> {
        let own = usize::from(side == Side::New);
        let policy = self.policies.get(own)?;
        let source = wire::Policy { rules: vec![rule.clone()], ..policy.source().clone() };
        let outline = outline(&source).ok()?;
        let rule: &OutlinedRule = outline.rules.first()?;
        Some(self.readings.get(own)?.rule(&mut self.space, rule))
    }
}
