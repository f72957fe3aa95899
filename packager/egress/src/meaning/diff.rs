//! What a change of policy means: the requests that are decided otherwise.
//!
//! # Design
//!
//! Each policy is a list of decisions of which the first that holds counts. Merged into one list, a request is decided
//! otherwise only if the first entry that holds for it is one that only one policy has; what the other policy decides is then
//! the first of its own entries behind it. So the requests that are decided otherwise fall into disjoint sets, one for each
//! pair of such entries, and each is searched for by itself. Within a pair, each alternative of the rule is a region, and
//! where the rule had another version, each test of that version which the region fails.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use sallyport_core::outline::{Outline, ReadName};

use super::ambiguous::of_ambiguity;
use super::dimension::Setting;
use super::fold::fold;
use super::formula::Formula;
use super::lists::{Entry, Origin, Reading, View, universe};
use super::merge::{Side, merge};
use super::policy::Policy;
use super::region::{Region, Scope, canonical};
use super::space::{Exhausted, Space};
use crate::scenario::{Effect, Scenario};

/// Most states that a comparison may reach, unless another bound is given.
pub const BUDGET: u64 = 20_000_000;

/// Above this number, the rules that decide the requests of a rule in the other policy have no region each.
const MOST_ALONE: usize = 4;

/// What a change of policy means.
#[derive(Debug)]
pub struct PolicyDiff {
    /// The requests that are decided otherwise, in disjoint sets.
    pub regions: Vec<Region>,
    /// Requests for which the search and an engine disagree: a fault of the search, so nothing is said about such requests.
    pub undecided: Vec<Undecided>,
}

/// A request that the search expected to be decided in another way than it is.
#[derive(Debug)]
pub struct Undecided {
    /// The request.
    pub scenario: Scenario,
    /// What was expected of the old and the new policy.
    pub expected: [Effect; 2],
    /// What they decide.
    pub decided: [Effect; 2],
}

/// Compares two policies. `host` is the one that callers use.
///
/// # Errors
///
/// The search took more than `budget` states.
pub fn diff(old: &Policy, new: &Policy, host: &str, budget: u64) -> Result<PolicyDiff, Exhausted> {
    let (_, found) = Comparison::of(old, new, host, budget)?;
    let mut regions: Vec<Region> = found.regions.into_iter().map(|(region, _)| region).collect();
    regions.extend(of_ambiguity([old, new], host));
    Ok(PolicyDiff { regions: fold(regions), undecided: found.undecided })
}

/// What both policies are read with.
pub(super) fn setting(policies: [&Policy; 2], host: &str) -> Setting {
    let [old, new] = policies.map(Policy::outline);
    let of_both = |list: fn(&Outline) -> &Vec<String>| {
        let (old, new) = (list(old), list(new));
        let only_in = |one: &Vec<String>, other: &Vec<String>| {
            one.iter().filter(|item| !other.contains(item)).cloned().collect::<Vec<_>>()
        };
        [only_in(old, new), only_in(new, old)].concat()
    };
    let mut tolerated = old.tolerated.clone();
    tolerated.extend(new.tolerated.iter().filter(|kind| !old.tolerated.contains(kind)));
    let names = |list: fn(&Outline) -> &Vec<ReadName>| {
        let mut names: Vec<String> = [old, new].into_iter().flat_map(list).map(|read| read.name.clone()).collect();
        names.sort();
        names.dedup();
        names
    };
    let domain =
        policies.map(|policy| policy.source().trust_domain.clone().unwrap_or_else(|| "cluster.local".to_owned()));
    let domain = domain.into_iter().next_back().unwrap_or_default();
    Setting {
        host: host.to_ascii_lowercase(),
        stranger: format!("{domain}/ns/default/sa/default"),
        tolerated,
        forwarders: of_both(|outline| &outline.forwarders),
        headers: names(|outline| &outline.headers),
        parameters: names(|outline| &outline.parameters),
        literals: Rc::new(super::literals::of([old, new])),
        trust_domain: domain,
    }
}

/// Two policies in one space.
pub(super) struct Comparison<'p> {
    pub(super) space: Space,
    pub(super) policies: [&'p Policy; 2],
    pub(super) readings: [Reading<'p>; 2],
    /// What must hold beside what is always so.
    pub(super) always: Vec<Formula>,
    /// Rules as their regions' ids have them, by whether they are the old policy's, and by id.
    pub(super) canonical: HashMap<(bool, String), Arc<str>>,
}

/// What a search finds.
#[derive(Default)]
pub(super) struct Found {
    /// Each region, with what holds for its requests and no others.
    pub(super) regions: Vec<(Region, Vec<Formula>)>,
    pub(super) undecided: Vec<Undecided>,
}

/// An entry of the merged list with its place.
pub(super) type Near<'m> = (usize, &'m (Side, Entry));

