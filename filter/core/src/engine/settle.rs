//! From what matched to a decision: the verdicts of both policies, which of them counts, and what is told of the other.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::Engine;
use crate::authz::{self, Matches, Ruling};
use crate::policy::rollout::{Candidate, Region};
use crate::policy::rule::CompiledRule;
use crate::request::canonical::CanonicalRequest;
use crate::request::doubts::Doubts;
use crate::request::principal::Principal;
use crate::side::Side;
use crate::verdict::{Decision, Permit, Reason, Refusal, RuleRef, Shadow, Trial, Verdict};

/// The verdict of the policy in force, and that of the candidate.
type Verdicts<'e> = [Verdict<'e>; Side::COUNT];

impl Engine {
    /// The decision about a request that is ambiguous for both policies. Who calls is not known.
    pub(super) fn refuse_ambiguity(&self, doubts: Doubts) -> Decision<'_> {
        let verdicts = self.verdicts(|side| ambiguous(doubts, side).unwrap_or(NOTHING_ALLOWS));
        // No rule matches what cannot be read.
        let has_no_part = |(_, region): (u8, &Region)| region.rule.is_none();
        self.settle(verdicts, self.policy.rollout.decides(None), has_no_part)
    }

    /// The decision about a request that was read; the caller is told by others.
    pub(super) fn decision<'r>(&'r self, request: &CanonicalRequest<'_>, matches: &Matches) -> Decision<'r> {
        // Both verdicts come from the same search, so the second one costs no evaluation of rules.
        let verdicts = self.verdicts(|side| {
            ambiguous(request.doubts, side).unwrap_or_else(|| self.judge(request, matches.ruling(side), side))
        });
        let rollout = &self.policy.rollout;
        let decides = rollout.decides(request.caller.principal.as_ref().map(Principal::as_str));
        let audits = matches.audits().iter().filter(|position| {
            // Without a candidate beside the policy, what is in shadow is recorded, too. A policy for which the request is
            // ambiguous looks at no rule.
            let is_of = |rule: &CompiledRule| rollout.candidate.is_none() || rule.sides.contains(decides);
            request.doubts.of(decides).is_none() && self.compiled(**position).is_some_and(is_of)
        });
        let audits = audits.filter_map(|position| self.rule(*position)).collect();
        let decision = self.settle(verdicts, decides, |(number, region)| self.is_in(request, matches, number, region));
        Decision { audits, ..decision }
    }

    /// What the two policies decide.
    fn verdicts<'r>(&self, decide: impl Fn(Side) -> Verdict<'r>) -> Verdicts<'r> {
        let candidate = decide(Side::Candidate);
        let in_force = match candidate {
            // Every request passes; the rule that would allow it is told all the same.
            Verdict::Continue(permit) if self.policy.rollout.is_open => Verdict::Continue(permit),
            Verdict::Refuse(_) if self.policy.rollout.is_open => Verdict::Continue(Permit::new(None)),
            _ => decide(Side::InForce),
        };
        [in_force, candidate]
    }

    fn settle<'r>(
        &'r self,
        verdicts: Verdicts<'r>,
        decides: Side,
        is_in: impl Fn((u8, &Region)) -> bool,
    ) -> Decision<'r> {
        let [in_force, candidate] = verdicts;
        let (verdict, shadow) = match decides {
            Side::InForce => (in_force, would(&in_force, &candidate)),
            Side::Candidate => (candidate, None),
        };
        let trial = self.policy.rollout.candidate.as_ref().filter(|_| !is_same(&in_force, &candidate));
        let trial = trial.map(|of| trial_of(of, verdicts, decides, is_in));
        Decision { verdict, shadow, trial, audits: Vec::new(), caller: crate::verdict::CallerIdentity::default() }
    }

    fn judge(&self, request: &CanonicalRequest<'_>, ruling: Ruling, side: Side) -> Verdict<'_> {
        let refuse = |reason, rule| Verdict::Refuse(Refusal { reason, rule });
        match ruling {
            Ruling::Allowed(position) => match self.rule(position) {
                Some(rule) => Verdict::Continue(Permit::new(Some(rule))),
                // Cannot happen.
                None => NOTHING_ALLOWS,
            },
            Ruling::Denied(position) => refuse(Reason::Denied, self.rule(position)),
            Ruling::Default => {
                let reading = &self.policy.reading;
                let sees = (reading.certificates.contains(side), reading.metadata.contains(side));
                refuse(self.requirements(side).default_reason(request, sees), None)
            }
        }
    }

    /// Whether a request that the policies decide in the way of a region is in it.
    fn is_in(&self, request: &CanonicalRequest<'_>, matches: &Matches, number: u8, region: &Region) -> bool {
        let holds = |rule: &CompiledRule| authz::matches(rule, request);
        let has_part = |at| matches.has_region(number) && self.policy.rules.get(at).is_some_and(holds);
        region.rule.is_none_or(has_part)
            && region.and.as_ref().is_none_or(holds)
            && !region.fails.as_ref().is_some_and(holds)
    }

    fn compiled(&self, position: u32) -> Option<&CompiledRule> {
        self.policy.rules.get(usize::try_from(position).ok()?)
    }

    fn rule(&self, position: u32) -> Option<RuleRef<'_>> {
        self.compiled(position).map(|rule| RuleRef { index: position, id: &rule.id })
    }
}

