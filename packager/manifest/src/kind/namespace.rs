//! Namespace: where a file asks for it.

use serde_json::{Value, json};

use crate::plan::{Plan, common_labels};

/// The gateway's pods are injected by their own label; the namespace's label makes sure that injection is not disabled. Its
/// labels name no gateway, because several can share the namespace.
pub(crate) fn namespace(plan: &Plan<'_>) -> Value {
    let name = &plan.egress.namespace;
    let mut labels = common_labels(name);
    if let Some(labels) = labels.as_object_mut() {
        labels.insert("istio-injection".to_owned(), "enabled".into());
        labels.insert("pod-security.kubernetes.io/enforce".to_owned(), "restricted".into());
    }
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
}
