//! Security contexts: the gateway's pods comply with the `restricted` Pod Security Standard.

use serde_json::{Value, json};

/// For the whole pod.
pub(crate) fn of_pod() -> Value {
    json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}})
}

/// For each container in it.
pub(crate) fn of_container() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "capabilities": {"drop": ["ALL"]},
        "privileged": false,
        "readOnlyRootFilesystem": true,
        "runAsNonRoot": true,
        "seccompProfile": {"type": "RuntimeDefault"},
    })
}
