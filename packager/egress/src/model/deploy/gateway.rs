//! `spec.gateway`: the gateway's pods.

use crate::value::digest::Digest;
use crate::value::image::ImageReference;
use crate::value::names::{DecisionPath, ResourceName};
use crate::value::quantity::{Cpu, Memory};
use sallyport_core::wire::Shape;
use sallyport_core::{record, words};

const PODS: Shape = Shape::Whole { least: 1, most: 1000 };
const PODS_OR_NONE: Shape = Shape::Whole { least: 0, most: 1000 };

/// For what a pod has, and `gateway` has not.
const OF_PODS: &str = "leave it out, or change the Deployment by `patches`";
/// For what only a gateway that several upstreams share has.
const OWN_GATEWAY: &str = "leave it out: an Egress has a gateway of its own";

record! {
    /// `spec.gateway`.
    pub struct Gateway: Default = "gateway" {
        /// The minimum number of pods.
        "replicas" replicas: u32 as (PODS) = default(2),
        /// The maximum number of pods. If it is greater than `replicas`, the gateway scales with its load.
        "maxReplicas" max_replicas: Option<u32> as (PODS) = default(None, "`replicas`"),
        /// What creates the gateway's pods.
        "install" install: Install = default(Install::Injected),
        /// CPU and memory of each pod.
        "resources" resources: Resources = default(Resources::default()),
        /// Worker threads of each Envoy. Each has its own copy of the filter and its policy.
        "concurrency" concurrency: u32 as (Shape::Whole { least: 1, most: 128 }) = default(2),
        /// How long a pod may take to finish its requests when it is stopped, in seconds.
        "drainSeconds" drain_seconds: u32 as (Shape::Whole { least: 1, most: 3600 }) = default(30),
        /// How many pods a rollout may make beyond `replicas`.
        "maxSurge" max_surge: u32 as (PODS_OR_NONE) = default(1),
        /// How many pods a rollout may take away before new ones are ready. Not 0 if `maxSurge` is 0.
        "maxUnavailable" max_unavailable: u32 as (PODS_OR_NONE) = default(0),
        /// Whether the manifests include the Namespace.
        "createNamespace" create_namespace: bool = default(false),
        /// The digest of the filter's image for this gateway alone, to try another version of the filter on it.
        "filterDigest" filter_digest: Option<Digest> = default(None, "that of all gateways"),
        /// An OPA sidecar that must agree before a request passes.
        "opa" opa: Option<Opa> = optional,
        /// How many proxies in front of the gateway are trusted to report the caller's address (X-Forwarded-For).
        "numTrustedProxies" num_trusted_proxies: u32 as (Shape::Whole { least: 0, most: 255 }) = default(0),
    }
    instead {
        "minReplicas" => "write `replicas`",
        "replicaCount" => "write `replicas`",
        "autoscaling" => "write `maxReplicas`",
        "strategy" => "write `maxSurge` and `maxUnavailable`",
        "rollingUpdate" => "write `maxSurge` and `maxUnavailable`",
        "requests" => "write `resources` with `cpu` and `memory`",
        "terminationGracePeriodSeconds" => "write `drainSeconds`",
        "gracePeriod" => "write `drainSeconds`",
        "hpa" => "write `maxReplicas`",
        "horizontalPodAutoscaler" => "write `maxReplicas`",
        "pdb" => "leave it out: `sallyport build` writes a PodDisruptionBudget",
        "podDisruptionBudget" => "leave it out: `sallyport build` writes a PodDisruptionBudget",
        "readinessProbe" => "write `readiness` in `health` of the Egress",
        "livenessProbe" => OF_PODS,
        "startupProbe" => OF_PODS,
        "image" => "leave it out: Istio chooses the proxy's image; that of the filter is `filter.image` of the Mesh file, and OPA's is `opa.image`",
        "env" => OF_PODS,
        "affinity" => OF_PODS,
        "tolerations" => OF_PODS,
        "nodeSelector" => OF_PODS,
        "topologySpreadConstraints" => OF_PODS,
        "priorityClassName" => OF_PODS,
        "securityContext" => OF_PODS,
        "imagePullSecrets" => OF_PODS,
        "volumes" => OF_PODS,
        "volumeMounts" => OF_PODS,
        "sidecars" => OF_PODS,
        "containers" => OF_PODS,
        "podAnnotations" => "write `annotations` of the Mesh file, or change the Deployment by `patches`",
        "annotations" => "write `annotations` of the Mesh file, or change the Deployment by `patches`",
        "podLabels" => "write `labels` of the Mesh file, or change the Deployment by `patches`",
        "labels" => "write `labels` of the Mesh file, or change the Deployment by `patches`",
        "serviceAccount" => OF_PODS,
        "serviceAccountName" => OF_PODS,
        "service" => "leave it out: only the mesh calls the gateway; callers outside of it come through `expose` of the Egress",
        "name" => "leave it out: the gateway has the name in `metadata`",
        "namespace" => "leave it out: the gateway has the namespace in `metadata`",
        "selector" => OWN_GATEWAY,
        "servers" => OWN_GATEWAY,
        "listeners" => OWN_GATEWAY,
        "gatewayClassName" => "write `install: gateway-api`",
        "istio" => OWN_GATEWAY,
        "accessLog" => "write `accessLog` of the Mesh file",
        "logLevel" => OF_PODS,
        "mode" => "write `install`",
        "digest" => "write `filterDigest`",
    }
}

words! {
    /// `gateway.install`: what makes the gateway's pods.
    pub enum Install {
        /// A Deployment, into which Istio's webhook injects the proxy.
        "injected" Injected,
        /// A file for `istioctl manifest generate -f`.
        "istiooperator" IstioOperator,
        /// Values for Istio's gateway chart.
        "helm" Helm,
        /// A Gateway of the Kubernetes Gateway API, which istiod deploys. Istio's default retries apply.
        "gateway-api" GatewayApi,
    }
}

record! {
    /// `gateway.resources`: as Kubernetes writes quantities.
    pub struct Resources: Default = "resources" {
        /// The CPU that each pod requests: `500m`, `1`.
        "cpu" cpu: Cpu = default(Cpu::of("100m")),
        /// The memory that each pod requests, and its limit: `256Mi`, `1Gi`.
        "memory" memory: Memory = default(Memory::of("256Mi")),
    }
    instead {
        "requests" => "write `cpu` and `memory` here; the limit of memory is the same",
        "limits" => "write `cpu` and `memory` here; the limit of memory is the same",
    }
}

record! {
    /// `gateway.opa`.
    pub struct Opa = "opa" {
        /// The image of opa-envoy-plugin, with a tag or digest.
        "image" image: ImageReference = required,
        /// The ConfigMap with the Rego policy, in the Egress's namespace.
        "policyConfigMap" policy_config_map: ResourceName = required,
        /// The decision to query: package and rule, separated by slashes.
        "path" path: DecisionPath = default(DecisionPath::of("envoy/authz/allow")),
    }
    instead {
        "policy" => "write the name of its ConfigMap in `policyConfigMap`",
        "configMap" => "write `policyConfigMap`",
        "rego" => "write the policy in a ConfigMap, and its name in `policyConfigMap`",
        "bundle" => "write the policy in a ConfigMap, and its name in `policyConfigMap`",
        "package" => "write it in `path`: `PACKAGE/RULE`",
        "query" => "write `path`",
        "decision" => "write `path`",
        "url" => "write `image`: OPA runs beside the gateway, and nothing else is asked",
        "address" => "write `image`: OPA runs beside the gateway, and nothing else is asked",
    }
}
