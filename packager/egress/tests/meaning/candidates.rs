//! The filter counts a request in the region of the comparison that it is in.

use arbitrary::Unstructured;
use sallyport_core::{Engine, Trial, wire};
use sallyport_egress::meaning::{BUDGET, Policy, View, diff};
use sallyport_egress::model::Candidate;
use sallyport_egress::scenario::Effect;
use sallyport_egress::trial;

use crate::common::generate;
use crate::generated::{bytes, is_left_out, is_of_the_space, pair, shows_a_subject};
use crate::opinions::{Said, is_in_scope, with_needs, with_scenario};
use crate::{REQUESTS, is_said, json, number};

/// How many pairs of policies; `PAIRS` says otherwise, and `SEED` where they begin.
const PAIRS: u64 = 150;

/// How many requests were in a region that has a name.
#[derive(Default)]
struct Found {
    regions: usize,
    requests: usize,
}

/// The candidate that makes one list of rules another, as far as a candidate can: new rules come last.
fn candidate(old: &[wire::Rule], new: &[wire::Rule]) -> Candidate {
    Candidate {
        name: "httpbin".parse().unwrap(),
        namespace: "httpbin".parse().unwrap(),
        rules: new.iter().filter(|rule| !old.contains(rule)).cloned().collect(),
        remove: old.iter().map(|rule| &rule.id).filter(|id| new.iter().all(|rule| rule.id != **id)).cloned().collect(),
    }
}

fn look_at(seed: u64, found: &mut Found) {
    let (mut old, mut new) = pair(seed);
    for policy in [&mut old, &mut new] {
        policy.stage = wire::Stage::Enforce;
        policy.rules.iter_mut().for_each(|rule| rule.stage = wire::Stage::Enforce);
    }
    let candidate = candidate(&old.rules, &new.rules);
    let new = wire::Policy { rules: candidate.apply(&old.rules), ..old.clone() };
    let (Ok(old), Ok(new)) = (Policy::new(old), Policy::new(new)) else { return };
    let diff = diff(&old, &new, "httpbin.org", BUDGET).unwrap();
    let both = trial::with_candidate(old.source().clone(), &candidate, &diff, (wire::Stage::Shadow, None));
    // Both together may have too many expressions.
    let Ok(engine) = Engine::compile(&both) else { return };
    // The filter accepts what is written for it.
    assert!(Engine::from_json(&serde_json::to_vec(&both).unwrap()).is_ok(), "seed {seed}");
    let shown = |what: &str| format!("seed {seed}\n{what}\nold {}\nboth {}", json(old.source()), json(&both));
    let regions: Vec<_> = trial::counted(&diff).collect();
    for region in &regions {
        let of_witness = with_scenario(&engine, &region.witness, |view| {
            let decision = engine.on_request(view);
            decision.trial.map(|trial| (trial.id.to_owned(), trial.verdicts.map(|verdict| Effect::of(&verdict))))
        });
        let Some((id, effects)) = of_witness else { panic!("{}", shown(&format!("no trial for {region:#?}"))) };
        assert_eq!(effects, [region.old.clone(), region.new.clone()], "{}", shown(&region.id));
        let of_id = regions.iter().find(|region| region.id == id);
        assert!(
            of_id.is_some_and(|of_id| is_said(of_id, &region.old, &region.new)),
            "{}",
            shown(&format!("{id} {region:#?}"))
        );
        found.regions += 1;
    }
    let bytes = bytes(!seed, 60 * REQUESTS);
    let mut u = Unstructured::new(&bytes);
    for _ in 0..REQUESTS {
        let request = generate::request(&mut u);
        let [before, after] = [&old, &new].map(|policy| Said::of_request(policy, &request));
        let (id, effects) = with_needs(&engine, &request, |view| {
            let decision = engine.on_request(view);
            assert_eq!(Effect::of(&decision.verdict), before.effect, "{}\n{request}", shown(""));
            let effects = decision.trial.map(|trial| trial.verdicts.map(|verdict| Effect::of(&verdict)));
            (decision.trial.map(|trial| trial.id.to_owned()), effects)
        });
        assert_eq!(id.is_some(), before.effect != after.effect, "{}\n{request}", shown(""));
        let (Some(id), Some(effects)) = (id, effects) else { continue };
        assert_eq!(effects, [before.effect.clone(), after.effect.clone()], "{}\n{request}", shown(&id));
        let ambiguities = [before.ambiguity(), after.ambiguity()];
        let is_told = is_of_the_space(&request) && !ambiguities.into_iter().flatten().any(is_left_out);
        // Requests that both refuse as ambiguous are not searched for.
        if !is_told || ambiguities.iter().all(Option::is_some) || shows_a_subject(&request) {
            continue;
        }
        let Some(region) = regions.iter().find(|region| region.id == id) else {
            assert!(
                id == Trial::OTHER && diff.regions.len() > 64,
                "{}\n{request}",
                shown(&format!("{id} {effects:?}"))
            );
            continue;
        };
        assert!(
            region.view == View::InForce
                && is_said(region, &before.effect, &after.effect)
                && (ambiguities != [None, None] || is_in_scope([&old, &new], region, &request)),
            "{}\n{request}\n{region:#?}",
            shown(&id)
        );
        found.requests += 1;
    }
}

#[test]
fn a_request_is_counted_in_its_region() {
    let from = number("SEED", 0);
    let mut found = Found::default();
    for seed in from..from + number("PAIRS", PAIRS) {
        look_at(seed, &mut found);
    }
    eprintln!("{} regions, {} requests in them", found.regions, found.requests);
    assert!(found.regions > 0 && found.requests > 0);
}
