//! The fields of `spec.gateway` and `spec.expose`: the gateway's pods, and the way in from outside.

use super::{Block, Shape, choice, defaulted, optional, required};
use crate::parse::text::Text;

pub(crate) static EXPOSE: Block = Block {
    name: "expose",
    fields: &[
        required("host", Shape::Text(Text::ExposedHost), "The host that callers outside the mesh use."),
        defaulted(
            "gateway",
            Shape::Text(Text::IngressGateway),
            "`istio-system/ingressgateway`",
            "The ingress gateway: its namespace and the value of the label `istio` of its pods, `NAMESPACE/LABEL`.",
        ),
        required(
            "credentialName",
            Shape::Text(Text::ResourceName),
            "The Secret with the certificate of `host`, in the ingress gateway's namespace.",
        ),
        defaulted("httpsRedirect", Shape::Boolean, "`true`", "Whether plain HTTP is redirected to HTTPS."),
    ],
    tombstones: &[
        ("secret", "write `credentialName`"),
        ("secretName", "write `credentialName`"),
        ("hosts", "write `host`: one Egress has one way in"),
        ("tls", "write `credentialName`: the way in is always TLS"),
    ],
};

pub(crate) static GATEWAY: Block = Block {
    name: "gateway",
    fields: &[
        defaulted("replicas", Shape::Whole { least: 1, most: 1000 }, "2", "How many pods, at least."),
        defaulted(
            "maxReplicas",
            Shape::Whole { least: 1, most: 1000 },
            "`replicas`",
            "How many pods, at most. Above `replicas` the gateway scales with its load.",
        ),
        defaulted("install", INSTALL, "`injected`", "What makes the gateway's pods."),
        defaulted("resources", Shape::Block(&RESOURCES), "100m and 256Mi", "CPU and memory of each pod."),
        defaulted(
            "concurrency",
            Shape::Whole { least: 1, most: 128 },
            "2",
            "Worker threads of each Envoy. Each has its own copy of the filter and its policy.",
        ),
        defaulted(
            "drainSeconds",
            Shape::Whole { least: 1, most: 3600 },
            "30",
            "How many seconds a pod that is going away may take to end its requests.",
        ),
        defaulted("createNamespace", Shape::Boolean, "`false`", "Whether the Namespace is emitted, too."),
        optional("opa", Shape::Block(&OPA), "An OPA beside the proxy that must agree before a request passes."),
        defaulted(
            "numTrustedProxies",
            Shape::Whole { least: 0, most: 255 },
            "0",
            "How many proxies before the gateway are trusted to tell the caller's address (X-Forwarded-For).",
        ),
    ],
    tombstones: &[
        ("minReplicas", "write `replicas`"),
        ("replicaCount", "write `replicas`"),
        ("autoscaling", "write `maxReplicas`"),
        ("requests", "write `resources` with `cpu` and `memory`"),
        ("terminationGracePeriodSeconds", "write `drainSeconds`"),
        ("mode", "write `install`"),
    ],
};

const INSTALL: Shape = Shape::OneOf(&[
    choice("injected", "a Deployment that Istio's webhook fills"),
    choice("istiooperator", "a file for `istioctl manifest generate -f`"),
    choice("helm", "values for Istio's gateway chart"),
    choice("gateway-api", "a Gateway of the Kubernetes Gateway API"),
]);

static RESOURCES: Block = Block {
    name: "resources",
    fields: &[
        defaulted("cpu", Shape::Text(Text::Cpu), "`100m`", "The CPU that each pod asks for: `500m`, `1`."),
        defaulted(
            "memory",
            Shape::Text(Text::Memory),
            "`256Mi`",
            "The memory that each pod asks for, and its limit: `256Mi`, `1Gi`.",
        ),
    ],
    tombstones: &[
        ("requests", "write `cpu` and `memory` here; the limit of memory is the same"),
        ("limits", "write `cpu` and `memory` here; the limit of memory is the same"),
    ],
};

static OPA: Block = Block {
    name: "opa",
    fields: &[
        required("image", Shape::Text(Text::ImageReference), "The image of opa-envoy-plugin, with a tag or digest."),
        required(
            "policyConfigMap",
            Shape::Text(Text::ResourceName),
            "The ConfigMap with the Rego policy, in the Egress's namespace.",
        ),
        defaulted(
            "path",
            Shape::Text(Text::OpaPath),
            "`envoy/authz/allow`",
            "The decision that is asked for: package and rule, with slashes.",
        ),
    ],
    tombstones: &[("policy", "write the name of its ConfigMap in `policyConfigMap`")],
};
