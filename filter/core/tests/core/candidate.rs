//! A candidate beside the policy in force decides as each of the two does alone.

use proptest::prop_assert_eq;
use sallyport_core::engine::parse;
use sallyport_core::wire::{self, Canary, Stage};
use sallyport_core::{Decision, Engine, InvalidPolicy, Needs, PeerView, PolicyCode, RequestView, Trial};

use crate::case::{Case, for_all_cases};
use crate::common::request::Request;

/// Two policies, and the one configuration that carries both.
struct Pair {
    old: wire::Policy,
    new: wire::Policy,
    both: wire::Policy,
}

/// A change of the case's policy: each byte of its choices keeps, removes or replaces a rule.
fn pair(case: &Case) -> Pair {
    let mut old = wire::Policy { stage: Stage::Enforce, ..case.policy.clone() };
    old.rules.iter_mut().for_each(|rule| rule.stage = Stage::Enforce);
    let extra = wire::Rule { stage: Stage::Enforce, ..case.extra.clone() };
    let mut candidate = wire::Candidate::default();
    let mut rules = Vec::new();
    let choices = case.choices.iter().copied().chain(std::iter::repeat(0));
    for (at, (rule, choice)) in old.rules.iter().zip(choices).enumerate() {
        let other = &old.rules[(at + 1) % old.rules.len()];
        let changed = match choice % 8 {
            0 => {
                candidate.remove.push(rule.id.clone());
                continue;
            }
            1 => wire::Rule { id: rule.id.clone(), ..extra.clone() },
            2 => wire::Rule { id: rule.id.clone(), ..other.clone() },
            3 if rule.action != wire::Action::Deny => wire::Rule { action: wire::Action::Deny, ..rule.clone() },
            4 if rule.from.is_some() && rule.to.is_some() => wire::Rule { from: None, ..rule.clone() },
            _ => {
                rules.push(rule.clone());
                continue;
            }
        };
        candidate.rules.push(changed.clone());
        rules.push(changed);
    }
    if case.choices.last().is_some_and(|choice| choice % 2 == 0) {
        candidate.rules.push(extra.clone());
        rules.push(extra);
    }
    let new = wire::Policy { rules, ..old.clone() };
    let both = wire::Policy { candidate: Some(candidate), ..old.clone() };
    Pair { old, new, both }
}

fn alone(policy: &wire::Policy, request: &Request) -> Option<(String, Vec<String>)> {
    let engine = Engine::compile(policy).ok()?;
    Some(request.with_view(|view| {
        // A host is asked only for what the policy needs.
        let needs = engine.needs();
        let peer = if needs.contains(Needs::MTLS) { view.peer } else { PeerView::default() };
        let metadata = view.metadata.filter(|_| needs.contains(Needs::METADATA));
        let decision = engine.on_request(&RequestView { peer, metadata, ..*view });
        (decision.verdict.to_string(), audits(&decision))
    }))
}

fn audits(decision: &Decision<'_>) -> Vec<String> {
    decision.audits.iter().map(|rule| rule.id.to_owned()).collect()
}

