//! Service: the gateway's address in the cluster.

use serde_json::{Value, json};

use crate::plan::{Plan, SERVICE_PORT};

pub(crate) fn service(plan: &Plan<'_>) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": plan.metadata(&plan.gateway_name()),
        "spec": {"type": "ClusterIP", "selector": plan.selector(), "ports": ports(plan)},
    })
}

pub(crate) fn ports(plan: &Plan<'_>) -> Value {
    json!([{"name": "https", "port": SERVICE_PORT, "targetPort": plan.pod_port(), "protocol": "TCP"}])
}
