//! PeerAuthentication: mutual TLS only.

use serde_json::{Value, json};

use crate::plan::Plan;

/// The gateway's own listeners take their TLS settings from the `Gateway`, which has `ISTIO_MUTUAL`. This one applies to
/// anything else that the pod may listen on, and shows the intent to readers and scanners.
pub(crate) fn peer_authentication(plan: &Plan<'_>) -> Value {
    json!({
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": plan.metadata(&plan.gateway_name()),
        "spec": {"selector": {"matchLabels": plan.selector()}, "mtls": {"mode": "STRICT"}},
    })
}