#[test]
fn both_policies_decide_as_each_does_alone() {
    for_all_cases(|case| {
        let Pair { old, new, both } = pair(case);
        let (Some(old), Some(new)) = (alone(&old, &case.request), alone(&new, &case.request)) else { return Ok(()) };
        for (stage, percent, decides) in [
            (Stage::Shadow, 100, &old),
            (Stage::Canary, 0, &old),
            (Stage::Canary, 100, &new),
            (Stage::Enforce, 0, &new),
        ] {
            let canary = Canary { percent, callers: vec!["cluster.local/ns/none/sa/none".to_owned()] };
            let policy = wire::Policy { stage, canary: Some(canary), ..both.clone() };
            // Both together may have too many expressions.
            let Ok(engine) = Engine::compile(&policy) else { return Ok(()) };
            case.request.with_view(|view| {
                let decision = engine.on_request(view);
                let is_known = decision.caller.principal.is_some();
                let decides = if stage == Stage::Canary && !is_known { &old } else { decides };
                prop_assert_eq!(decision.verdict.to_string(), decides.0.clone(), "{:?}", stage);
                let mut audits = [audits(&decision), decides.1.clone()];
                // The candidate's rules are behind those in force, and so are those that it replaces.
                audits.iter_mut().for_each(|audits| audits.sort());
                prop_assert_eq!(&audits[0], &audits[1]);
                match &decision.trial {
                    Some(trial) => {
                        prop_assert_eq!(
                            trial.verdicts.map(|verdict| verdict.to_string()),
                            [old.0.clone(), new.0.clone()]
                        );
                        prop_assert_eq!((trial.region, trial.id), (0, Trial::OTHER));
                    }
                    None => prop_assert_eq!(&old.0, &new.0),
                }
                let explained = engine.explain(view);
                prop_assert_eq!(&explained.decision, &decision);
                Ok(())
            })?;
        }
        Ok(())
    });
}

const POLICY: &str = r#"{"version": 1, "upstream": "a/b", "rules": [
    {"id": "read", "action": "ALLOW", "to": [{"operation": {"paths": ["/a", "/b"]}}]},
    {"id": "stop", "action": "DENY", "to": [{"operation": {"paths": ["/stop"]}}]}],
  "stage": "shadow", "candidate": {"policy": "", "candidate": "", "remove": ["stop"], "rules": [
    {"id": "read", "action": "ALLOW", "to": [{"operation": {"paths": ["/a"]}}]},
    {"id": "more", "action": "ALLOW", "to": [{"operation": {"paths": ["/stop/{*}", "/c"], "methods": ["GET"]}}]}],
   "regions": [
    {"id": "one", "inForce": ["allowed:read"], "candidate": ["not_allowed"],
     "rule": {"id": "read", "action": "ALLOW", "to": [{"operation": {"paths": ["/b"]}}]}},
    {"id": "two", "inForce": ["not_allowed"], "candidate": ["allowed:more"],
     "rule": {"id": "more", "action": "ALLOW", "to": [{"operation": {"paths": ["/stop/{*}"]}}]},
     "fails": {"id": "x", "action": "ALLOW", "to": [{"operation": {"methods": ["PUT"]}}]},
     "and": {"id": "x", "action": "ALLOW", "to": [{"operation": {"methods": ["GET"]}}]}}]}}"#;

fn policy(change: impl Fn(&mut wire::Policy)) -> wire::Policy {
    let mut policy = wire::Policy::with_digests(wire::Reader::parse(POLICY.as_bytes()).unwrap());
    change(&mut policy);
    policy
}

#[test]
fn a_request_is_in_the_region_whose_part_matches_it() {
    let engine = Engine::compile(&policy(|_| ())).unwrap();
    for (path, expected) in
        [("/a", None), ("/b", Some("one")), ("/stop/1", Some("two")), ("/c", Some("other")), ("/d", None)]
    {
        let headers: &[(&[u8], &[u8])] = &[(b":method", b"GET"), (b":path", path.as_bytes()), (b":authority", b"a")];
        let view = RequestView { headers, ..Default::default() };
        let decision = engine.on_request(&view);
        assert_eq!(decision.trial.map(|trial| trial.id), expected, "{path}");
    }
}

#[test]
fn digests_that_do_not_fit_are_refused() {
    let refused = |json: &str| -> InvalidPolicy { Engine::from_json(json.as_bytes()).unwrap_err() };
    let sealed = serde_json::to_string(&policy(|_| ())).unwrap();
    assert!(Engine::from_json(sealed.as_bytes()).is_ok());
    for (from, to, place) in [
        ("\"/a\",\"/b\"", "\"/a\"", "candidate.policy"),
        ("\"/c\"", "\"/z\"", "candidate.candidate"),
        ("\"remove\":[\"stop\"],", "", "candidate.candidate"),
    ] {
        assert!(sealed.contains(from), "{sealed}");
        let problems = refused(&sealed.replacen(from, to, 1)).problems;
        let found: Vec<_> = problems.iter().map(|problem| (problem.code, problem.path.as_str())).collect();
        assert!(found.contains(&(PolicyCode::Candidate, place)), "{found:?}");
    }
    assert_eq!(parse(POLICY.as_bytes()).unwrap_err().problems.len(), 2);
}

