//! What the gateway's pods are made of, whoever makes them.

use std::collections::{BTreeMap, BTreeSet};

use sallyport_core::health::READY_PATH;
use sallyport_egress::model::health::Readiness;
use sallyport_egress::model::outbound::Credential;
use sallyport_egress::model::{Egress, READINESS_PORT};
use serde_json::{Value, json};

use super::opa;
use super::plan::{IMAGE_VOLUME_PATH, Plan};

/// The setting of a gateway by which it says who calls. Without it the filter does not know its callers, and refuses them.
pub(super) const OF_CALLERS: &str = "forwardClientCertDetails";
const FILTER_VOLUME: &str = "sallyport-filter";

/// The kubelet waits so much longer than the proxy drains.
const AFTER_DRAIN_SECONDS: u32 = 10;
/// Ten years. Istio's agent deletes a module that is in use when no update touched it for this long.
const MODULE_EXPIRY: &str = "87600h";
/// Which of Envoy's numbers the dashboard and the alerts ask for: the filter's own, whether its configurations are taken,
/// what Istio's deny-all filter refuses, and how the upstream answers and shows itself.
const SHOWN: &str = r"proxyStatsMatcher:
  inclusionPrefixes:
  - sallyport
  - extension_config_discovery
  inclusionSuffixes:
  - wasm-default-deny.denied
  inclusionRegexps:
  - cluster\.outbound\|.*\.upstream_rq_[1-5]xx
  - cluster\.outbound\|.*\.ssl\.(fail_verify_(error|san|cert_hash)|certificate\..*)
";
/// Folders of the proxy's image: a file there needs no Secret, and a Secret there would hide the image's files.
const OF_THE_IMAGE: [&str; 3] = ["/etc/ssl", "/etc/pki", "/usr"];

pub(super) fn labels(plan: &Plan<'_>) -> Value {
    plan.labels()
}

pub(super) fn annotations(plan: &Plan<'_>) -> Value {
    json!({
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "15020",
        "prometheus.io/path": "/stats/prometheus",
        "proxy.istio.io/config": proxy_config(plan),
    })
}

/// Envoy says goodbye for as long as the agent waits for it, and so no longer than a pod has to go.
fn proxy_config(plan: &Plan<'_>) -> String {
    let gateway = &plan.egress.spec.gateway;
    let mut config = format!(
        "concurrency: {}\ndrainDuration: {drain}s\nterminationDrainDuration: {drain}s\n",
        gateway.concurrency,
        drain = gateway.drain_seconds
    );
    // Istio shows a few of Envoy's own numbers only, unless it is told of others.
    config.push_str(SHOWN);
    let forwarded = plan.egress.spec.authz.forward_client_cert_details();
    config.push_str(&format!("gatewayTopology:\n  {OF_CALLERS}: {forwarded}\n"));
    if gateway.num_trusted_proxies > 0 {
        config.push_str(&format!("  numTrustedProxies: {}\n", gateway.num_trusted_proxies));
    }
    config
}

pub(super) fn env() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([("WASM_MODULE_EXPIRY", MODULE_EXPIRY)])
}

pub(super) fn env_list(plan: &Plan<'_>) -> Value {
    let fixed = env().into_iter().map(|(name, value)| json!({"name": name, "value": value}));
    fixed.chain(secret_env(plan)).collect()
}

/// What the pods have from Secrets: the credentials of the upstream and its standbys, which the routes refer to.
pub(super) fn secret_env(plan: &Plan<'_>) -> Vec<Value> {
    let egresses = plan.standbys.iter().copied().chain([plan.egress]);
    let variable = |egress: &Egress| {
        let Credential { secret_name, secret_key, .. } = egress.spec.headers.credential.as_ref()?;
        let reference = json!({"name": secret_name, "key": secret_key});
        Some(json!({"name": egress.credential_variable(), "valueFrom": {"secretKeyRef": reference}}))
    };
    egresses.filter_map(variable).collect()
}

pub(super) fn grace_seconds(plan: &Plan<'_>) -> u32 {
    plan.egress.spec.gateway.drain_seconds.saturating_add(AFTER_DRAIN_SECONDS)
}

/// Memory is limited to what is asked for; CPU is not, because a throttled proxy is late for everybody.
pub(super) fn resources(plan: &Plan<'_>) -> Value {
    let resources = &plan.egress.spec.gateway.resources;
    json!({
        "requests": {"cpu": resources.cpu, "memory": resources.memory},
        "limits": {"memory": resources.memory},
    })
}

