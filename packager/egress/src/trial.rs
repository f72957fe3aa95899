//! A policy with its candidate, as the filter gets both.

use sallyport_core::policy::MAX_REGIONS;
use sallyport_core::wire::{self, Candidate, Stage};
use sallyport_core::{Refusal, RuleRef, Verdict};

use crate::meaning::{Change, PolicyDiff, Region, View};
use crate::scenario::Effect;

/// The policy that a candidate makes of this one: its rules in place of those of the same id, the others at the end. It is in
/// force for everybody.
#[must_use]
pub fn next(policy: &wire::Policy, candidate: &Candidate) -> wire::Policy {
    let mut changed: Vec<&wire::Rule> = candidate.rules.iter().collect();
    let mut rules = Vec::with_capacity(policy.rules.len().saturating_add(changed.len()));
    for rule in policy.rules.iter().filter(|rule| !candidate.remove.contains(&rule.id)) {
        let instead = changed.iter().position(|changed| changed.id == rule.id);
        rules.push(instead.map_or(rule, |at| changed.remove(at)).clone());
    }
    rules.extend(changed.into_iter().cloned());
    wire::Policy { rules, candidate: None, stage: Stage::Enforce, ..policy.clone() }
}

/// The candidate that makes one list of rules another, as far as a candidate can: new rules come last.
#[must_use]
pub fn candidate(old: &[wire::Rule], new: &[wire::Rule]) -> Candidate {
    let is_in = |rules: &[wire::Rule], id: &str| rules.iter().any(|rule| rule.id == id);
    Candidate {
        rules: new.iter().filter(|rule| !old.contains(rule)).cloned().collect(),
        remove: old.iter().filter(|rule| !is_in(new, &rule.id)).map(|rule| rule.id.clone()).collect(),
        ..Candidate::default()
    }
}

/// The policy with its candidate, the regions of the change by which the filter counts, and the digests of both. `diff` is the
/// comparison of the policy with [`next`]. Where there are more regions than the filter counts, those come first that refuse
/// what was allowed.
#[must_use]
pub fn with_candidate(policy: wire::Policy, candidate: Candidate, diff: &PolicyDiff) -> wire::Policy {
    let regions = counted(diff).map(wire_region).collect();
    wire::Policy { candidate: Some(Candidate { regions, ..candidate }), ..policy }.with_digests()
}

/// The regions by which the filter counts, in its order.
pub fn counted(diff: &PolicyDiff) -> impl Iterator<Item = &Region> {
    let order = |region: &&Region| match region.change() {
        Change::Narrowed => 0,
        Change::Widened => 1,
        Change::Reason | Change::Shadow | Change::Audit => 2,
    };
    let mut regions: Vec<&Region> = diff.regions.iter().filter(|region| region.view == View::InForce).collect();
    regions.sort_by_key(order);
    regions.into_iter().take(MAX_REGIONS)
}

fn wire_region(region: &Region) -> wire::Region {
    let Region { id, old, new, others, scope, .. } = region;
    let with_others = |own: &Effect| {
        let mut words: Vec<String> = std::iter::once(own).chain(others).filter_map(word).collect();
        words.dedup();
        words
    };
    wire::Region {
        id: id.clone(),
        in_force: with_others(old),
        candidate: with_others(new),
        rule: scope.rule.clone(),
        and: scope.and.clone(),
        fails: scope.fails.clone(),
    }
}

/// The effect as [`Verdict`] is written; what Envoy answers by itself is in no region.
fn word(effect: &Effect) -> Option<String> {
    match effect {
        Effect::Allowed(None) => Some("allowed".to_owned()),
        Effect::Allowed(Some(id)) => Some(format!("allowed:{id}")),
        Effect::Refused(reason, by) => {
            let rule = by.as_ref().map(|id| RuleRef { index: 0, id });
            Some(Verdict::Refuse(Refusal { reason: *reason, rule }).to_string())
        }
        Effect::ByEnvoy(_) => None,
    }
}
