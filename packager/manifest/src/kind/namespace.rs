//! Namespace: where a file asks for it.

use serde_json::{Value, json};

use crate::plan::{Plan, REVISION_LABEL};

/// The gateway's pods are injected by their own label; the namespace's label makes sure that injection is not disabled. Its
/// labels name no gateway, because several can share the namespace.
pub(crate) fn namespace(plan: &Plan<'_>) -> Value {
    let name = &plan.egress.namespace;
    let mut labels = plan.with_common_labels(name);
    if let Some(labels) = labels.as_object_mut() {
        // The two exclude each other: with both, the default revision injects.
        match &plan.mesh.revision {
            Some(revision) => labels.insert(REVISION_LABEL.to_owned(), revision.as_str().into()),
            None => labels.insert("istio-injection".to_owned(), "enabled".into()),
        };
        labels.insert("pod-security.kubernetes.io/enforce".to_owned(), "restricted".into());
    }
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": name, "labels": labels, "annotations": plan.with_annotations(json!({})),
    }})
}