/// The filter answers, so no pod is ready without its policy. Istio lays this over its own probe, which asks the agent
/// whether Envoy has any configuration; what starts the pod stays Istio's.
///
/// A pod that goes with its upstream goes within five seconds, so that callers soon reach those who know better. The
/// others miss four answers, as many as Istio allows: one that is only late is of use, and would burden the rest.
pub(super) fn readiness_probe(plan: &Plan<'_>) -> Value {
    let failures = match plan.egress.spec.health.readiness {
        Readiness::Gateway => 4,
        Readiness::Upstream => 2,
    };
    json!({
        "httpGet": {"path": READY_PATH, "port": READINESS_PORT},
        "periodSeconds": 2,
        "timeoutSeconds": 1,
        "failureThreshold": failures,
    })
}

/// Over nodes and zones, as far as there are any: a pod that runs beside another is better than one that does not run.
pub(super) fn spread(plan: &Plan<'_>) -> Value {
    let over = |key: &str| {
        json!({
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": plan.selector()},
        })
    };
    json!([over("kubernetes.io/hostname"), over("topology.kubernetes.io/zone")])
}

/// A new pod is ready before an old one goes.
pub(super) fn strategy() -> Value {
    json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})
}

pub(super) fn pull_secrets(plan: &Plan<'_>) -> Option<Value> {
    let secret = plan.mesh.filter.pull_secret.as_ref().filter(|_| plan.by_image_volume())?;
    Some(json!([{"name": secret}]))
}

/// Of the proxy's container.
pub(super) fn mounts(plan: &Plan<'_>) -> Vec<Value> {
    let mut mounts = Vec::new();
    if plan.by_image_volume() {
        mounts.push(json!({"name": FILTER_VOLUME, "mountPath": IMAGE_VOLUME_PATH, "readOnly": true}));
    }
    for (position, egress) in plan.upstreams().enumerate() {
        let volume = tls_volume(position);
        mounts.extend(
            tls_folders(egress)
                .into_iter()
                .map(|folder| json!({"name": volume, "mountPath": folder, "readOnly": true})),
        );
    }
    mounts
}

pub(super) fn volumes(plan: &Plan<'_>) -> Vec<Value> {
    let mut volumes = Vec::new();
    if plan.by_image_volume() {
        let image = json!({"reference": plan.filter.reference(), "pullPolicy": "IfNotPresent"});
        volumes.push(json!({"name": FILTER_VOLUME, "image": image}));
    }
    for (position, egress) in plan.upstreams().enumerate().filter(|(_, egress)| !tls_folders(egress).is_empty()) {
        volumes.push(json!({"name": tls_volume(position), "secret": {"secretName": tls_secret_name(egress)}}));
    }
    if let Some(opa) = &plan.egress.spec.gateway.opa {
        volumes.push(opa::volume(opa));
    }
    volumes
}

/// Containers beside the proxy.
pub(super) fn others(plan: &Plan<'_>) -> Vec<Value> {
    plan.egress.spec.gateway.opa.iter().map(opa::container).collect()
}

/// Of the upstream, or of a standby by its position.
fn tls_volume(position: usize) -> String {
    if position == 0 { "upstream-tls".to_owned() } else { format!("standby-{position}-tls") }
}

/// The Secret with the files that `upstream.tls` names, whichever gateway asks that upstream.
fn tls_secret_name(egress: &Egress) -> String {
    format!("{}-upstream-tls", egress.name)
}

/// The folders of the files that `upstream.tls` names: each shows the keys of one Secret.
fn tls_folders(egress: &Egress) -> BTreeSet<&str> {
    let tls = &egress.spec.upstream.tls;
    let paths = [&tls.ca_certificates, &tls.client_certificate, &tls.private_key];
    let folders = paths.into_iter().flatten().filter_map(|path| Some(path.rsplit_once('/')?.0));
    let of_the_image = |folder: &str| OF_THE_IMAGE.iter().any(|image| folder.starts_with(image));
    folders.filter(|folder| !folder.is_empty() && !of_the_image(folder)).collect()
}

/// An empty list is left out.
pub(super) fn some(items: Vec<Value>) -> Option<Value> {
    (!items.is_empty()).then_some(Value::Array(items))
}
