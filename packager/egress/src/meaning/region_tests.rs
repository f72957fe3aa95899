//! Which requests are in which region: of requests drawn from the space itself, each that is decided otherwise is in exactly
//! one that says so, and no other request is in any.

#![expect(clippy::arithmetic_side_effects, reason = "a broken assumption ends the test")]

#[path = "../../../../filter/core/tests/core/common/mod.rs"]
#[expect(dead_code, reason = "its requests are for others")]
mod common;

use arbitrary::Unstructured;
use fastrand::Rng;
use sallyport_core::Reason;

use self::common::generate;
use super::diff::{Comparison, is_same};
use super::dimension::Value;
use super::search::Point;
use super::space::Space;
use super::*;
use crate::scenario::{Effect, Outcome, Scenario};

/// How many pairs of policies (`PAIRS` says otherwise), and requests for each.
const PAIRS: u64 = 40;
const REQUESTS: usize = 300;
/// At most so many tests of one dimension are asked for together.
const TOGETHER: usize = 3;
/// How often that is done for each dimension.
const ASKED: usize = 40;

/// Two policies that have some rules in common.
fn pair(seed: u64) -> Option<(Policy, Policy)> {
    let mut random = Rng::with_seed(seed);
    let mut policy = || {
        let mut bytes = vec![0; 3000];
        random.fill(&mut bytes);
        generate::policy(&mut Unstructured::new(&bytes))
    };
    let (old, other) = (policy(), policy());
    let mut new = old.clone();
    if seed.is_multiple_of(3) {
        new.tolerate = other.tolerate;
        new.trusted_forwarders = other.trusted_forwarders;
        new.stage = other.stage;
    }
    for (at, rule) in other.rules.into_iter().take(2).enumerate() {
        match new.rules.iter_mut().find(|known| known.id == rule.id) {
            Some(known) if seed.is_multiple_of(2) => *known = rule,
            _ => new.rules.insert(0, sallyport_core::wire::Rule { id: format!("n{at}"), ..rule }),
        }
    }
    Some((Policy::new(old).ok()?, Policy::new(new).ok()?))
}

/// For each dimension values that pass and fail its tests in many ways.
fn values(space: &Space, random: &mut Rng) -> Vec<Vec<Value>> {
    let of_dimension = |dimension: usize| {
        let atoms: Vec<usize> = (0..)
            .take_while(|atom| space.dimension_of(*atom) != usize::MAX)
            .filter(|atom| space.dimension_of(*atom) == dimension)
            .collect();
        let mut values: Vec<Value> = space.find(dimension, &[]).unwrap().map(|found| found.value).into_iter().collect();
        for _ in 0..if atoms.is_empty() { 0 } else { ASKED } {
            let mut asked: Vec<(usize, bool)> =
                (0..random.usize(1..=TOGETHER)).map(|_| (atoms[random.usize(..atoms.len())], random.bool())).collect();
            asked.sort_unstable();
            asked.dedup_by_key(|(atom, _)| *atom);
            values.extend(space.find(dimension, &asked).unwrap().map(|found| found.value));
        }
        values.sort_unstable();
        values.dedup();
        values
    };
    (0..space.width()).map(of_dimension).collect()
}

fn in_view(outcome: &Outcome, view: &View) -> Effect {
    match view {
        View::InForce => outcome.effect.clone(),
        View::IfEnforced => outcome.shadow.clone().unwrap_or_else(|| outcome.effect.clone()),
        View::Audit(id) => Effect::Allowed(outcome.audits.contains(id).then(|| id.clone())),
    }
}