/// If anything were missing, nothing would allow the request.
const NOTHING_ALLOWS: Verdict<'_> = Verdict::Refuse(Refusal { reason: Reason::NotAllowed, rule: None });

fn ambiguous<'e>(doubts: Doubts, side: Side) -> Option<Verdict<'e>> {
    doubts.of(side).map(|kind| Verdict::Refuse(Refusal { reason: Reason::Ambiguous(kind), rule: None }))
}

/// What would happen by the candidate, where that is something else.
fn would<'e>(in_force: &Verdict<'e>, candidate: &Verdict<'e>) -> Option<Shadow<'e>> {
    match (in_force, candidate) {
        (Verdict::Continue(_), Verdict::Refuse(refusal)) => Some(Shadow::WouldRefuse(*refusal)),
        (Verdict::Refuse(_), Verdict::Continue(permit)) => permit.rule().map(Shadow::WouldContinue),
        _ => None,
    }
}

/// Whether two policies decide a request alike: a rule of the same id may be another one.
fn is_same(one: &Verdict<'_>, other: &Verdict<'_>) -> bool {
    match (one, other) {
        (Verdict::Continue(one), Verdict::Continue(other)) => is_same_rule(one.rule(), other.rule()),
        (Verdict::Refuse(one), Verdict::Refuse(other)) => {
            one.reason == other.reason && is_same_rule(one.rule, other.rule)
        }
        _ => false,
    }
}

fn is_same_rule(one: Option<RuleRef<'_>>, other: Option<RuleRef<'_>>) -> bool {
    one.map(|rule| rule.id) == other.map(|rule| rule.id)
}

fn trial_of<'e>(
    candidate: &'e Candidate,
    verdicts: Verdicts<'e>,
    decides: Side,
    is_in: impl Fn((u8, &Region)) -> bool,
) -> Trial<'e> {
    let words = verdicts.map(|verdict| verdict.to_string());
    let find = |loosely| {
        let mut regions = (0_u8..).zip(&candidate.regions);
        regions.find(|(number, region)| region.has_outcomes(&words, loosely) && is_in((*number, region)))
    };
    let found = find(false).or_else(|| find(true));
    Trial {
        region: found.map_or(candidate.regions.len(), |(number, _)| number.into()),
        id: found.map_or(Trial::OTHER, |(_, region)| &region.id),
        verdicts,
        decides_candidate: decides == Side::Candidate,
    }
}
