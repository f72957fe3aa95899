//! The settings of the gateway's pods that all ways of installation share.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sallyport_core::health::READY_PATH;
use sallyport_core::wire::Hygiene;
use sallyport_egress::Code;
use sallyport_egress::model::READINESS_PORT;
use sallyport_egress::model::health::Readiness;
use sallyport_egress::value::file_path::{CERTIFICATES, FileSource};
use serde_json::{Value, json};

use super::opa;
use crate::error::BuildError;
use crate::plan::{IMAGE_VOLUME_PATH, Plan, over};
use crate::secrets::{self, FromSecret, TlsVolume};

/// The setting of a gateway that forwards the caller's identity. Without it the filter does not know its callers, and
/// refuses them.
pub(crate) const FORWARDED_CALLER: &str = "forwardClientCertDetails";
const FILTER_VOLUME: &str = "sallyport-filter";

/// How much longer the kubelet waits than the proxy drains.
const AFTER_DRAIN_SECONDS: u32 = 10;
/// Ten years. Istio's agent deletes a module, even one in use, if no update has touched it for this long.
const MODULE_EXPIRY: &str = "87600h";
/// The statistics that the dashboard and the alerts use: the filter's own, whether its configurations are accepted, what
/// Istio's deny-all filter denies, and the responses and certificates of the gateway's upstreams.
///
/// Every gateway of a mesh knows the Services of all others. Of those nothing is kept, or the series of a fleet would grow with the
/// square of its size.
fn stats(plan: &Plan<'_>) -> String {
    let hosts: BTreeSet<_> = plan.upstreams().map(|upstream| upstream.upstream_host().replace('.', r"\.")).collect();
    let hosts = hosts.into_iter().collect::<Vec<_>>().join("|");
    // Istio ends the name of a cluster with a semicolon, so that it is not taken apart at its dots.
    let cluster = format!(r"cluster\.outbound\|.*\|({hosts});?");
    format!(
        r"proxyStatsMatcher:
  inclusionPrefixes:
  - sallyport
  - server.concurrency
  - extension_config_discovery
  inclusionSuffixes:
  - wasm-default-deny.denied
  inclusionRegexps:
  - {cluster}\.upstream_rq_[1-5]xx
  - {cluster}\.ssl\.(fail_verify_(error|san|cert_hash)|certificate\..*)
"
    )
}

pub(crate) fn labels(plan: &Plan<'_>) -> Value {
    plan.labels()
}

pub(crate) fn annotations(plan: &Plan<'_>) -> Value {
    let own = json!({
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "15020",
        "prometheus.io/path": "/stats/prometheus",
        "proxy.istio.io/config": proxy_config(plan),
    });
    over(&plan.mesh.annotations, own)
}

/// Envoy drains for as long as the agent waits for it, which is shorter than the pod's grace period.
fn proxy_config(plan: &Plan<'_>) -> String {
    let gateway = &plan.egress.spec.gateway;
    let mut config = format!(
        "concurrency: {}\ndrainDuration: {drain}s\nterminationDrainDuration: {drain}s\n",
        gateway.concurrency,
        drain = gateway.drain_seconds
    );
    // By default Istio exposes only a few of Envoy's statistics.
    config.push_str(&stats(plan));
    let forwarded = plan.egress.spec.authz.forward_client_cert_details();
    config.push_str(&format!("gatewayTopology:\n  {FORWARDED_CALLER}: {forwarded}\n"));
    if gateway.num_trusted_proxies > 0 {
        config.push_str(&format!("  numTrustedProxies: {}\n", gateway.num_trusted_proxies));
    }
    // Up to Envoy 1.36 the route removes this header before the router sets it.
    if plan.egress.spec.headers.hygiene != Hygiene::Off {
        config.push_str("proxyHeaders:\n  attemptCount:\n    disabled: true\n");
    }
    config
}

pub(crate) fn env() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([("WASM_MODULE_EXPIRY", MODULE_EXPIRY)])
}

pub(crate) fn env_list(plan: &Plan<'_>) -> Value {
    let fixed = env().into_iter().map(|(name, value)| json!({"name": name, "value": value}));
    fixed.chain(secret_env(plan)).collect()
}

