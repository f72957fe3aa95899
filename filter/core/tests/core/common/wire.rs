//! The wire shape, read as the filter reads it.

use sallyport_core::wire;
use serde_json::{Value, json};

/// The policy that this JSON is, if it has the shape.
pub fn read(policy: &Value) -> Option<wire::Policy> {
    sallyport_core::engine::parse(&serde_json::to_vec(policy).ok()?).ok()
}

pub fn read_rule(rule: &Value) -> Option<wire::Rule> {
    let policy = json!({"version": 1, "upstream": "httpbin/httpbin", "rules": [rule]});
    read(&policy)?.rules.pop()
}
