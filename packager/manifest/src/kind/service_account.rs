//! ServiceAccount: the gateway's identity.

use serde_json::{Value, json};

use crate::plan::Plan;

/// No token for the Kubernetes API is mounted, because the agent needs none. It gets its certificates from istiod with a
/// token for `istio-ca`, which the injected pod projects by itself.
pub(crate) fn service_account(plan: &Plan<'_>) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": plan.metadata(&plan.gateway_name()),
        "automountServiceAccountToken": false,
    })
}
