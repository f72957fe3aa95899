//! What questions about a policy promise, on policies and requests by chance: whatever a rule allows is granted by it, each
//! witness is one, and a rule that is said never to decide does not.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a broken assumption ends the test"
)]

#[path = "../../../filter/core/tests/core/common/mod.rs"]
#[expect(dead_code, reason = "a part of it is for the tests of the core")]
mod common;

use arbitrary::Unstructured;
use common::generate;
use sallyport_core::{Engine, wire};
use sallyport_egress::meaning::{BUDGET, Question, idle, query};
use sallyport_egress::scenario::Effect;

/// How many policies, and requests for each.
const POLICIES: u64 = 60;
const REQUESTS: usize = 150;
const HOST: &str = "httpbin.org";

fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes
}

fn policy(seed: u64) -> Option<wire::Policy> {
    let bytes = bytes(seed, 4000);
    let policy = generate::policy(&mut Unstructured::new(&bytes));
    let policy = wire::Policy { mode: wire::Mode::Enforce, ..policy };
    Engine::compile(&policy).is_ok().then_some(policy)
}

/// Questions of which the requests that rules are likely to match are a part.
fn questions() -> Vec<Question> {
    let written = |method: Option<&str>, path: Option<&str>| Question {
        method: method.map(str::to_owned),
        path: path.map(str::to_owned),
        ..Question::default()
    };
    vec![written(None, None), written(Some("GET"), None), written(None, Some("/a*")), written(Some("P*"), Some("*"))]
}

/// How many rules granted something, and how many never decide.
fn look_at(seed: u64, policy: &wire::Policy) -> (usize, usize) {
    let shown = || format!("seed {seed}\n{}", serde_json::to_string_pretty(policy).unwrap());
    let engine = Engine::compile(policy).unwrap();
    let idle = idle(policy, HOST, BUDGET).unwrap_or_else(|error| panic!("{}\n{error:?}", shown()));
    assert_eq!(idle.undecided, [""; 0], "{}", shown());
    let bytes = bytes(!seed, 60 * REQUESTS);
    let mut u = Unstructured::new(&bytes);
    let mut allowing = Vec::new();
    for _ in 0..REQUESTS {
        let request = generate::request(&mut u);
        let effect = request.with_view(|view| Effect::of(&engine.on_request(view).verdict));
        if let Some(rule) = effect.rule() {
            assert!(idle.rules.iter().all(|idle| idle.rule != rule), "{}\n{request}\n{rule} decides", shown());
            if effect.is_allowed() {
                allowing.push(rule.to_owned());
            }
        }
    }
    let mut granting = 0;
    for question in questions() {
        let answer = query(policy, HOST, &question, BUDGET).unwrap_or_else(|error| panic!("{}\n{error:?}", shown()));
        assert!(answer.undecided.is_empty(), "{}\n{question:?} {:#?}", shown(), answer.undecided);
        for grant in &answer.grants {
            let decided = grant.witness.decide(&engine).effect;
            assert_eq!(decided, Effect::Allowed(Some(grant.also.clone().unwrap_or(grant.rule.clone()))), "{}", shown());
            if question.method.as_deref() == Some("GET") {
                assert_eq!(grant.witness.request.method, b"GET", "{}", shown());
            }
        }
        if question == Question::default() {
            let granted: Vec<&str> = answer.grants.iter().map(|grant| &*grant.rule).collect();
            for rule in &allowing {
                assert!(granted.contains(&&**rule), "{}\n{rule} allows, and grants nothing: {granted:?}", shown());
            }
            granting += granted.len();
        }
    }
    (granting, idle.rules.len())
}

#[test]
fn what_is_allowed_is_granted_and_idle_rules_do_not_decide() {
    let from: u64 = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let count: u64 = std::env::var("POLICIES").ok().and_then(|count| count.parse().ok()).unwrap_or(POLICIES);
    let (mut granting, mut idle) = (0, 0);
    for seed in from..from + count {
        let Some(policy) = policy(seed) else { continue };
        let (more, never) = look_at(seed, &policy);
        granting += more;
        idle += never;
    }
    eprintln!("{granting} rules grant something, {idle} never decide");
    assert!(granting > 0 && idle > 0);
}
