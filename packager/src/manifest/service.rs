//! Service: the one address of the gateway's pods, inside the cluster.

use serde_json::{Value, json};

use super::plan::{Plan, SERVICE_PORT};

pub(super) fn service(plan: &Plan<'_>) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": plan.metadata(&plan.gateway_name()),
        "spec": {"type": "ClusterIP", "selector": plan.selector(), "ports": ports(plan)},
    })
}

pub(super) fn ports(plan: &Plan<'_>) -> Value {
    json!([{"name": "https", "port": SERVICE_PORT, "targetPort": plan.pod_port(), "protocol": "TCP"}])
}
