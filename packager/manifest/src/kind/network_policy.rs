//! NetworkPolicy: the traffic that the network allows. Istio alone cannot enforce egress.

use std::collections::BTreeSet;

use sallyport_core::wire::TracingMode;
use sallyport_egress::model::{Egress, Istiod, Provider, READINESS_PORT};
use sallyport_egress::value::host::Host;
use serde_json::{Value, json};

use super::opa;
use crate::callers::{CallerNamespaces, caller_namespaces};
use crate::plan::Plan;

/// The label that Kubernetes gives every namespace.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";
/// Where tracers listen: OTLP by gRPC and by HTTP, Zipkin.
const TRACER_PORTS: [u16; 3] = [4317, 4318, 9411];

/// One rule, and what it is for.
pub(crate) struct Allowed {
    pub(crate) rule: Value,
    pub(crate) reasons: Vec<String>,
}

/// Ingress: callers, metrics, and the kubelet's probes. Egress: DNS, istiod, and what the file asks for: the registry, the
/// upstream and its standbys, the tracer, key sets. The addresses of what is given by name are not known, so its port is open
/// to any address.
pub(crate) fn network_policy(plan: &Plan<'_>) -> Value {
    let rules = |allowed: Vec<Allowed>| allowed.into_iter().map(|allowed| allowed.rule).collect::<Vec<_>>();
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": plan.metadata(&plan.gateway_name()),
        "spec": {
            "podSelector": {"matchLabels": plan.selector()},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": rules(ingress(plan)),
            "egress": rules(egress(plan)),
        },
    })
}

pub(crate) fn ingress(plan: &Plan<'_>) -> Vec<Allowed> {
    let (callers, reason) = match caller_namespaces(plan.egress, plan.mesh, plan.candidate()) {
        CallerNamespaces::Only(namespaces) => (
            json!({"matchExpressions": [{"key": NAMESPACE_NAME, "operator": "In", "values": namespaces}]}),
            "Callers, from the namespaces that the rules name. Others cannot connect, and get no answer of the filter."
                .to_owned(),
        ),
        CallerNamespaces::Any(why) => {
            (json!({}), format!("Callers, from every namespace, because {why}. The filter decides about each request."))
        }
    };
    let mut probes = vec![tcp(15021), tcp(READINESS_PORT)];
    if plan.egress.spec.gateway.opa.is_some() {
        probes.push(tcp(opa::PROBE_PORT));
    }
    let mut allowed = Vec::new();
    let ports: Vec<_> = plan.entrances().iter().map(|entrance| tcp(entrance.pod)).collect();
    add(&mut allowed, json!({"from": [{"namespaceSelector": callers}], "ports": ports}), &reason);
    let metrics = json!({"from": [{"namespaceSelector": {}}], "ports": [tcp(15020)]});
    add(&mut allowed, metrics, "Prometheus, in any namespace.");
    add(&mut allowed, json!({"ports": probes}), "The kubelet's probes, which come from the node.");
    allowed
}

pub(crate) fn egress(plan: &Plan<'_>) -> Vec<Allowed> {
    let spec = &plan.egress.spec;
    let mut allowed = Vec::new();
    add(&mut allowed, json!({"ports": [{"port": 53, "protocol": "UDP"}, tcp(53)]}), "DNS.");
    add(&mut allowed, istiod(&plan.mesh.istiod), "istiod: configuration and certificates.");
    if !plan.by_image_volume() {
        let registry = json!({"ports": [tcp(plan.filter.registry_port())]});
        add(&mut allowed, registry, "The registry with the filter's image.");
    }
    for (position, egress) in plan.upstreams().enumerate() {
        let host = &egress.spec.upstream.host;
        let reason = if position == 0 { format!("The upstream, {host}.") } else { format!("A standby, {host}.") };
        for rule in to_upstream(egress) {
            add(&mut allowed, rule, &reason);
        }
    }
    for uri in spec.authn.jwt.iter().filter_map(|provider| provider.jwks_uri.as_ref()) {
        let reason = format!(
            "The key set of {}. By default istiod fetches it; with PILOT_JWT_ENABLE_REMOTE_JWKS the gateway does.",
            uri.host()
        );
        add(&mut allowed, json!({"ports": [tcp(uri.port())]}), &reason);
    }
    if spec.tracing.mode == TracingMode::Envoy {
        let (ports, reason) = tracer(plan);
        add(&mut allowed, json!({"ports": ports.into_iter().map(tcp).collect::<Vec<_>>()}), &reason);
    }
    allowed
}

/// The ports of the tracer: its own, if the Mesh file has it; otherwise those of all tracers there, and the usual ones.
fn tracer(plan: &Plan<'_>) -> (BTreeSet<u16>, String) {
    let name = plan.egress.spec.tracing.provider.as_ref();
    let tracers = || plan.mesh.providers().filter(Provider::is_tracer);
    let own = name.and_then(|name| tracers().find(|tracer| tracer.name == name.as_str()));
    match own.and_then(|tracer| Some((tracer, tracer.port?))) {
        Some((tracer, port)) => {
            let reason = format!(
                "The tracer `{}`. A Service that leads to another port of its pods needs a patch.",
                tracer.name
            );
            (BTreeSet::from([port]), reason)
        }
        None => {
            let ports = TRACER_PORTS.into_iter().chain(tracers().filter_map(|tracer| tracer.port)).collect();
            (ports, "The tracer, on the ports of OTLP and Zipkin. One that listens elsewhere needs a patch.".to_owned())
        }
    }
}

/// Inside the cluster by its label, in the namespace that the Mesh file names; outside by its address, as far as it is one.
fn istiod(istiod: &Istiod) -> Value {
    let Istiod { namespace, address, port } = istiod;
    match address.as_ref().map(|host| host.address()) {
        None => json!({
            "to": [{
                "namespaceSelector": {"matchLabels": {NAMESPACE_NAME: namespace}},
                "podSelector": {"matchLabels": {"app": "istiod"}},
            }],
            "ports": [tcp(*port)],
        }),
        Some(Some(address)) => json!({"to": [{"ipBlock": {"cidr": only(address)}}], "ports": [tcp(*port)]}),
        Some(None) => json!({"ports": [tcp(*port)]}),
    }
}

/// A rule that is there already is only explained further.
fn add(allowed: &mut Vec<Allowed>, rule: Value, reason: &str) {
    let reason = reason.to_owned();
    match allowed.iter_mut().find(|other| other.rule == rule) {
        Some(same) => same.reasons.push(reason),
        None => allowed.push(Allowed { rule, reasons: vec![reason] }),
    }
}

/// One rule for each of its addresses, with the ports there.
fn to_upstream(egress: &Egress) -> Vec<Value> {
    let upstream = &egress.spec.upstream;
    let rule = |host: &Host, port| {
        let others: BTreeSet<_> = egress.spec.ports.iter().map(|port| port.upstream_port).collect();
        let others = others.into_iter().filter(|other| *other != port);
        let ports: Vec<_> = std::iter::once(port).chain(others).map(tcp).collect();
        match host.address() {
            Some(address) => json!({"to": [{"ipBlock": {"cidr": only(address)}}], "ports": ports}),
            None => json!({"ports": ports}),
        }
    };
    match upstream.fixed_endpoints().as_slice() {
        [] => vec![rule(&upstream.host, upstream.port)],
        endpoints => endpoints.iter().map(|to| rule(&to.address, to.port.unwrap_or(upstream.port))).collect(),
    }
}

fn only(address: std::net::IpAddr) -> String {
    format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 })
}

fn tcp(port: u16) -> Value {
    json!({"port": port, "protocol": "TCP"})
}
