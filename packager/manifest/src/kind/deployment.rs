//! Deployment: the gateway's pods, completed by Istio's webhook.

use sallyport_egress::model::READINESS_PORT;
use serde_json::{Value, json};

use super::{autoscaler, pod, security};
use crate::plan::{Plan, REVISION_LABEL};

pub(crate) fn deployment(plan: &Plan<'_>) -> Value {
    // With an autoscaler, a number here would reset the scale with every apply.
    let replicas = autoscaler::spec(plan).is_none().then_some(plan.egress.spec.gateway.replicas);
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": plan.metadata(&plan.gateway_name()),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": plan.selector()},
            "strategy": pod::strategy(plan),
            "template": {
                "metadata": {"labels": labels(plan), "annotations": annotations(plan)},
                "spec": pod_spec(plan),
            },
        },
    })
}

fn labels(plan: &Plan<'_>) -> Value {
    let labels = with(pod::labels(plan), "sidecar.istio.io/inject", "true");
    // Without it the webhook of the default revision would inject the pods.
    match &plan.mesh.revision {
        Some(revision) => with(labels, REVISION_LABEL, revision),
        None => labels,
    }
}

fn annotations(plan: &Plan<'_>) -> Value {
    with(pod::annotations(plan), "inject.istio.io/templates", "gateway")
}

fn with(mut map: Value, key: &str, value: &str) -> Value {
    if let Some(map) = map.as_object_mut() {
        map.insert(key.to_owned(), value.into());
    }
    map
}

/// Istio's webhook adds the proxy's image, arguments and volumes, and lets the fields that are written here override its own.
fn pod_spec(plan: &Plan<'_>) -> Value {
    let mut containers = vec![json!({
        "name": "istio-proxy",
        "image": "auto",
        "env": pod::env_list(plan),
        "ports": ports(plan),
        "readinessProbe": pod::readiness_probe(plan),
        "resources": pod::resources(plan),
        "securityContext": security::of_container(),
        "volumeMounts": pod::some(pod::mounts(plan)),
    })];
    containers.extend(pod::others(plan));
    json!({
        "serviceAccountName": plan.gateway_name(),
        "automountServiceAccountToken": false,
        "terminationGracePeriodSeconds": pod::grace_seconds(plan),
        "securityContext": security::of_pod(),
        "topologySpreadConstraints": pod::spread(plan),
        "imagePullSecrets": pod::pull_secrets(plan),
        "containers": containers,
        "volumes": pod::some(pod::volumes(plan)),
    })
}

fn ports(plan: &Plan<'_>) -> Value {
    let port = |name: &str, port| json!({"name": name, "containerPort": port, "protocol": "TCP"});
    let entrances = plan.entrances();
    let of_callers = entrances.iter().map(|entrance| port(&entrance.name("https"), entrance.pod));
    of_callers.chain([port("ready", READINESS_PORT)]).collect()
}
