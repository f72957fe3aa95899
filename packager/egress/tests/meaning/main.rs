//! What a comparison of policies promises, on policies and requests by chance: no difference is missed, each that is named is
//! real, and a request that is decided otherwise is in a region that says so. Two engines decide the requests: the core's, and
//! a second one that shares no code with it for patterns.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a broken assumption ends the test"
)]

mod candidates;
#[path = "../../../../filter/core/tests/core/common/mod.rs"]
#[expect(dead_code, reason = "a part of it is for the tests of the core")]
mod common;
mod generated;
mod hard;
mod opinions;
#[path = "../../../../filter/core/tests/core/reference/mod.rs"]
mod reference;

use std::time::{Duration, Instant};

use arbitrary::Unstructured;
use common::generate;
use generated::{bytes, is_left_out, is_of_the_space, pair, shows_a_subject};
use opinions::{Said, is_in_scope, is_same};
use sallyport_core::{Reason, wire};
use sallyport_egress::meaning::{BUDGET, Exception, Policy, PolicyDiff, Region, Scope, View, diff};
use sallyport_egress::scenario::Effect;

/// How many pairs of policies; `PAIRS` says otherwise, and `SEED` where they begin.
const PAIRS: u64 = 300;
/// How many requests for each.
const REQUESTS: usize = 150;
/// No comparison of two generated policies takes nearly as long, not even in a debug build on a busy machine.
const SLOWEST: Duration = Duration::from_secs(60);

/// What a comparison of one pair came to.
#[derive(Default)]
struct Compared {
    regions: usize,
    /// Requests that are decided otherwise.
    differing: usize,
    /// Requests that the words of a region are about.
    described: usize,
    took: Duration,
}

fn compare(seed: u64) -> Compared {
    let (old, new) = pair(seed);
    let (Ok(old), Ok(new)) = (Policy::new(old), Policy::new(new)) else { return Compared::default() };
    let shown = || format!("seed {seed}\nold {}\nnew {}", json(old.source()), json(new.source()));
    let compared = |old: &Policy, new: &Policy| {
        let diff = diff(old, new, "httpbin.org", BUDGET).unwrap_or_else(|_| panic!("{}\nthe budget ran out", shown()));
        assert!(diff.undecided.is_empty(), "{}\n{:#?}", shown(), diff.undecided);
        diff
    };
    let started = Instant::now();
    let diff = compared(&old, &new);
    let took = started.elapsed();
    assert_eq!(changes(&diff, false), changes(&compared(&new, &old), true), "{}", shown());
    assert!(compared(&old, &old).is_empty() && compared(&new, &new).is_empty(), "{}", shown());
    for region in &diff.regions {
        let said = [&old, &new].map(|policy| Said::of_scenario(policy, &region.witness).in_view(&region.view));
        let is_real = is_same(&region.view, &said[0], &region.old) && is_same(&region.view, &said[1], &region.new);
        assert!(is_real && said[0] != said[1], "{}\n{region:#?}\n{said:?}", shown());
    }
    let (mut differing, mut described) = (0, 0);
    let bytes = bytes(!seed, 60 * REQUESTS);
    let mut u = Unstructured::new(&bytes);
    for _ in 0..REQUESTS {
        let request = generate::request(&mut u);
        let [before, after] = [&old, &new].map(|policy| Said::of_request(policy, &request));
        let ambiguities = [before.ambiguity(), after.ambiguity()];
        if !is_of_the_space(&request) || ambiguities.into_iter().flatten().any(is_left_out) {
            continue;
        }
        let is_refused_as_ambiguous = |said: &Said| matches!(said.effect.reason(), Some(Reason::Ambiguous(_)));
        let ambiguous = [&before, &after].map(is_refused_as_ambiguous);
        // Of policies that are not both enforced one is shown for all.
        if ambiguous == [true, true] || (old.source().stage != new.source().stage && ambiguous.contains(&true)) {
            continue;
        }
        let audits = before.audits.iter().chain(&after.audits).map(|id| View::Audit(id.clone()));
        let views = [View::InForce, View::IfEnforced].into_iter().chain(audits);
        let differs = |view: &View| !is_same(view, &before.in_view(view), &after.in_view(view));
        if !ambiguous.contains(&true) && ambiguities == [None, None] && !shows_a_subject(&request) {
            let of_words = diff.regions.iter().filter(|region| {
                let is_told = region.scope.except.contains(&Exception::InForce) && before.effect != after.effect;
                region.scope.rule.is_some() && !is_told && is_in_scope([&old, &new], region, &request)
            });
            for region in of_words {
                let effects = [&before, &after].map(|said| said.in_view(&region.view));
                assert!(
                    is_said(region, &effects[0], &effects[1]),
                    "{}\n{request}\n{effects:?} is not what is said:\n{}",
                    shown(),
                    line(region)
                );
                described += 1;
            }
        }
        for view in views.filter(differs) {
            // What differs in force is not told again.
            if view == View::IfEnforced && before.effect != after.effect {
                continue;
            }
            differing += 1;
            let (old_effect, new_effect) = (before.in_view(&view), after.in_view(&view));
            let is_told = diff.regions.iter().any(|region| {
                region.view == view
                    && is_said(region, &old_effect, &new_effect)
                    && (shows_a_subject(&request) || is_in_scope([&old, &new], region, &request))
            });
            assert!(
                is_told,
                "{}\n{request}\n{view:?}: {old_effect} -> {new_effect} is missed: {:#?}",
                shown(),
                diff.regions
            );
        }
    }
    if number("PAIRS", 0) == 1 {
        diff.regions.iter().for_each(|region| eprintln!("{}", line(region)));
    }
    Compared { regions: diff.regions.len(), differing, described, took }
}

