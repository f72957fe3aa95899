//! PodDisruptionBudget: maintenance takes one pod at a time.

use serde_json::{Value, json};

use super::plan::Plan;

pub(super) fn disruption_budget(plan: &Plan<'_>) -> Value {
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

/// At most one missing, not at least one there: a single pod must not block the draining of its node for ever.
pub(super) fn spec() -> Value {
    json!({"maxUnavailable": 1})
}
