//! What a change of policy means: the requests that are decided otherwise.
//!
//! # Design
//!
//! Each policy is a list of decisions of which the first that holds counts. Merged into one list, a request is decided
//! otherwise only if the first entry that holds for it is one that only one policy has; what the other policy decides is then
//! the first of its own entries behind it. So the requests that are decided otherwise fall into disjoint sets, one for each
//! pair of such entries, and each is searched for by itself. Within a pair, each alternative of the rule is a region, and
//! where the rule had another version, each test of that version which the region fails.

use std::collections::HashSet;
use std::rc::Rc;

use sallyport_core::outline::{Outline, OutlinedRule, ReadName};
use sallyport_core::wire;

use super::ambiguous::of_ambiguity;
use super::dimension::Setting;
use super::formula::Formula;
use super::lists::{Entry, Origin, Reading, View, universe};
use super::merge::{Side, merge};
use super::policy::Policy;
use super::region::{Region, Scope};
use super::space::{Exhausted, Space};
use crate::scenario::{Effect, Scenario};

/// Most states that a comparison may reach, unless another bound is given.
pub const BUDGET: u64 = 20_000_000;

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
    let mut space = Space::new(setting([old, new], host), budget);
    let readings = [old, new].map(|policy| Reading::new(&mut space, policy.outline()));
    let mut diff = PolicyDiff { regions: Vec::new(), undecided: Vec::new() };
    let mut comparison = Comparison { space, policies: [old, new], readings, always: Vec::new() };
    let mut seen = Vec::new();
    comparison.compare(&View::InForce, &mut seen, &mut diff)?;
    if old.has_shadow() || new.has_shadow() {
        // What already differs in force is not told twice.
        comparison.always.extend(seen.iter().map(Formula::not));
        comparison.compare(&View::IfEnforced, &mut Vec::new(), &mut diff)?;
    }
    diff.regions.extend(of_ambiguity([old, new], host));
    comparison.always.clear();
    let mut audits: Vec<&str> = old.audits().chain(new.audits()).collect();
    audits.sort_unstable();
    audits.dedup();
    for audit in audits {
        comparison.compare(&View::Audit(audit.to_owned()), &mut Vec::new(), &mut diff)?;
    }
    diff.regions.sort_by_key(Region::order);
    // Parts that only the other policy's tests tell apart are one region to its reader, and so are requests that no rule of
    // either policy describes.
    let mut known = HashSet::new();
    diff.regions.retain(|region| {
        let of_no_rule = region
            .scope
            .rule
            .is_none()
            .then(|| format!("{:?} {} {} {:?}", region.view, region.old, region.new, region.scope.from));
        known.insert(of_no_rule.unwrap_or_else(|| region.id.clone()))
    });
    Ok(diff)
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
}

/// An entry of the merged list with its place.
type Near<'m> = (usize, &'m (Side, Entry));

/// A part of an entry: what it adds, and as a rule.
struct Piece {
    formulas: Vec<Formula>,
    rule: Option<wire::Rule>,
}

