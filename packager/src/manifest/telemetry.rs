//! Telemetry: every request leaves a line.

use serde_json::{Value, json};

use super::plan::Plan;

/// `envoy` is the provider that every Istio has: a line a request on the proxy's stdout.
pub(super) fn telemetry(plan: &Plan<'_>) -> Value {
    json!({
        "apiVersion": "telemetry.istio.io/v1",
        "kind": "Telemetry",
        "metadata": plan.metadata(&plan.gateway_name()),
        "spec": plan.attached(json!({"accessLogging": [{"providers": [{"name": "envoy"}]}]})),
    })
}
