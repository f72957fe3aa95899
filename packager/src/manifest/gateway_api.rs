//! Gateway, its parameters and HTTPRoute of the Kubernetes Gateway API: istiod deploys the gateway.

use sallyport_core::answer::ROUTE_HEADER;
use sallyport_egress::model::{Egress, READINESS_PORT};
use serde_json::{Value, json};

use super::plan::{Plan, SERVICE_PORT};
use super::refusal::Refusal;
use super::{autoscaler, disruption_budget, pod, security, yaml};
use crate::manifest::prune;
use sallyport_egress::Code;

/// Named and labelled as in the other ways to install, so that all else is the same.
pub(super) fn gateway(plan: &Plan<'_>) -> Value {
    let name = plan.gateway_name();
    let mut metadata = plan.metadata(&name);
    if let Some(metadata) = metadata.as_object_mut() {
        let annotations = json!({
            "gateway.istio.io/name-override": name,
            "gateway.istio.io/service-account": name,
            "networking.istio.io/service-type": "ClusterIP",
        });
        metadata.insert("annotations".to_owned(), annotations);
    }
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": metadata,
        "spec": {
            "gatewayClassName": "istio",
            "infrastructure": {
                "labels": plan.labels(),
                "parametersRef": {"group": "", "kind": "ConfigMap", "name": name},
            },
            "listeners": [{
                "name": "https",
                "hostname": plan.egress.spec.host,
                "port": SERVICE_PORT,
                "protocol": "HTTPS",
                "tls": {"mode": "Terminate", "options": {"gateway.istio.io/tls-terminate-mode": "ISTIO_MUTUAL"}},
                "allowedRoutes": {"namespaces": {"from": "Same"}},
            }, {
                // The kubelet's: our route names the other, so what the filter does not answer itself gets 404. A
                // listener needs no route, but a port of the Service, which istiod makes of it.
                "name": "ready",
                "port": READINESS_PORT,
                "protocol": "HTTP",
                "allowedRoutes": {"namespaces": {"from": "Same"}},
            }],
        },
    })
}

/// What istiod lays over what it makes.
pub(super) fn parameters(plan: &Plan<'_>) -> Value {
    let text = |value: Value| yaml::document(&prune(value));
    let scaled = autoscaler::spec(plan);
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": plan.metadata(&plan.gateway_name()),
        "data": {
            "deployment": text(deployment(plan)),
            "podDisruptionBudget": text(json!({"spec": disruption_budget::spec()})),
            "horizontalPodAutoscaler": scaled.map(|spec| text(json!({"spec": spec}))),
        },
    })
}

fn deployment(plan: &Plan<'_>) -> Value {
    let replicas = autoscaler::spec(plan).is_none().then_some(plan.egress.spec.gateway.replicas);
    let mut containers = vec![json!({
        "name": "istio-proxy",
        "env": pod::env_list(plan),
        "readinessProbe": pod::readiness_probe(plan),
        "resources": pod::resources(plan),
        "securityContext": security::of_container(),
        "volumeMounts": pod::some(pod::mounts(plan)),
    })];
    containers.extend(pod::others(plan));
    json!({"spec": {
        "replicas": replicas,
        "strategy": pod::strategy(),
        "template": {
            "metadata": {"annotations": pod::annotations(plan)},
            "spec": {
                "automountServiceAccountToken": false,
                "terminationGracePeriodSeconds": pod::grace_seconds(plan),
                "securityContext": security::of_pod(),
                "topologySpreadConstraints": pod::spread(plan),
                "imagePullSecrets": pod::pull_secrets(plan),
                "containers": containers,
                "volumes": pod::some(pod::volumes(plan)),
            },
        },
    }})
}

/// At the gateway: to the upstream, under its own name. Istio's VirtualService cannot name a gateway of this API.
pub(super) fn route(plan: &Plan<'_>) -> Result<Value, Refusal> {
    plan.upstreams().try_for_each(|egress| check_expressible(plan, egress))?;
    Ok(json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": plan.metadata(&plan.upstream_name()),
        "spec": {
            "hostnames": [plan.egress.spec.host],
            "parentRefs": [{"name": plan.gateway_name(), "sectionName": "https"}],
            "rules": plan.standbys.iter().copied().chain([plan.egress]).map(rule).chain([nowhere()]).collect::<Vec<_>>(),
        },
    }))
}

/// A filter of this API has so many places.
const MOST_REMOVED: usize = 16;

fn rule(egress: &Egress) -> Value {
    let set = egress.credential_header().map(|(name, value)| json!([{"name": name, "value": value}]));
    let request = json!({"remove": egress.spec.removed_from_requests(), "set": set});
    let mut filters = vec![
        json!({"type": "URLRewrite", "urlRewrite": {"hostname": egress.upstream_host()}}),
        json!({"type": "RequestHeaderModifier", "requestHeaderModifier": request}),
    ];
    let from_responses = egress.spec.removed_from_responses();
    if !from_responses.is_empty() {
        let response = json!({"remove": from_responses});
        filters.push(json!({"type": "ResponseHeaderModifier", "responseHeaderModifier": response}));
    }
    json!({
        "matches": [{"headers": [{"type": "Exact", "name": ROUTE_HEADER, "value": egress.route()}]}],
        "filters": filters,
        "backendRefs": [{
            "group": "networking.istio.io",
            "kind": "Hostname",
            "name": egress.upstream_host(),
            "port": egress.spec.upstream.port,
        }],
        "timeouts": egress.spec.route.timeout.as_ref().map(|timeout| json!({"request": timeout})),
    })
}

/// What the filter has not marked goes nowhere, but has a route: see `virtual_service::upstream`.
fn nowhere() -> Value {
    json!({"matches": [{"path": {"type": "PathPrefix", "value": "/"}}]})
}

/// What this API's standard channel has no word for is refused: left out, it would mean something else. Without retries
/// Istio's own hold, which repeat no HTTP request that the upstream has seen.
fn check_expressible(plan: &Plan<'_>, egress: &Egress) -> Result<(), Refusal> {
    let unsaid = if egress.spec.route.retries.as_ref().is_some_and(|retries| retries.attempts > 0) {
        "`route.retries` cannot be said in the Gateway API"
    } else if egress.spec.removed_from_requests().len() > MOST_REMOVED
        || egress.spec.removed_from_responses().len() > MOST_REMOVED
    {
        "more than sixteen headers to remove cannot be said in the Gateway API"
    } else if egress.upstream_is_address() {
        "an upstream that is an IP address cannot be named in the Gateway API"
    } else if egress.traffic_subset().is_some() {
        "`route.outlierDetection` beside `health.probe` cannot be said in the Gateway API"
    } else {
        return Ok(());
    };
    let message = if egress.name == plan.egress.name {
        unsaid.to_owned()
    } else {
        format!("its standby `{}`: {unsaid}", egress.name)
    };
    let help = "choose another `gateway.install`, such as `injected`";
    Err(Refusal::of(plan.egress, Code::InstallMode, message).with_help(help))
}
