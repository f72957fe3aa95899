//! PodDisruptionBudget: maintenance evicts one pod at a time.

use serde_json::{Value, json};

use crate::plan::Plan;

pub(crate) fn disruption_budget(plan: &Plan<'_>) -> Value {
    let mut spec = spec();
    if let Some(spec) = spec.as_object_mut() {
        spec.insert("selector".to_owned(), json!({"matchLabels": plan.selector()}));
    }
    json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": plan.metadata(&plan.gateway_name()),
        "spec": spec,
    })
}

/// `maxUnavailable` and not `minAvailable`: a single replica must not block the draining of its node forever.
pub(crate) fn spec() -> Value {
    json!({"maxUnavailable": 1})
}