/// Variables from Secrets.
pub(crate) fn secret_env(plan: &Plan<'_>) -> Vec<Value> {
    let variable = |FromSecret { variable, secret, key }| json!({"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}});
    secrets::variables(plan).into_iter().map(variable).collect()
}

pub(crate) fn grace_seconds(plan: &Plan<'_>) -> u32 {
    plan.egress.spec.gateway.drain_seconds.saturating_add(AFTER_DRAIN_SECONDS)
}

/// Memory is limited to the request. CPU is not, because a throttled proxy delays every caller.
pub(crate) fn resources(plan: &Plan<'_>) -> Value {
    let resources = &plan.egress.spec.gateway.resources;
    json!({
        "requests": {"cpu": resources.cpu, "memory": resources.memory},
        "limits": {"memory": resources.memory},
    })
}

/// The filter answers the probe, so no pod is ready without its policy. This replaces Istio's own readiness probe, which
/// checks that Envoy has any configuration; the startup probe remains Istio's.
///
/// With `readiness: upstream` a pod becomes unready within five seconds, so that callers are soon sent to other pods.
/// Otherwise it takes four failures, as many as Istio allows: a slow pod is still useful, and without it the others would
/// have to serve its load.
pub(crate) fn readiness_probe(plan: &Plan<'_>) -> Value {
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

/// Over nodes and zones if possible: a pod that shares a node is better than one that is not scheduled.
pub(crate) fn spread(plan: &Plan<'_>) -> Value {
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

/// By default a new pod is ready before an old one is terminated.
pub(crate) fn strategy(plan: &Plan<'_>) -> Value {
    let gateway = &plan.egress.spec.gateway;
    let update = json!({"maxSurge": gateway.max_surge, "maxUnavailable": gateway.max_unavailable});
    json!({"type": "RollingUpdate", "rollingUpdate": update})
}

pub(crate) fn pull_secrets(plan: &Plan<'_>) -> Option<Value> {
    let secret = plan.mesh.filter.pull_secret.as_ref().filter(|_| plan.by_image_volume())?;
    Some(json!([{"name": secret}]))
}

/// The volume mounts of the proxy's container.
pub(crate) fn mounts(plan: &Plan<'_>) -> Vec<Value> {
    let mut mounts = Vec::new();
    if plan.by_image_volume() {
        mounts.push(json!({"name": FILTER_VOLUME, "mountPath": IMAGE_VOLUME_PATH, "readOnly": true}));
    }
    for TlsVolume { name, folders, .. } in secrets::tls_volumes(plan) {
        mounts.extend(folders.iter().map(|folder| json!({"name": name, "mountPath": folder, "readOnly": true})));
    }
    mounts
}

pub(crate) fn volumes(plan: &Plan<'_>) -> Vec<Value> {
    let mut volumes = Vec::new();
    if plan.by_image_volume() {
        let image = json!({"reference": plan.filter.reference(), "pullPolicy": "IfNotPresent"});
        volumes.push(json!({"name": FILTER_VOLUME, "image": image}));
    }
    for TlsVolume { name, secret, .. } in secrets::tls_volumes(plan) {
        volumes.push(json!({"name": name, "secret": {"secretName": secret}}));
    }
    if let Some(opa) = &plan.egress.spec.gateway.opa {
        volumes.push(opa::volume(opa));
    }
    volumes
}

/// Containers beside the proxy.
pub(crate) fn others(plan: &Plan<'_>) -> Vec<Value> {
    plan.egress.spec.gateway.opa.iter().map(opa::container).collect()
}

/// Refuses files of `upstream.tls` that the pods could not have: Envoy would not find them, or Kubernetes would refuse the
/// pods.
pub(crate) fn check_files(plan: &Plan<'_>) -> Vec<BuildError> {
    let mut errors = Vec::new();
    for (field, path) in plan.egress.spec.upstream.tls.files() {
        let problem = match path.source() {
            FileSource::Relative => "is a relative path, which only `sallyport run` can read".to_owned(),
            FileSource::Taken(folder) => format!("is in `{folder}`, where no Secret can be mounted"),
            FileSource::Mounted(folder)
                if plan.by_image_volume() && Path::new(folder).starts_with(IMAGE_VOLUME_PATH) =>
            {
                format!("is in `{folder}`, where the filter's image is mounted")
            }
            FileSource::Mounted(_) | FileSource::Bundle | FileSource::Image => continue,
        };
        let (file, secret) = (path.rsplit('/').next().unwrap_or_default(), secrets::tls_secret_name(plan.egress));
        let message = format!("`upstream.tls.{field}` {problem}");
        let help = format!("write `{CERTIFICATES}/{file}`, and put the file into the Secret `{secret}` as `{file}`");
        let error = BuildError::of(plan.egress, Code::CertificatePath, message);
        errors.push(error.at(format!("spec.upstream.tls.{field}")).with_help(help));
    }
    errors
}

/// `None` for an empty list, so that the field is left out.
pub(crate) fn some(items: Vec<Value>) -> Option<Value> {
    (!items.is_empty()).then_some(Value::Array(items))
}
