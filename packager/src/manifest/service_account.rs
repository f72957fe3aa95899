//! ServiceAccount: the gateway's identity.

use serde_json::{Value, json};

use super::plan::Plan;

/// No token of the Kubernetes API is mounted: the agent needs none. Its certificates come from istiod, to which it shows
/// a token for `istio-ca` that the injected pod projects by itself.
pub(super) fn service_account(plan: &Plan<'_>) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": plan.metadata(&plan.gateway_name()),
        "automountServiceAccountToken": false,
    })
}
