//! The candidate: rules in place of others, rules that it does not have, and the regions of the change.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Compiler, MAX_RULES};
use crate::map::ByteMap;
use crate::policy::rollout::{Candidate, MAX_REGIONS, Region, Rollout, Share, hash};
use crate::policy::rule::CompiledRule;
use crate::problem::{Flaw, Place, PolicyCode};
use crate::side::Sides;
use crate::wire::{self, Stage};

impl Compiler<'_> {
    /// Who is decided by which policy. The candidate's rules and the parts of regions are added to the rules in force.
    /// `numbers` are those of the rules in force, by id.
    #[inline(never)]
    pub(super) fn rollout(
        &mut self,
        source: &wire::Policy,
        numbers: &ByteMap,
        rules: &mut Vec<CompiledRule>,
    ) -> Rollout {
        let wire::Policy { upstream, stage, canary, candidate, .. } = source;
        let salt = candidate.as_ref().map_or(upstream, |candidate| &candidate.candidate);
        Rollout {
            stage: *stage,
            is_open: candidate.is_none() && *stage != Stage::Enforce,
            share: self.share(*stage, canary.as_ref(), hash(0, salt.as_bytes())),
            candidate: candidate.as_ref().map(|candidate| self.candidate(candidate, numbers, rules)),
        }
    }

    fn share(&mut self, stage: Stage, canary: Option<&wire::Canary>, salt: u64) -> Share {
        let place = Place::Field("canary");
        let Some(wire::Canary { percent, callers }) = canary else {
            if stage == Stage::Canary {
                let flaw = Flaw::new(PolicyCode::Candidate, format_args!("the canary has no callers"));
                self.report(&place, flaw.help(format_args!("write `canary` with `percent` or `callers`")));
            }
            return Share::default();
        };
        if *percent > 100 {
            let flaw = Flaw::new(PolicyCode::Candidate, format_args!("{percent} percent are more than all callers"));
            self.report(&place.field("percent"), flaw);
        }
        if *percent == 0 && callers.is_empty() {
            let flaw = Flaw::new(PolicyCode::Candidate, format_args!("the canary has no callers"));
            self.report(&place, flaw.help(format_args!("write `percent` or `callers`")));
        }
        let callers = self.principals(&place.field("callers"), callers, ("canary's caller", "caller"));
        Share { percent: *percent, callers, salt }
    }

    fn candidate(&mut self, source: &wire::Candidate, known: &ByteMap, rules: &mut Vec<CompiledRule>) -> Candidate {
        let wire::Candidate { policy: _, candidate: digest, rules: changed, remove, regions } = source;
        let place = Place::Field("candidate");
        let list = place.field("remove");
        for (position, id) in remove.iter().enumerate().filter(|(_, id)| !known.contains_key(id.as_bytes())) {
            let flaw = Flaw::new(PolicyCode::Candidate, format_args!("no rule in force has the ID `{id}`"));
            self.report(&list.item(position), flaw);
        }
        let removed: ByteMap = remove.iter().map(|id| (id.as_bytes().into(), 0)).collect();
        let list = place.field("rules");
        if changed.len() > MAX_RULES {
            self.report(&list, too_many(changed.len(), "rules", MAX_RULES));
        } else {
            self.check_unique(&list, &mut changed.iter());
            let mut next = u32::try_from(known.len()).unwrap_or(u32::MAX);
            for (position, rule) in changed.iter().enumerate() {
                let place = list.item(position);
                if rule.stage != Stage::Enforce || removed.contains_key(rule.id.as_bytes()) {
                    let flaw = Flaw::new(
                        PolicyCode::Candidate,
                        format_args!("the candidate has the rule `{}`, but does not enforce it", rule.id),
                    );
                    self.report(&place, flaw);
                }
                let rank = known.get(rule.id.as_bytes()).copied().unwrap_or_else(|| {
                    let rank = next;
                    next = next.saturating_add(1);
                    rank
                });
                rules.push(self.rule(&place, rule, Sides::CANDIDATE, rank));
            }
        }
        Candidate { digest: digest.as_str().into(), regions: self.regions(&place.field("regions"), regions, rules) }
    }

    fn regions(&mut self, list: &Place<'_>, sources: &[wire::Region], rules: &mut Vec<CompiledRule>) -> Vec<Region> {
        if sources.len() > MAX_REGIONS {
            self.report(list, too_many(sources.len(), "regions", MAX_REGIONS));
            return Vec::new();
        }
        let words = |list: &[String]| list.iter().map(|word| word.as_str().into()).collect();
        let mut regions = Vec::with_capacity(sources.len());
        for (number, source) in (0_u8..).zip(sources) {
            let wire::Region { id, in_force, candidate, rule, and, fails } = source;
            let place = list.item(number.into());
            self.check_rule_id(&place.field("id"), id);
            let mut part = |name: &'static str, rule: &Option<wire::Rule>| {
                let rule = rule.as_ref()?;
                Some(CompiledRule { region: Some(number), ..self.rule(&place.field(name), rule, Sides::NONE, 0) })
            };
            let (rule, and, fails) = (part("rule", rule), part("and", and), part("fails", fails));
            let at = rules.len();
            let rule = rule.map(|rule| {
                rules.push(rule);
                at
            });
            let (in_force, candidate) = (words(in_force), words(candidate));
            regions.push(Region { id: id.as_str().into(), in_force, candidate, rule, and, fails });
        }
        regions
    }
}

fn too_many(count: usize, noun: &str, most: usize) -> Flaw {
    Flaw::new(PolicyCode::Limit, format_args!("the candidate has {count} {noun}, but at most {most} are allowed"))
}
