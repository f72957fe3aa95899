//! Gateway, its parameters and HTTPRoute of the Kubernetes Gateway API: istiod deploys the gateway.

use sallyport_core::answer::ROUTE_HEADER;
use sallyport_egress::Code;
use sallyport_egress::model::{Egress, READINESS_PORT};
use serde_json::{Value, json};

use super::{autoscaler, disruption_budget, pod, security};
use crate::error::BuildError;
use crate::plan::{Entrance, Plan, REVISION_LABEL};
use crate::yaml;

/// Named and labelled as with the other ways of installation, so that everything else is the same.
pub(crate) fn gateway(plan: &Plan<'_>) -> Value {
    let name = plan.gateway_name();
    let mut metadata = plan.annotated(
        &name,
        json!({
            "gateway.istio.io/name-override": name,
            "gateway.istio.io/service-account": name,
            "networking.istio.io/service-type": "ClusterIP",
        }),
    );
    if let (Some(revision), Some(labels)) =
        (&plan.mesh.revision, metadata.get_mut("labels").and_then(Value::as_object_mut))
    {
        // The istiod of this revision deploys it, and no other.
        labels.insert(REVISION_LABEL.to_owned(), revision.as_str().into());
    }
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": metadata,
        "spec": {
            "gatewayClassName": "istio",
            "infrastructure": {
                "labels": plan.labels(),
                "annotations": plan.with_annotations(json!({})),
                "parametersRef": {"group": "", "kind": "ConfigMap", "name": name},
            },
            "listeners": listeners(plan),
        },
    })
}

fn listeners(plan: &Plan<'_>) -> Vec<Value> {
    // A listener has one host or all. With aliases it is all, because callers' sidecars ask for every alias by one server
    // name; the route has the hosts.
    let hostname = plan.egress.spec.aliases.is_empty().then_some(&plan.egress.spec.host);
    let of_callers = |entrance: &Entrance| {
        json!({
            "name": entrance.name("https"),
            "hostname": hostname,
            "port": entrance.service,
            "protocol": "HTTPS",
            "tls": {"mode": "Terminate", "options": {"gateway.istio.io/tls-terminate-mode": "ISTIO_MUTUAL"}},
            "allowedRoutes": {"namespaces": {"from": "Same"}},
        })
    };
    let mut listeners: Vec<_> = plan.entrances().iter().map(of_callers).collect();
    listeners.push(json!({
        // For the kubelet's probe. The routes are bound to the other listeners, so whatever the filter does not answer gets
        // 404. istiod makes a port of the Service from the listener, which the probe needs.
        "name": "ready",
        "port": READINESS_PORT,
        "protocol": "HTTP",
        "allowedRoutes": {"namespaces": {"from": "Same"}},
    }));
    listeners
}

/// What istiod merges into the objects that it makes.
pub(crate) fn parameters(plan: &Plan<'_>) -> Value {
    let text = |value: Value| yaml::document(&yaml::without_nulls(value));
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
        "strategy": pod::strategy(plan),
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

/// From the gateway to the upstream, under the upstream's own name: one for each listener, because no rule can be for a port.
/// A VirtualService of Istio cannot refer to a gateway of this API.
pub(crate) fn routes(plan: &Plan<'_>) -> Vec<Value> {
    let of = |entrance: &Entrance| {
        let upstreams = plan.standbys.iter().copied().chain([plan.egress]);
        let rules = upstreams.filter_map(|egress| Some(rule(egress, egress.upstream_port(entrance.callers)?)));
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": plan.metadata(&entrance.name(&plan.upstream_name())),
            "spec": {
                "hostnames": plan.hosts(),
                "parentRefs": [{"name": plan.gateway_name(), "sectionName": entrance.name("https")}],
                "rules": rules.chain([nowhere()]).collect::<Vec<_>>(),
            },
        })
    };
    plan.entrances().iter().map(of).collect()
}

