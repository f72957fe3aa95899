//! Values for Istio's `gateway` chart.

use serde_json::{Value, json};

use super::{autoscaler, disruption_budget, pod, security, service};
use crate::plan::{Plan, over};

/// They set the gateway's name, so the release can have any name.
pub(crate) fn helm_values(plan: &Plan<'_>) -> Value {
    let gateway = &plan.egress.spec.gateway;
    let scaled = autoscaler::spec(plan).is_some();
    let mut pod_annotations = pod::annotations(plan);
    if let Some(annotations) = pod_annotations.as_object_mut() {
        // Annotations replace those of the chart, so the chart's own two are repeated.
        annotations.insert("inject.istio.io/templates".to_owned(), "gateway".into());
        annotations.insert("sidecar.istio.io/inject".to_owned(), "true".into());
    }
    json!({
        "name": plan.gateway_name(),
        "revision": plan.mesh.revision,
        "replicaCount": (!scaled).then_some(gateway.replicas),
        "autoscaling": {
            "enabled": scaled,
            "minReplicas": scaled.then_some(gateway.replicas),
            "maxReplicas": gateway.max_replicas.filter(|_| scaled),
            "targetCPUUtilizationPercentage": scaled.then_some(autoscaler::CPU_PERCENT),
        },
        "serviceAccount": {"create": false, "name": plan.gateway_name()},
        "rbac": {"enabled": false},
        "labels": over(&plan.mesh.labels, plan.selector()),
        "annotations": plan.with_annotations(json!({})),
        "podAnnotations": pod_annotations,
        "securityContext": security::of_pod(),
        "containerSecurityContext": security::of_container(),
        "service": {"type": "ClusterIP", "ports": service::ports(plan)},
        // Merged with the chart's own limits, of which the CPU limit remains.
        "resources": pod::resources(plan),
        "env": pod::env(),
        "envVarFrom": pod::some(pod::secret_env(plan)),
        "readinessProbe": pod::readiness_probe(plan),
        "strategy": pod::strategy(plan),
        "terminationGracePeriodSeconds": pod::grace_seconds(plan),
        "topologySpreadConstraints": pod::spread(plan),
        "podDisruptionBudget": disruption_budget::spec(),
        "imagePullSecrets": pod::pull_secrets(plan),
        "volumes": pod::some(pod::volumes(plan)),
        "volumeMounts": pod::some(pod::mounts(plan)),
        "additionalContainers": pod::some(pod::others(plan)),
    })
}