#[test]
fn what_no_candidate_can_be_is_refused() {
    let rule = |id: &str, stage| wire::Rule {
        id: id.to_owned(),
        stage,
        to: Some(vec![wire::ToEntry::default()]),
        ..wire::Rule::default()
    };
    type Change = fn(&mut wire::Policy);
    let cases: [(Change, &str); 7] = [
        (|policy| policy.stage = Stage::Canary, "canary"),
        (|policy| policy.canary = Some(Canary { percent: 101, callers: Vec::new() }), "canary.percent"),
        (|policy| policy.canary = Some(Canary::default()), "canary"),
        (|policy| policy.rules[0].stage = Stage::Shadow, "rules[0].stage"),
        (|policy| policy.rules[0].stage = Stage::Canary, "rules[0].stage"),
        (|policy| policy.candidate.as_mut().unwrap().remove.push("none".to_owned()), "candidate.remove[1]"),
        (
            |policy| {
                let candidate = policy.candidate.as_mut().unwrap();
                candidate.rules.push(candidate.rules[0].clone());
            },
            "candidate.rules[2].id",
        ),
    ];
    for (change, place) in cases {
        let invalid = Engine::compile(&policy(change)).unwrap_err();
        assert!(invalid.problems.iter().any(|problem| problem.path == place), "{place}: {invalid}");
    }
    let shadow = policy(|policy| policy.candidate.as_mut().unwrap().rules.push(rule("s", Stage::Shadow)));
    let invalid = Engine::compile(&shadow).unwrap_err();
    assert!(invalid.problems.iter().any(|problem| problem.path == "candidate.rules[2]"), "{invalid}");
    let many = policy(|policy| {
        let candidate = policy.candidate.as_mut().unwrap();
        candidate.regions = vec![candidate.regions[0].clone(); 65];
    });
    let invalid = Engine::compile(&many).unwrap_err();
    assert_eq!(invalid.problems[0].code, PolicyCode::Limit);
}

/// Headers that only one of the policies reads make a request ambiguous for that one only.
#[test]
fn a_twin_is_ambiguous_for_whom_it_matters() {
    let reads = r#"{"id": "role", "action": "ALLOW", "when": [{"key": "request.headers[x-role]", "values": ["a"]}]}"#;
    let plain = r#"{"id": "role", "action": "ALLOW", "to": [{"operation": {"paths": ["*"]}}]}"#;
    for (old, new, expected) in [
        (plain, reads, ["allowed:role", "ambiguous_request:underscoreHeader"]),
        (reads, plain, ["ambiguous_request:underscoreHeader", "allowed:role"]),
    ] {
        let json = format!(
            r#"{{"version": 1, "upstream": "a/b", "rules": [{old}], "stage": "shadow",
                "candidate": {{"policy": "", "candidate": "", "rules": [{new}]}}}}"#
        );
        let policy: wire::Policy = wire::Reader::parse(json.as_bytes()).unwrap();
        let engine = Engine::compile(&policy).unwrap();
        let headers: &[(&[u8], &[u8])] =
            &[(b":method", b"GET"), (b":path", b"/"), (b":authority", b"a"), (b"x_role", b"b"), (b"x-role", b"a")];
        let view = RequestView { headers, ..Default::default() };
        let decision = engine.on_request(&view);
        assert_eq!(decision.verdict.to_string(), expected[0]);
        assert_eq!(decision.trial.unwrap().verdicts.map(|verdict| verdict.to_string()), expected);
    }
}
