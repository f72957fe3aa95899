//! The patterns of a rule that count in a region.

use sallyport_core::outline::{OutlinedRule, outline};
use sallyport_core::wire;

use super::diff::Comparison;
use super::formula::Formula;
use super::merge::Side;
use super::space::Exhausted;

/// Above this length a list is shown as it is written.
const MOST_VALUES: usize = 200;

/// Calls `visit` with every list of values that is written in a rule, in a fixed order.
pub(super) fn each_list(rule: &mut wire::Rule, mut visit: impl FnMut(&mut Vec<String>)) {
    for entry in rule.from.iter_mut().flatten() {
        let wire::Source {
            principals,
            not_principals,
            request_principals,
            not_request_principals,
            namespaces,
            not_namespaces,
            service_accounts,
            not_service_accounts,
            trust_domains,
            not_trust_domains,
            ip_blocks,
            not_ip_blocks,
            remote_ip_blocks,
            not_remote_ip_blocks,
        } = &mut entry.source;
        for list in [
            principals,
            not_principals,
            request_principals,
            not_request_principals,
            namespaces,
            not_namespaces,
            service_accounts,
            not_service_accounts,
            trust_domains,
            not_trust_domains,
            ip_blocks,
            not_ip_blocks,
            remote_ip_blocks,
            not_remote_ip_blocks,
        ] {
            list.iter_mut().for_each(&mut visit);
        }
    }
    for entry in rule.to.iter_mut().flatten() {
        let wire::Operation {
            hosts,
            not_hosts,
            ports,
            not_ports,
            methods,
            not_methods,
            paths,
            not_paths,
            path_regex,
            not_path_regex,
            grpc,
            not_grpc,
        } = &mut entry.operation;
        for list in [
            hosts,
            not_hosts,
            ports,
            not_ports,
            methods,
            not_methods,
            paths,
            not_paths,
            path_regex,
            not_path_regex,
            grpc,
            not_grpc,
        ] {
            list.iter_mut().for_each(&mut visit);
        }
    }
    for condition in rule.when.iter_mut().flatten() {
        let wire::Condition { key: _, values, not_values, regex, not_regex, quantifier: _ } = condition;
        for list in [values, not_values, regex, not_regex] {
            list.iter_mut().for_each(&mut visit);
        }
    }
}

/// The lists of a rule, for reading.
fn lists(rule: &wire::Rule) -> Vec<Vec<String>> {
    let mut lists = Vec::new();
    each_list(&mut rule.clone(), |list| lists.push(list.clone()));
    lists
}

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
    fn loses(&mut self, side: Side, rule: &wire::Rule, formulas: &[Formula]) -> Result<bool, Exhausted> {
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

/// The rule with another list in one place.
fn with_list(rule: &wire::Rule, at: usize, values: &[String]) -> wire::Rule {
    let mut rule = rule.clone();
    let mut place = 0_usize;
    each_list(&mut rule, |list| {
        if place == at {
            *list = values.to_vec();
        }
        place = place.saturating_add(1);
    });
    rule
}