/// An entry of one policy, and the one that decides the same requests in the other.
#[derive(Clone, Copy)]
pub(super) struct Pair<'e> {
    pub(super) view: &'e View,
    pub(super) side: Side,
    pub(super) entry: &'e Entry,
    /// The first of these that holds.
    pub(super) others: &'e [Near<'e>],
}

impl<'p> Comparison<'p> {
    /// Compares two policies, but for ambiguous requests that are left out of the space.
    pub(super) fn of(old: &'p Policy, new: &'p Policy, host: &str, budget: u64) -> Result<(Self, Found), Exhausted> {
        let mut space = Space::new(setting([old, new], host), budget);
        let readings = [old, new].map(|policy| Reading::new(&mut space, policy.outline()));
        let mut found = Found::default();
        let mut comparison =
            Comparison { space, policies: [old, new], readings, always: Vec::new(), canonical: HashMap::new() };
        let mut seen = Vec::new();
        comparison.compare(&View::InForce, &mut seen, &mut found)?;
        if old.has_shadow() || new.has_shadow() {
            // What already differs in force is not told twice.
            comparison.always.extend(seen.iter().map(Formula::not));
            comparison.compare(&View::IfEnforced, &mut Vec::new(), &mut found)?;
        }
        comparison.always.clear();
        let mut audits: Vec<&str> = old.audits().chain(new.audits()).collect();
        audits.sort_unstable();
        audits.dedup();
        for audit in audits {
            comparison.compare(&View::Audit(audit.to_owned()), &mut Vec::new(), &mut found)?;
        }
        Ok((comparison, found))
    }