/// The most entries that a list in a filter of this API may have.
const MOST_REMOVED: usize = 16;
/// The most hosts that a route of this API may have.
const MOST_HOSTS: usize = 16;

fn rule(egress: &Egress, port: u16) -> Value {
    let authority = egress.upstream_authority_at(port);
    let mut set = Vec::new();
    let mut filters = Vec::new();
    if authority.is_dns_name() {
        filters.push(json!({"type": "URLRewrite", "urlRewrite": {"hostname": authority}}));
    } else {
        // A host rewrite of this API has no port and no address. istiod makes a host rewrite from this header, too.
        set.push(json!({"name": "Host", "value": authority}));
    }
    set.extend(egress.credential_header().map(|(name, value)| json!({"name": name, "value": value})));
    let request = json!({"remove": egress.spec.headers.removed_from_requests(), "set": pod::some(set)});
    filters.push(json!({"type": "RequestHeaderModifier", "requestHeaderModifier": request}));
    let from_responses = egress.spec.headers.removed_from_responses();
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
            "port": port,
        }],
        "timeouts": egress.spec.route.timeout.as_ref().map(|timeout| json!({"request": timeout.in_whole_units()})),
    })
}

/// A request that the filter has not marked matches a route without a backend: see `virtual_service::upstream`.
fn nowhere() -> Value {
    json!({"matches": [{"path": {"type": "PathPrefix", "value": "/"}}]})
}

/// What the standard channel of this API cannot express, of the upstream and of its standbys: if it were left out, the route
/// would behave differently.
pub(crate) fn inexpressible(plan: &Plan<'_>) -> Vec<BuildError> {
    plan.upstreams().flat_map(|egress| inexpressible_fields(plan, egress)).collect()
}

/// What this API changes although the file does not say so.
pub(crate) fn warnings(plan: &Plan<'_>) -> Vec<BuildError> {
    if plan.egress.spec.route.retries.as_ref().is_some_and(|retries| retries.attempts > 0) {
        return Vec::new();
    }
    let message = "with `gateway-api`, Istio's default retries apply: a gRPC request that ended with UNAVAILABLE or CANCELLED \
                   is sent again";
    let help = "choose another `gateway.install`, such as `injected`, if no request may be sent twice";
    vec![BuildError::of(plan.egress, Code::DefaultRetries, message).at("spec.gateway.install").with_help(help)]
}

fn inexpressible_fields(plan: &Plan<'_>, egress: &Egress) -> Vec<BuildError> {
    let is_retried = egress.spec.route.retries.as_ref().is_some_and(|retries| retries.attempts > 0);
    let headers = &egress.spec.headers;
    let removes_many =
        headers.removed_from_requests().len() > MOST_REMOVED || headers.removed_from_responses().len() > MOST_REMOVED;
    let fields = [
        (is_retried, "spec.route.retries", "the Gateway API cannot express `route.retries`"),
        (removes_many, "spec.headers", "the Gateway API cannot remove more than sixteen headers"),
        (
            !egress.spec.route.paths.is_empty(),
            "spec.route.paths",
            "the Gateway API cannot express `route.paths` so that no other spelling of a path takes another route",
        ),
        (
            egress.name == plan.egress.name && plan.hosts().len() > MOST_HOSTS,
            "spec.aliases",
            "the Gateway API cannot express more than fifteen `aliases`",
        ),
    ];
    let of_plan = egress.name == plan.egress.name;
    let problem = |(_, field, message): (bool, &str, &str)| {
        let message = if of_plan { message.to_owned() } else { format!("its standby `{}`: {message}", egress.name) };
        // A standby's own field is in another file.
        BuildError::of(plan.egress, Code::InstallMode, message)
            .at(if of_plan { field } else { "spec.gateway.install" })
            .with_help("choose another `gateway.install`, such as `injected`")
    };
    fields.into_iter().filter(|(applies, ..)| *applies).map(problem).collect()
}
