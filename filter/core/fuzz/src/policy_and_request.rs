//! A valid policy and a request near it: the engine and the reference agree.
#![no_main]

#[path = "../../tests/core/common/mod.rs"]
mod common;
#[path = "../../tests/core/reference/mod.rs"]
mod reference;

use arbitrary::Unstructured;
use common::generate;
use libfuzzer_sys::fuzz_target;
use sallyport_core::{PolicyCode, Engine};

fuzz_target!(|bytes: &[u8]| {
    let u = &mut Unstructured::new(bytes);
    let request = generate::request(u);
    let policy = generate::policy(u);
    let told = || format!("\npolicy: {}\n{request}", serde_json::to_string(&policy).unwrap_or_default());
    let engine = match Engine::compile(&policy) {
        Ok(engine) => engine,
        // Many expressions on one request: valid, and more than `check` takes.
        Err(refused) if refused.problems.iter().all(|problem| problem.code == PolicyCode::Limit) => return,
        Err(problems) => panic!("a valid policy was refused: {problems}{}", told()),
    };
    request.with_view(|view| {
        let decision = engine.on_request(view);
        let said = reference::Outcome::from(&decision);
        let expected = || reference::decide(&policy, view);
        assert!(reference::agrees(&policy, view, &said), "engine: {said}, reference: {}{}", expected(), told());
        assert_eq!(decision, engine.explain(view).decision, "explain differs{}", told());
    });
});