    fn compare(&mut self, view: &View, seen: &mut Vec<Formula>, found: &mut Found) -> Result<(), Exhausted> {
        let space = &mut self.space;
        let [old, new] = self.readings.each_ref().map(|reading| reading.list(space, view));
        let merged = merge(old, new);
        let mut always = universe(space);
        always.extend(self.always.iter().cloned());
        for (place, (side, entry)) in merged.iter().enumerate().filter(|(_, (side, _))| *side != Side::Both) {
            let mut base = always.clone();
            base.push(entry.formula.clone());
            let near = self.near(&base, &merged, place)?;
            let mut blocked: Vec<Formula> =
                near.iter().filter(|(other, _)| *other < place).map(|(_, (_, entry))| entry.formula.not()).collect();
            if !self.space.is_possible(&joined(&base, &blocked))? {
                continue;
            }
            let behind: Vec<Near<'_>> =
                near.iter().copied().filter(|(at, (of, _))| *at > place && of.is_of(side.other())).collect();
            for others in deciding(entry, &behind) {
                let Some((at, (_, other))) = others.first() else { continue };
                let decides = Formula::any(others.iter().map(|(_, (_, other))| other.formula.clone()));
                if !is_same(view, &entry.effect, &other.effect) {
                    let all: Vec<Formula> = base.iter().chain(&blocked).chain([&decides]).cloned().collect();
                    if self.space.is_possible(&all.iter().collect::<Vec<_>>())? {
                        seen.push(Formula::all(all.clone()));
                        // What stands behind `other`, or only in the list of the entry, takes nothing away.
                        let is_before = |(place_of, (of, _)): &Near<'_>| {
                            *place_of < place || (place_of < at && of.is_of(side.other()))
                        };
                        let before = near.iter().copied().filter(is_before).collect::<Vec<_>>();
                        self.regions(view, (*side, entry), others, &all, (&near, &before), found)?;
                    }
                }
                blocked.push(decides.not());
            }
        }
        Ok(())
    }

    /// The other entries that have a request in common with this one.
    fn near<'m>(
        &self,
        base: &[Formula],
        merged: &'m [(Side, Entry)],
        place: usize,
    ) -> Result<Vec<Near<'m>>, Exhausted> {
        let mut near = Vec::new();
        for (at, other) in merged.iter().enumerate().filter(|(at, _)| *at != place) {
            if self.space.is_possible(&joined(base, std::slice::from_ref(&other.1.formula)))? {
                near.push((at, other));
            }
        }
        Ok(near)
    }

    /// The regions of an entry and of those that decide in the other policy, the first of `others` that holds.
    fn regions(
        &mut self,
        view: &View,
        (side, entry): (Side, &Entry),
        all_others: &[Near<'_>],
        all: &[Formula],
        (near, before): (&[Near<'_>], &[Near<'_>]),
        found: &mut Found,
    ) -> Result<(), Exhausted> {
        let rules = self.rules((side, entry), near);
        for piece in self.pieces(side, entry) {
            let region: Vec<Formula> = all.iter().chain(&piece.formulas).cloned().collect();
            let Some(point) = self.space.witness(&region.iter().collect::<Vec<_>>())? else { continue };
            let scenario = self.space.scenario(&point);
            let mut others = all_others.iter().map(|(_, (_, other))| other);
            let Some(other) = others.find(|other| self.space.is_true(&other.formula, &point)) else { continue };
            let expected = match side {
                Side::New => [other.effect.clone(), entry.effect.clone()],
                Side::Old | Side::Both => [entry.effect.clone(), other.effect.clone()],
            };
            if let Some(undecided) = self.undecided(view, &scenario, &expected) {
                found.undecided.push(undecided);
                continue;
            }
            let pair = Pair { view, side, entry, others: all_others };
            let (scope, said) = self.scope(&pair, piece, &region, before)?;
            let scope = Scope { rules: rules.clone(), ..scope };
            let [old, new] = expected;
            let others = self.other_effects(&said, other, all_others)?;
            let told = Region { others, ..Region::new(view.clone(), old, new, scope, scenario) };
            found.regions.push((told, region));
        }
        Ok(())
    }

    /// What those decide that do not decide the witness, if they decide any request for which these formulas hold.
    fn other_effects(&self, said: &[Formula], of_witness: &Entry, all: &[Near<'_>]) -> Result<Vec<Effect>, Exhausted> {
        let mut effects = Vec::new();
        let mut before = Vec::new();
        for (_, (_, other)) in all {
            let formulas: Vec<&Formula> = said.iter().chain(&before).chain([&other.formula]).collect();
            if other.effect != of_witness.effect && self.space.is_possible(&formulas)? {
                effects.push(other.effect.clone());
            }
            before.push(other.formula.not());
        }
        Ok(effects)
    }

    /// The policy of a side; of what both have alike, the new one.
    pub(super) fn policy(&self, side: Side) -> &'p Policy {
        let [old, new] = self.policies;
        if side == Side::Old { old } else { new }
    }

    /// Every rule that has a request in common with this entry, each with its side: with another one, it is another region.
    fn rules(&mut self, own: (Side, &Entry), near: &[Near<'_>]) -> Vec<(Side, Arc<str>)> {
        let mut rules = Vec::new();
        for (side, entry) in near.iter().map(|(_, (side, entry))| (*side, entry)).chain([own]) {
            let Origin::Rule(id) = &entry.from else { continue };
            let policy = self.policy(side);
            let known = self.canonical.entry((side == Side::Old, id.clone()));
            let text = known.or_insert_with(|| policy.rule(id).map_or_else(String::new, canonical).into());
            rules.push((side, text.clone()));
        }
        rules
    }

    /// What the engines say, if it is not what is expected.
    fn undecided(&self, view: &View, scenario: &Scenario, expected: &[Effect; 2]) -> Option<Undecided> {
        let outcomes = self.policies.map(|policy| scenario.decide(policy.engine()));
        let decided = outcomes.map(|outcome| match view {
            View::InForce => outcome.effect,
            View::IfEnforced => outcome.shadow.unwrap_or(outcome.effect),
            View::Audit(id) => Effect::Allowed(outcome.audits.contains(id).then(|| id.clone())),
        });
        let is_as_expected = expected.iter().zip(&decided).all(|(expected, decided)| is_same(view, expected, decided));
        (!is_as_expected).then(|| Undecided { scenario: scenario.clone(), expected: expected.clone(), decided })
    }
}

/// The entries that decide in the other policy, one after the other. The defaults go together, whatever reason they give: which
/// callers have an identity is no part of a change, unless the default itself is. So do many rules that allow, or that refuse: a
/// region for each would tell one change over and over.
fn deciding<'n, 'm>(entry: &Entry, behind: &'n [Near<'m>]) -> Vec<&'n [Near<'m>]> {
    let is_default = |near: &Near<'m>| entry.from != Origin::Default && near.1.1.from == Origin::Default;
    let is_rule = |near: &Near<'m>| matches!(near.1.1.from, Origin::Rule(_)) && near.1.1.effect != entry.effect;
    let are_alike = |left: &Near<'m>, right: &Near<'m>| {
        let verdicts = [left, right].map(|near| near.1.1.effect.is_allowed());
        (is_default(left) && is_default(right)) || (is_rule(left) && is_rule(right) && verdicts[0] == verdicts[1])
    };
    let mut groups = Vec::new();
    for group in behind.chunk_by(are_alike) {
        if group.first().is_some_and(is_rule) && group.len() <= MOST_ALONE {
            groups.extend(group.chunks(1));
        } else {
            groups.push(group);
        }
    }
    groups
}

fn joined<'f>(first: &'f [Formula], second: &'f [Formula]) -> Vec<&'f Formula> {
    first.iter().chain(second).collect()
}

/// Whether two effects are the same to a view: shadow mode reports only whether a request would go on.
pub(super) fn is_same(view: &View, left: &Effect, right: &Effect) -> bool {
    match view {
        View::InForce | View::Audit(_) => left == right,
        View::IfEnforced => left.is_allowed() == right.is_allowed(),
    }
}

impl PolicyDiff {
    /// Whether nothing is decided otherwise.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.regions.is_empty() && self.undecided.is_empty()
    }
}
