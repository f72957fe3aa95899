//! The one door for tables: a policy, a request, and what both opinions must say of it.

use crate::common::request::Request;
use crate::common::wire::read;
use crate::reference::{self, Outcome};
use sallyport_core::{Engine, wire};
use serde_json::{Map, Value, json};

/// Holds the engine and the reference to what is expected, in the words of `Outcome`'s `Display`.
#[track_caller]
pub fn check(policy: &Value, request: &Request, expect: &str) {
    let source: wire::Policy = read(policy).expect("a policy of the wire's shape");
    let case = || format!("\npolicy: {policy}\n{request}\n");
    let engine = match Engine::compile(&source) {
        Ok(engine) => engine,
        Err(problems) => panic!("refused: {problems}{}", case()),
    };
    let (engine, reference) = request.with_view(|view| {
        (Outcome::from(&engine.on_request(view)).to_string(), reference::decide(&source, view).to_string())
    });
    assert_eq!(reference, expect, "the reference (left) differs from what is expected{}", case());
    assert_eq!(engine, expect, "the engine (left) differs from what is expected{}", case());
}

/// Holds the compiler to refusing a policy with this code at this place.
#[track_caller]
pub fn refuses(policy: &Value, code: &str, path: &str) {
    let json = serde_json::to_vec(policy).expect("a policy is JSON");
    let problems = Engine::from_json(&json).expect_err("the policy is refused").problems;
    let found = problems.iter().any(|problem| problem.code.as_str() == code && problem.path == path);
    assert!(found, "no {code} at `{path}` in {problems:?}\npolicy: {policy}");
}

/// A policy of these rules.
pub fn policy(rules: impl IntoIterator<Item = Value>) -> Value {
    let rules: Vec<Value> = rules.into_iter().collect();
    json!({"version": 1, "upstream": "httpbin/httpbin", "rules": rules})
}

/// A policy of these rules and these further fields.
pub fn policy_with(fields: Value, rules: impl IntoIterator<Item = Value>) -> Value {
    merged(policy(rules), fields)
}

/// The rule `a`, which allows what the part says.
pub fn allow(part: Value) -> Value {
    merged(json!({"id": "a", "action": "ALLOW"}), part)
}

/// The rule `d`, which denies what the part says.
pub fn deny(part: Value) -> Value {
    merged(json!({"id": "d", "action": "DENY"}), part)
}

/// The rule `n`, which notes what the part says.
pub fn audit(part: Value) -> Value {
    merged(json!({"id": "n", "action": "AUDIT"}), part)
}

pub fn source(fields: Value) -> Value {
    json!({"from": [{"source": fields}]})
}

pub fn operation(fields: Value) -> Value {
    json!({"to": [{"operation": fields}]})
}

pub fn when(condition: Value) -> Value {
    json!({"when": [condition]})
}

/// Everyone and everything, as a rule has to say it.
pub fn anything() -> Value {
    operation(json!({"paths": ["*"]}))
}

/// The first object with the fields of the second.
pub fn merged(first: Value, second: Value) -> Value {
    let fields = |value| match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let mut all = fields(first);
    all.extend(fields(second));
    Value::Object(all)
}
