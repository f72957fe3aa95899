//! IstioOperator: input for `istioctl manifest generate -f`.

use sallyport_egress::model::Mesh;
use sallyport_egress::value::labels::Labels;
use serde_json::{Value, json};

use super::{autoscaler, pod, security, service};
use crate::plan::Plan;

/// The file format outlived the operator. It uses Istio's older charts; what they have no value for is set by overlays.
pub(crate) fn istio_operator(plan: &Plan<'_>) -> Value {
    let gateway = &plan.egress.spec.gateway;
    let name = plan.gateway_name();
    let scaled = autoscaler::spec(plan).is_some();
    json!({
        "apiVersion": "install.istio.io/v1alpha1",
        "kind": "IstioOperator",
        "metadata": {"name": name, "namespace": plan.egress.namespace},
        "spec": {
            "profile": "empty",
            "revision": plan.mesh.revision,
            "components": {"egressGateways": [{
                "name": name,
                "namespace": plan.egress.namespace,
                "enabled": true,
                "label": label(plan),
                "k8s": {
                    "env": pod::env_list(plan),
                    "podAnnotations": pod::annotations(plan),
                    "readinessProbe": pod::readiness_probe(plan),
                    "replicaCount": (!scaled).then_some(gateway.replicas),
                    "resources": pod::resources(plan),
                    "service": {"type": "ClusterIP", "ports": service::ports(plan)},
                    "serviceAnnotations": plan.with_annotations(json!({})),
                    "strategy": pod::strategy(plan),
                    "overlays": overlays(plan),
                },
            }]},
            "values": {"gateways": {"istio-egressgateway": {
                "autoscaleEnabled": scaled,
                "autoscaleMin": scaled.then_some(gateway.replicas),
                "autoscaleMax": gateway.max_replicas.filter(|_| scaled),
                // With the webhook's template the pods are the same as with the other ways of installation.
                "injectionTemplate": "gateway",
                // By default these charts mount two Secrets that do not exist.
                "secretVolumes": [],
                "additionalContainers": pod::some(pod::others(plan)),
            }}},
        },
    })
}

/// The chart gives the same `app` and `istio` labels to every gateway: a foreign `Gateway` that selects them would open a
/// port here, so they are overridden. The recommended labels of Kubernetes are left to the chart, which would otherwise
/// write them twice.
fn label(plan: &Plan<'_>) -> Value {
    let mut label = plan.selector();
    if let Some(label) = label.as_object_mut() {
        for key in ["app", "istio"] {
            label.insert(key.to_owned(), plan.gateway_name().into());
        }
    }
    label
}

fn overlays(plan: &Plan<'_>) -> Vec<Value> {
    let overlay = |version: &str, kind: &str, patches: Vec<Value>| json!({"apiVersion": version, "kind": kind, "name": plan.gateway_name(), "patches": patches});
    // The chart writes its labels into the Deployment's selector, too, which cannot change later.
    let of_mesh = |place: &str, pairs: &Labels| -> Vec<Value> {
        let path = |name: &str| format!("{place}.{}", name.replace('.', "\\."));
        pairs.iter().map(|(name, value)| json!({"path": path(name), "value": value})).collect()
    };
    let Mesh { labels, annotations, .. } = plan.mesh;
    let mut of_deployment = patches(plan);
    of_deployment.extend(of_mesh("metadata.labels", labels));
    of_deployment.extend(of_mesh("metadata.annotations", annotations));
    of_deployment.extend(of_mesh("spec.template.metadata.labels", labels));
    let of_service = of_mesh("metadata.labels", labels);
    let service = (!of_service.is_empty()).then(|| overlay("v1", "Service", of_service));
    std::iter::once(overlay("apps/v1", "Deployment", of_deployment)).chain(service).collect()
}

fn patches(plan: &Plan<'_>) -> Vec<Value> {
    let patch = |path: &str, value: Value| json!({"path": format!("spec.template.spec.{path}"), "value": value});
    let mut patches = vec![
        patch("serviceAccountName", json!(plan.gateway_name())),
        patch("automountServiceAccountToken", json!(false)),
        patch("terminationGracePeriodSeconds", json!(pod::grace_seconds(plan))),
        patch("securityContext", security::of_pod()),
        patch("topologySpreadConstraints", pod::spread(plan)),
        patch("containers.[name:istio-proxy].securityContext", security::of_container()),
    ];
    patches
        .extend(pod::some(pod::mounts(plan)).map(|mounts| patch("containers.[name:istio-proxy].volumeMounts", mounts)));
    patches.extend(pod::some(pod::volumes(plan)).map(|volumes| patch("volumes", volumes)));
    patches.extend(pod::pull_secrets(plan).map(|secrets| patch("imagePullSecrets", secrets)));
    patches
}
