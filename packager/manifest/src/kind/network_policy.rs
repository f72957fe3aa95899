//! NetworkPolicy: the traffic that the network allows. Istio alone cannot enforce egress.

use sallyport_egress::model::{READINESS_PORT, Upstream};
use serde_json::{Value, json};

use super::opa;
use crate::plan::Plan;

/// Ingress: the gateway's port and metrics from the cluster, and the kubelet's probes. Egress: DNS, istiod, the registry
/// that the agent pulls the filter from, and the ports of the upstream and its standbys. The addresses of an upstream that
/// is given by name are not known, so its port is open to any address.
pub(crate) fn network_policy(plan: &Plan<'_>) -> Value {
    let cluster = json!([{"namespaceSelector": {}}]);
    let mut probes = vec![tcp(15021), tcp(READINESS_PORT)];
    if plan.egress.spec.gateway.opa.is_some() {
        probes.push(tcp(opa::PROBE_PORT));
    }
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": plan.metadata(&plan.gateway_name()),
        "spec": {
            "podSelector": {"matchLabels": plan.selector()},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {"from": cluster, "ports": [tcp(plan.pod_port()), tcp(15020)]},
                {"ports": probes},
            ],
            "egress": egress(plan),
        },
    })
}

fn egress(plan: &Plan<'_>) -> Value {
    let istiod = json!([{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "istiod"}}}]);
    let mut rules = vec![
        json!({"ports": [{"port": 53, "protocol": "UDP"}, tcp(53)]}),
        json!({"to": istiod, "ports": [tcp(15012)]}),
    ];
    if !plan.by_image_volume() {
        rules.push(json!({"ports": [tcp(plan.filter.registry_port())]}));
    }
    for Upstream { host, port, tls: _, protocol: _ } in plan.upstreams().map(|egress| &egress.spec.upstream) {
        let rule = match host.address() {
            Some(address) => json!({"to": [{"ipBlock": {"cidr": only(address)}}], "ports": [tcp(*port)]}),
            None => json!({"ports": [tcp(*port)]}),
        };
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    Value::Array(rules)
}

fn only(address: std::net::IpAddr) -> String {
    format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 })
}

fn tcp(port: u16) -> Value {
    json!({"port": port, "protocol": "TCP"})
}
