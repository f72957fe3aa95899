//! The stages without a host: what each asks for, and what it says is to be done.

mod configure;
mod end;
mod health;
mod identity;
mod probe;
mod readiness;
mod request;
mod tick;
mod trailers;

use super::{Answered, Effect, Forward, Needs, Properties, RequestHeaders, RequestStep, WorkerState};
use crate::engine::Engine;
use crate::request::pairs::Pair;

/// Any caller may read; `/admin` is denied.
const RULES: &str = r#"
    {"id": "read", "action": "ALLOW", "to": [{"operation": {"methods": ["GET", "POST"]}}]},
    {"id": "admin", "action": "DENY", "to": [{"operation": {"paths": ["/admin"]}}]}"#;
const SLEEP: &str = "spiffe://cluster.local/ns/httpbin/sa/sleep";

/// A policy of these rules with these further fields, each with a comma before it.
fn engine(rules: &str, more: &str) -> Engine {
    let policy = format!(r#"{{"version": 1, "upstream": "httpbin/httpbin", "rules": [{rules}]{more}}}"#);
    Engine::from_json(policy.as_bytes()).unwrap_or_else(|invalid| panic!("{invalid}\n{policy}"))
}

fn headers<'a>(method: &'a str, path: &'a str) -> Vec<Pair<'a>> {
    vec![
        (b":method", method.as_bytes()),
        (b":path", path.as_bytes()),
        (b":authority", b"httpbin.example.com"),
        (b"x-request-id", b"id-1"),
    ]
}

/// A caller with this certificate, as the gateway names it.
fn certificate<'a>(headers: &mut Vec<Pair<'a>>, line: &'a str) {
    headers.push((b"x-forwarded-client-cert", line.as_bytes()));
}

/// What a host would say of a connection with a certificate of this name.
fn mtls(name: &str) -> Properties {
    Properties::default().with(Needs::MTLS, &[1]).with(Needs::URI_SAN, name.as_bytes())
}

/// Plays the host: lists what it is asked for, says nothing beside `properties`, and returns the last step.
fn run<'r>(
    engine: &'r Engine,
    worker: &mut WorkerState,
    headers: &'r [Pair<'r>],
    properties: &'r Properties,
) -> (Vec<Needs>, RequestStep<'r>) {
    let mut stage = RequestHeaders::default();
    let mut asked = Vec::new();
    loop {
        match stage.next(engine, worker, headers, properties) {
            RequestStep::Ask(needs) => asked.push(needs),
            step => return (asked, step),
        }
    }
}

fn forward<'r>(
    engine: &'r Engine,
    worker: &mut WorkerState,
    headers: &'r [Pair<'r>],
    properties: &'r Properties,
) -> Forward<'r> {
    match run(engine, worker, headers, properties).1 {
        RequestStep::Forward(forward) => forward,
        step => panic!("not forwarded: {step:?}"),
    }
}

fn answered<'r>(
    engine: &'r Engine,
    worker: &mut WorkerState,
    headers: &'r [Pair<'r>],
    properties: &'r Properties,
) -> Answered<'r> {
    match run(engine, worker, headers, properties).1 {
        RequestStep::Answer(answered) => answered,
        step => panic!("not answered: {step:?}"),
    }
}

/// The counters that have grown, by name.
fn counted(engine: &Engine, worker: &mut WorkerState) -> Vec<(String, u64)> {
    let flush = worker.flush(engine, 5_000);
    flush.increases.iter().map(|increase| (worker.counter_name(increase.slot, engine), increase.by)).collect()
}

fn is_log(effect: &Effect) -> bool {
    matches!(effect, Effect::Log(..))
}

/// Metrics as `NAME VALUE`.
fn metrics(effects: &[Effect]) -> Vec<String> {
    let metric = |effect: &Effect| match effect {
        Effect::Metric { name, value, .. } => Some(format!("{name} {value}")),
        Effect::Step { name, is_up } => Some(format!("{name} {}", if *is_up { "up" } else { "down" })),
        Effect::Log(..) => None,
    };
    effects.iter().filter_map(metric).collect()
}
