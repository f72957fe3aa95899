//! A policy with its candidate, as the filter gets both.

use std::fmt;

use sallyport_core::policy::MAX_REGIONS;
use sallyport_core::wire::{self, Canary, Stage};
use sallyport_core::{InvalidPolicy, Needs, Refusal, RuleRef, Verdict};

use crate::meaning::{BUDGET, Change, Policy, PolicyDiff, Region, View, diff};
use crate::model::Candidate;
use crate::scenario::Effect;

/// Why a change could not be compared.
#[derive(Debug)]
pub enum NotCompared {
    /// One of the policies does not compile.
    Invalid(InvalidPolicy),
    /// The search took too many steps.
    Exhausted,
}

impl fmt::Display for NotCompared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(invalid) => invalid.fmt(f),
            Self::Exhausted => write!(f, "the comparison takes more than {BUDGET} steps"),
        }
    }
}

impl std::error::Error for NotCompared {}

/// What a candidate means for a policy, and what both ask of a connection. `host` is the one that callers use.
///
/// # Errors
/// One of the two does not compile, or the comparison takes too long.
pub fn compare(policy: &wire::Policy, candidate: &Candidate, host: &str) -> Result<(PolicyDiff, Needs), NotCompared> {
    let next = wire::Policy { rules: candidate.apply(&policy.rules), ..policy.clone() };
    let old = Policy::new(policy.clone()).map_err(NotCompared::Invalid)?;
    let new = Policy::new(next).map_err(NotCompared::Invalid)?;
    let diff = diff(&old, &new, host, BUDGET).map_err(|_| NotCompared::Exhausted)?;
    Ok((diff, old.engine().needs() | new.engine().needs()))
}

/// The policy with its candidate, the regions of the change by which the filter counts, and the digests of both. `diff` is what
/// the candidate means for it. Where there are more regions than the filter counts, those come first that refuse what was
/// allowed.
#[must_use]
pub fn with_candidate(
    policy: wire::Policy,
    candidate: &Candidate,
    diff: &PolicyDiff,
    (stage, canary): (Stage, Option<Canary>),
) -> wire::Policy {
    let candidate = wire::Candidate {
        rules: candidate.rules.clone(),
        remove: candidate.remove.clone(),
        regions: counted(diff).map(wire_region).collect(),
        ..wire::Candidate::default()
    };
    wire::Policy { candidate: Some(candidate), stage, canary, ..policy }.with_digests()
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
