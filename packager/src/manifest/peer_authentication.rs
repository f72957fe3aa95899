//! PeerAuthentication: mutual TLS only.

use serde_json::{Value, json};

use super::plan::Plan;

/// A gateway's listeners take their TLS from the `Gateway`, which says `ISTIO_MUTUAL`; this governs what else the pod may
/// ever listen on, and says to every reader and scanner what is meant.
pub(super) fn peer_authentication(plan: &Plan<'_>) -> Value {
    json!({
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": plan.metadata(&plan.gateway_name()),
        "spec": {"selector": {"matchLabels": plan.selector()}, "mtls": {"mode": "STRICT"}},
    })
}