/// What changes into what, or back.
fn changes(diff: &PolicyDiff, is_back: bool) -> Vec<String> {
    let line = |view: &View, old: &Effect, new: &Effect| match view {
        View::IfEnforced => format!("{view:?} {} {}", old.is_allowed(), new.is_allowed()),
        View::InForce | View::Audit(_) => format!("{view:?} {old} {new}"),
    };
    let both = diff.regions.iter().flat_map(|region| {
        let pair = |other: Option<&Effect>| match (other, region.scope.is_of_new()) {
            (None, _) => (region.old.clone(), region.new.clone()),
            (Some(other), true) => (other.clone(), region.new.clone()),
            (Some(other), false) => (region.old.clone(), other.clone()),
        };
        let pairs: Vec<_> = std::iter::once(None).chain(region.others.iter().map(Some)).map(pair).collect();
        pairs.into_iter().map(|(old, new)| match is_back {
            false => line(&region.view, &old, &new),
            true => line(&region.view, &new, &old),
        })
    });
    let mut lines: Vec<String> = both.collect();
    lines.sort();
    lines.dedup();
    lines
}

/// Whether a region says so.
fn is_said(region: &Region, old: &Effect, new: &Effect) -> bool {
    let is = |said: &Effect, effect: &Effect| is_same(&region.view, said, effect) || region.others.contains(effect);
    is(&region.old, old) && is(&region.new, new)
}

fn line(region: &Region) -> String {
    let Scope { rule, fails, and, except, .. } = &region.scope;
    let json = |rule: &Option<wire::Rule>| serde_json::to_string(rule).unwrap();
    format!(
        "{:?} {:?} {} -> {} {:?}: {} by {}\n    {}\n    fails {}, and {}, except {except:?}",
        region.change(),
        region.view,
        region.old,
        region.new,
        region.others,
        region.witness.request,
        region.witness.caller,
        json(rule),
        json(fails),
        json(and)
    )
}

fn json(policy: &wire::Policy) -> String {
    serde_json::to_string_pretty(policy).unwrap()
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|number| number.parse().ok()).unwrap_or(otherwise)
}

/// Nor is anything not decided, or a budget exhausted: `compare` asserts it.
#[test]
fn no_difference_is_missed() {
    let from = number("SEED", 0);
    let mut sum = Compared::default();
    let (mut slowest, mut all) = ((Duration::ZERO, 0), Duration::ZERO);
    for seed in from..from + number("PAIRS", PAIRS) {
        let one = compare(seed);
        slowest = slowest.max((one.took, seed));
        all += one.took;
        sum.regions += one.regions;
        sum.differing += one.differing;
        sum.described += one.described;
    }
    let Compared { regions, differing, described, .. } = sum;
    eprintln!(
        "{regions} regions, {differing} requests decided otherwise, {described} described, {all:?} in all, slowest {slowest:?}"
    );
    assert!(regions > 0 && differing > 0 && described > 0 && slowest.0 < SLOWEST);
}
