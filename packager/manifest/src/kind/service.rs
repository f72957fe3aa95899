//! Service: the gateway's address in the cluster.

use serde_json::{Value, json};

use crate::plan::{Entrance, Plan};

pub(crate) fn service(plan: &Plan<'_>) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": plan.metadata(&plan.gateway_name()),
        "spec": {"type": "ClusterIP", "selector": plan.selector(), "ports": ports(plan)},
    })
}

pub(crate) fn ports(plan: &Plan<'_>) -> Value {
    let port = |entrance: &Entrance| {
        json!({
            "name": entrance.name("https"),
            "port": entrance.service,
            "targetPort": entrance.pod,
            "protocol": "TCP",
        })
    };
    plan.entrances().iter().map(port).collect()
}
