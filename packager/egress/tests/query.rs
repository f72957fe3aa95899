//! What questions about a policy promise, on policies and requests by chance: whatever a rule allows is granted by it, each
//! witness is one, and a rule that is said never to decide does not. Which requests a question is about is decided by the
//! reference evaluator of the core's tests, which shares no code with the search.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a broken assumption ends the test"
)]

#[path = "../../../filter/core/tests/core/common/mod.rs"]
#[expect(dead_code, reason = "a part of it is for the tests of the core")]
mod common;
#[path = "../../../filter/core/tests/core/reference/mod.rs"]
#[expect(dead_code, reason = "a part of it is for the tests of the core")]
mod reference;

use arbitrary::Unstructured;
use common::generate;
use sallyport_core::{Engine, RequestView, wire};
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
    let policy = wire::Policy { stage: wire::Stage::Enforce, ..policy };
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

/// Whether the request is one that a question is about.
fn is_asked_about(policy: &wire::Policy, question: &Question, view: &RequestView<'_>) -> bool {
    let one = |text: &Option<String>| text.as_ref().map(|text| vec![text.clone()]);
    let operation =
        wire::Operation { methods: one(&question.method), paths: one(&question.path), ..wire::Operation::default() };
    let rule = wire::Rule {
        action: wire::Action::Allow,
        to: Some(vec![wire::ToEntry { operation }]),
        ..wire::Rule::default()
    };
    let alone = wire::Policy { rules: vec![rule], ..policy.clone() };
    reference::matching(&alone, view).is_some_and(|matching| !matching.is_empty())
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
        let (effect, asked) = request.with_view(|view| {
            let asked = questions().iter().map(|question| is_asked_about(policy, question, view)).collect::<Vec<_>>();
            (Effect::of(&engine.on_request(view).verdict), asked)
        });
        if let Some(rule) = effect.rule() {
            assert!(idle.rules.iter().all(|idle| idle.rule != rule), "{}\n{request}\n{rule} decides", shown());
            if effect.is_allowed() {
                allowing.push((rule.to_owned(), asked));
            }
        }
    }
    let mut granting = 0;
    for (at, question) in questions().into_iter().enumerate() {
        let answer = query(policy, HOST, &question, BUDGET).unwrap_or_else(|error| panic!("{}\n{error:?}", shown()));
        assert!(answer.undecided.is_empty(), "{}\n{question:?} {:#?}", shown(), answer.undecided);
        for grant in &answer.grants {
            let decided = grant.witness.decide(&engine).effect;
            assert_eq!(decided, Effect::Allowed(Some(grant.also.clone().unwrap_or(grant.rule.clone()))), "{}", shown());
            if question.method.as_deref() == Some("GET") {
                assert_eq!(grant.witness.request.method, b"GET", "{}", shown());
            }
        }
        let granted: Vec<&str> = answer.grants.iter().map(|grant| &*grant.rule).collect();
        for (rule, _) in allowing.iter().filter(|(_, asked)| asked[at]) {
            assert!(
                granted.contains(&&**rule),
                "{}\n{question:?}: {rule} allows, and grants nothing: {granted:?}",
                shown()
            );
        }
        granting += granted.len();
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
