//! HorizontalPodAutoscaler: where the file allows more pods than it asks for.

use serde_json::{Value, json};

use super::plan::Plan;

/// `None`: the number of pods is fixed.
pub(super) fn autoscaler(plan: &Plan<'_>) -> Option<Value> {
    let mut spec = spec(plan)?;
    if let Some(spec) = spec.as_object_mut() {
        let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": plan.gateway_name()});
        spec.insert("scaleTargetRef".to_owned(), target);
    }
    Some(json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": plan.metadata(&plan.gateway_name()),
        "spec": spec,
    }))
}

/// Without its target, which istiod fills in for a gateway of its own.
pub(super) fn spec(plan: &Plan<'_>) -> Option<Value> {
    let gateway = &plan.egress.spec.gateway;
    let most = gateway.max_replicas.filter(|most| *most > gateway.replicas)?;
    Some(json!({
        "minReplicas": gateway.replicas,
        "maxReplicas": most,
        "metrics": [{"type": "Resource", "resource": {
            "name": "cpu", "target": {"type": "Utilization", "averageUtilization": CPU_PERCENT},
        }}],
    }))
}

/// Of the CPU asked for: a new pod takes seconds to serve, so there must be room until then.
pub(super) const CPU_PERCENT: u32 = 70;
