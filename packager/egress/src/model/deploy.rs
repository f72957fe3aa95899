//! What an Egress and a Mesh say of deployment: the gateway's pods, routes, limits, and how the filter gets there.

use serde::{Deserialize, Serialize};

/// `spec.expose`: callers outside the mesh, through the ingress gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expose {
    /// The host that outside callers use.
    pub host: String,
    /// The ingress gateway's namespace and the value of its `istio` label: `NAMESPACE/LABEL`. Default:
    /// `istio-system/ingressgateway`.
    #[serde(default = "Expose::default_gateway")]
    pub gateway: String,
    /// The Secret with the certificate for `host`, in the ingress gateway's namespace.
    pub credential_name: String,
    /// Whether plain HTTP is redirected. Default: yes.
    #[serde(default = "yes")]
    pub https_redirect: bool,
}

impl Expose {
    fn default_gateway() -> String {
        "istio-system/ingressgateway".to_owned()
    }
}

fn yes() -> bool {
    true
}

/// `spec.route`: how requests go to the upstream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Route {
    /// For the whole request, retries included, as Istio writes durations (`10s`). `None`: no limit of the gateway's own.
    pub timeout: Option<String>,
    /// Retries at the gateway. `None`: none; a legacy upstream is not asked twice unless somebody said that it may be.
    pub retries: Option<Retries>,
    /// Limits on connections to the upstream.
    pub connection_pool: Option<ConnectionPool>,
    /// When an upstream host is left out for a while.
    pub outlier_detection: Option<OutlierDetection>,
}

/// `spec.route.retries`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retries {
    /// How many times more.
    pub attempts: u32,
    /// For each attempt.
    #[serde(default)]
    pub per_try_timeout: Option<String>,
    /// Envoy's retry conditions, comma-separated. Default: `connect-failure,refused-stream`, which never repeat a
    /// request that the upstream has seen.
    #[serde(default = "Retries::default_conditions")]
    pub retry_on: String,
}

impl Retries {
    fn default_conditions() -> String {
        "connect-failure,refused-stream".to_owned()
    }
}

/// `spec.route.connectionPool`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ConnectionPool {
    /// Most connections from one gateway pod.
    pub max_connections: Option<u32>,
    /// For a new connection.
    pub connect_timeout: Option<String>,
    /// Most requests in flight from one gateway pod.
    pub max_requests: Option<u32>,
    /// Most requests waiting for a connection.
    pub max_pending_requests: Option<u32>,
}

/// `spec.route.outlierDetection`, with Istio's field names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OutlierDetection {
    /// In a row.
    pub consecutive5xx_errors: Option<u32>,
    /// Between two looks.
    pub interval: Option<String>,
    /// How long a host stays out.
    pub base_ejection_time: Option<String>,
    /// Most of the hosts, in percent.
    pub max_ejection_percent: Option<u32>,
}

/// `gateway.install`: what makes the gateway's pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Install {
    /// A Deployment of ours that Istio's webhook fills.
    #[default]
    Injected,
    /// A file for `istioctl manifest generate -f`.
    #[serde(rename = "istiooperator")]
    IstioOperator,
    /// Values for Istio's gateway chart.
    Helm,
    /// A Gateway of the Kubernetes Gateway API, which istiod deploys.
    GatewayApi,
}

/// `delivery`: how the filter reaches the proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// The agent pulls it from the registry.
    #[default]
    Oci,
    /// The kubelet mounts it as an image volume (Kubernetes 1.35 and later).
    ImageVolume,
}

/// CPU and memory, as Kubernetes writes quantities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Resources {
    /// Asked for. Default: `100m`.
    pub cpu: String,
    /// Asked for, and the limit. Default: `256Mi`.
    pub memory: String,
}

impl Default for Resources {
    fn default() -> Self {
        Self { cpu: "100m".to_owned(), memory: "256Mi".to_owned() }
    }
}

/// `gateway.opa`: an OPA sidecar that must agree before a request passes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Opa {
    /// The opa-envoy-plugin's image, with a tag or digest.
    pub image: String,
    /// The ConfigMap with the Rego policy, in the Egress's namespace.
    pub policy_config_map: String,
    /// The decision, as OPA's path. Default: `envoy/authz/allow`.
    #[serde(default = "Opa::default_path")]
    pub path: String,
}

impl Opa {
    fn default_path() -> String {
        "envoy/authz/allow".to_owned()
    }
}

/// `patches`: a change to an emitted manifest, applied last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Patch {
    /// The kind of the manifest that is changed.
    pub kind: String,
    /// Its name; absent: every manifest of the kind.
    #[serde(default)]
    pub name: Option<String>,
    /// Merged into it: mappings field by field, lists whole; `null` removes a field (RFC 7396). Exactly one of this and
    /// `json` is there.
    #[serde(default)]
    pub merge: Option<serde_json::Value>,
    /// Operations on it (RFC 6902).
    #[serde(default)]
    pub json: Option<serde_json::Value>,
}

/// `filter` of a Mesh: where the filter's image is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FilterImage {
    /// Repository without tag: `registry.example.com/sallyport/filter`.
    pub image: String,
    /// `sha256:...` of the manifest. Absent: taken from `sallyport.lock`.
    pub digest: Option<String>,
    /// The Secret (type `kubernetes.io/dockerconfigjson`) to pull with, in each gateway's namespace.
    pub pull_secret: Option<String>,
    /// How it reaches the proxy.
    pub delivery: Delivery,
}

impl Default for FilterImage {
    fn default() -> Self {
        Self {
            image: "registry.example.com/sallyport/filter".to_owned(),
            digest: None,
            pull_secret: None,
            delivery: Delivery::Oci,
        }
    }
}
