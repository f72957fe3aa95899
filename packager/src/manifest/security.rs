//! What a gateway's pods may do on their node: as little as the strictest of the Pod Security Standards allows.

use serde_json::{Value, json};

/// Of the whole pod.
pub(super) fn of_pod() -> Value {
    json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}})
}

/// Of each container in it.
pub(super) fn of_container() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "capabilities": {"drop": ["ALL"]},
        "privileged": false,
        "readOnlyRootFilesystem": true,
        "runAsNonRoot": true,
        "seccompProfile": {"type": "RuntimeDefault"},
    })
}