impl Comparison<'_> {
    fn compare(&mut self, view: &View, seen: &mut Vec<Formula>, diff: &mut PolicyDiff) -> Result<(), Exhausted> {
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
            for (at, (_, other)) in near.iter().filter(|(at, (of, _))| *at > place && of.is_of(side.other())) {
                if !is_same(view, &entry.effect, &other.effect) {
                    let all: Vec<Formula> = base.iter().chain(&blocked).chain([&other.formula]).cloned().collect();
                    if self.space.is_possible(&all.iter().collect::<Vec<_>>())? {
                        seen.push(Formula::all(all.clone()));
                        // What stands behind `other`, or only in the list of the entry, takes nothing away.
                        let is_before = |(place_of, (of, _)): &Near<'_>| {
                            *place_of < place || (place_of < at && of.is_of(side.other()))
                        };
                        let before = near.iter().copied().filter(is_before).collect::<Vec<_>>();
                        self.regions(view, (*side, entry), other, &all, (&near, &before), diff)?;
                    }
                }
                blocked.push(other.formula.not());
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

    /// The regions of a pair of entries.
    fn regions(
        &mut self,
        view: &View,
        (side, entry): (Side, &Entry),
        other: &Entry,
        all: &[Formula],
        (near, before): (&[Near<'_>], &[Near<'_>]),
        diff: &mut PolicyDiff,
    ) -> Result<(), Exhausted> {
        let rules = self.rules((side, entry), near);
        for piece in self.pieces(side, entry) {
            let region: Vec<Formula> = all.iter().chain(&piece.formulas).cloned().collect();
            let Some(point) = self.space.witness(&region.iter().collect::<Vec<_>>())? else { continue };
            let scenario = self.space.scenario(&point);
            let expected = match side {
                Side::New => [other.effect.clone(), entry.effect.clone()],
                Side::Old | Side::Both => [entry.effect.clone(), other.effect.clone()],
            };
            if let Some(undecided) = self.undecided(view, &scenario, &expected) {
                diff.undecided.push(undecided);
                continue;
            }
            let rule = match piece.rule {
                Some(rule) => Some(self.reduced(side, rule, &region)?),
                None => None,
            };
            let except = match &rule {
                Some(_) => self.exceptions(entry, other, &piece.formulas, before)?,
                None => Vec::new(),
            };
            let scope = Scope { of: side, from: entry.from.clone().into(), rule, except, rules: rules.clone() };
            let [old, new] = expected;
            diff.regions.push(Region::new(view.clone(), old, new, scope, scenario));
        }
        Ok(())
    }

    /// Every rule that has a request in common with this entry, each with its side: with another one, it is another region.
    fn rules(&self, own: (Side, &Entry), near: &[Near<'_>]) -> Vec<(Side, wire::Rule)> {
        let rule = |side: Side, entry: &Entry| {
            let Origin::Rule(id) = &entry.from else { return None };
            let [old, new] = self.policies;
            let policy = if side == Side::Old { old } else { new };
            Some((side, policy.rule(id)?.clone()))
        };
        let all = near.iter().map(|(_, (side, entry))| (*side, entry)).chain([own]);
        all.filter_map(|(side, entry)| rule(side, entry)).collect()
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

    /// The entries that take requests out of a region which would be in it otherwise.
    fn exceptions(
        &self,
        entry: &Entry,
        other: &Entry,
        piece: &[Formula],
        before: &[Near<'_>],
    ) -> Result<Vec<String>, Exhausted> {
        let mut ids = Vec::new();
        for (_, (_, exception)) in before {
            let Origin::Rule(id) = &exception.from else { continue };
            if exception.from == entry.from || exception.from == other.from || ids.contains(id) {
                continue;
            }
            let mut formulas = vec![&entry.formula, &exception.formula];
            formulas.extend(piece);
            if self.space.is_possible(&formulas)? {
                ids.push(id.clone());
            }
        }
        Ok(ids)
    }

    /// The alternatives of the entry's rule, disjoint; where the other policy has the rule in another version, by the tests
    /// in which they differ.
    fn pieces(&mut self, side: Side, entry: &Entry) -> Vec<Piece> {
        let whole = || vec![Piece { formulas: Vec::new(), rule: None }];
        let Origin::Rule(id) = &entry.from else { return whole() };
        let [own, others] = match side {
            Side::New => [1, 0],
            Side::Old | Side::Both => [0, 1],
        };
        let (Some(policy), Some(reading)) = (self.policies.get(own), self.readings.get(own)) else { return whole() };
        let (Some(rule), Some(outline)) = (policy.rule(id), outlined(reading, id)) else { return whole() };
        let is_version = |other: &&OutlinedRule| other.action == outline.action && other.enforced == outline.enforced;
        let counterpart =
            self.readings.get(others).and_then(|reading| Some((reading, outlined(reading, id).filter(is_version)?)));
        let mut pieces: Vec<Piece> = Vec::new();
        let mut before: Vec<Formula> = Vec::new();
        for (from, to) in alternatives(outline) {
            let tests = |outline: &OutlinedRule, from: Option<usize>, to: Option<usize>| {
                let pick = |list: &Option<Vec<Vec<_>>>, at: Option<usize>| match (list, at) {
                    (Some(list), Some(at)) => list.get(at).cloned(),
                    (None, None) => Some(Vec::new()),
                    _ => None,
                };
                Some([pick(&outline.from, from)?, pick(&outline.to, to)?, outline.when.clone()].concat())
            };
            let Some(own_tests) = tests(outline, from, to) else { continue };
            let formula = reading.all(&mut self.space, &own_tests);
            let mut base = before.clone();
            base.push(formula.clone());
            before.push(formula.not());
            let cube = wire::Rule {
                from: rule.from.as_ref().map(|list| list.iter().skip(from.unwrap_or(0)).take(1).cloned().collect()),
                to: rule.to.as_ref().map(|list| list.iter().skip(to.unwrap_or(0)).take(1).cloned().collect()),
                ..rule.clone()
            };
            let other_tests =
                counterpart.as_ref().and_then(|(reading, outline)| Some((reading, tests(outline, from, to)?)));
            let differing: Vec<Formula> = match other_tests {
                Some((reading, tests)) => tests
                    .iter()
                    .map(|test| reading.test(&mut self.space, test))
                    .filter(|test| !is_part(test, &formula))
                    .collect(),
                None => Vec::new(),
            };
            if differing.is_empty() {
                pieces.push(Piece { formulas: base, rule: Some(cube) });
                continue;
            }
            for (at, test) in differing.iter().enumerate() {
                let mut formulas = base.clone();
                formulas.extend(differing.iter().take(at).cloned());
                formulas.push(test.not());
                pieces.push(Piece { formulas, rule: Some(cube.clone()) });
            }
            // What the other version's alternative matches may still be missed by the version as a whole: by its mode.
            let mut formulas = base;
            formulas.extend(differing);
            pieces.push(Piece { formulas, rule: Some(cube) });
        }
        pieces
    }
}

fn outlined<'o>(reading: &Reading<'o>, id: &str) -> Option<&'o OutlinedRule> {
    reading.outline.rules.iter().find(|rule| rule.id == id)
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
