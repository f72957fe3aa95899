//! `spec.gateway`: the gateway's pods.

use crate::value::digest::Digest;
use crate::value::image::ImageReference;
use crate::value::names::{DecisionPath, ResourceName};
use crate::value::quantity::{Cpu, Memory};
use sallyport_core::wire::Shape;
use sallyport_core::{record, words};

const PODS: Shape = Shape::Whole { least: 1, most: 1000 };
const PODS_OR_NONE: Shape = Shape::Whole { least: 0, most: 1000 };

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
    }
}