/// What a policy makes of a request, once what `test` plays and what `explain` shows have been compared with it.
fn decided(scenario: &Scenario, policy: &Policy) -> Outcome {
    let outcome = scenario.decide(policy.engine());
    let played = scenario.play(policy.engine());
    let of_decision = |outcome: &Outcome| (outcome.effect.clone(), outcome.shadow.clone(), outcome.audits.clone());
    assert_eq!(of_decision(&played), of_decision(&outcome), "{scenario:?}");
    assert_eq!(played.upstream.is_some(), outcome.effect.is_allowed(), "{scenario:?}");
    scenario.with_explanation(policy.engine(), |explanation| {
        assert_eq!(Effect::of(&explanation.decision.verdict), outcome.effect, "{scenario:?}");
        let matched: Vec<&str> =
            explanation.rules.iter().filter(|rule| rule.failed.is_empty()).map(|rule| rule.id).collect();
        let spoken = outcome.effect.rule().into_iter().chain(outcome.audits.iter().map(String::as_str));
        assert!(spoken.into_iter().all(|rule| matched.contains(&rule)), "{scenario:?}: {matched:?} {outcome:?}");
    });
    outcome
}

/// Of several ways in which a request is ambiguous the engine reports the first that it meets, and a region is of any.
fn is_ambiguous(effect: &Effect) -> bool {
    matches!(effect.reason(), Some(Reason::Ambiguous(_)))
}

/// How many of the requests are decided otherwise.
fn look_at(seed: u64) -> usize {
    let Some((old, new)) = pair(seed) else { return 0 };
    let (mut comparison, found) = Comparison::of(&old, &new, "httpbin.org", BUDGET).unwrap();
    assert!(found.undecided.is_empty(), "seed {seed}: {:?}", found.undecided);
    let universe = lists::universe(&mut comparison.space);
    let space = &comparison.space;
    let mut random = Rng::with_seed(!seed);
    let values = values(space, &mut random);
    let mut views = vec![View::InForce, View::IfEnforced];
    views.extend(old.audits().chain(new.audits()).map(|id| View::Audit(id.to_owned())));
    let mut differing = 0;
    for _ in 0..REQUESTS {
        // Ordinary values meet more rules than all at once do.
        let ordinary = random.usize(..4);
        let point: Point = values
            .iter()
            .map(|values| values[if random.usize(..4) < ordinary { 0 } else { random.usize(..values.len()) }].clone())
            .collect();
        if !universe.iter().all(|formula| space.is_true(formula, &point)) {
            continue;
        }
        let scenario = space.scenario(&point);
        let [before, after] = [&old, &new].map(|policy| decided(&scenario, policy));
        for view in &views {
            let effects = [in_view(&before, view), in_view(&after, view)];
            if effects.iter().all(is_ambiguous) {
                continue;
            }
            // What differs in force is not told again.
            let is_told = *view == View::IfEnforced && before.effect != after.effect;
            let differs = !is_told && !is_same(view, &effects[0], &effects[1]);
            let is_member = |(region, formulas): &&(Region, Vec<formula::Formula>)| {
                region.view == *view && formulas.iter().all(|formula| space.is_true(formula, &point))
            };
            let regions: Vec<&Region> = found.regions.iter().filter(is_member).map(|(region, _)| region).collect();
            let shown = || format!("seed {seed}, {view:?}: {scenario:?}\n{effects:?} in {regions:#?}");
            assert_eq!(regions.len(), usize::from(differs), "{}", shown());
            for region in &regions {
                let is_said = |said, effect| {
                    let is_other = region.others.contains(effect);
                    is_other || is_same(view, said, effect) || (is_ambiguous(said) && is_ambiguous(effect))
                };
                let is_as_said = is_said(&region.old, &effects[0]) && is_said(&region.new, &effects[1]);
                assert!(is_as_said, "{}", shown());
                differing += 1;
            }
        }
    }
    differing
}

#[test]
fn a_request_is_in_one_region_if_it_is_decided_otherwise_and_in_none_if_not() {
    let pairs = std::env::var("PAIRS").ok().and_then(|pairs| pairs.parse().ok()).unwrap_or(PAIRS);
    let differing: Vec<usize> = (0..pairs).map(look_at).collect();
    let all: usize = differing.iter().sum();
    eprintln!("{all} requests decided otherwise");
    assert!(all > 1000, "{differing:?}");
}
