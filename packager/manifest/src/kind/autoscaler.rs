//! HorizontalPodAutoscaler: if the file allows more pods than it asks for.

use serde_json::{Value, json};

use crate::plan::Plan;

/// `None` if the number of pods is fixed.
pub(crate) fn autoscaler(plan: &Plan<'_>) -> Option<Value> {
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

/// Without its target, which istiod adds for a gateway that it deploys.
pub(crate) fn spec(plan: &Plan<'_>) -> Option<Value> {
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

/// Percent of the requested CPU. It leaves headroom, because a new pod takes seconds until it serves.
pub(crate) const CPU_PERCENT: u32 = 70;
