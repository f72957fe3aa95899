//! What every manifest of one upstream is made from, and the names they call each other by.

use sallyport_egress::model::deploy::{Delivery, Install};
use sallyport_egress::model::{Egress, Mesh};
use serde_json::{Map, Value, json};

/// The port of the gateway's Service, and so of its `Gateway`.
pub(super) const SERVICE_PORT: u16 = 443;
/// Where the pods listen: a port that needs no privilege. Istio maps the Service's port to it.
const POD_PORT: u16 = 8443;
/// Where the image volume is mounted.
pub(super) const IMAGE_VOLUME_PATH: &str = "/opt/sallyport";

/// The filter's image, pinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PinnedFilter {
    /// Repository without tag.
    pub(crate) image: String,
    /// The manifest's SHA-256, 64 hexadecimal digits.
    pub(crate) sha256: String,
}

impl PinnedFilter {
    /// `IMAGE@sha256:DIGEST`.
    pub(crate) fn reference(&self) -> String {
        format!("{}@sha256:{}", self.image, self.sha256)
    }

    /// The port of the registry, which the agent must reach.
    pub(super) fn registry_port(&self) -> u16 {
        let registry = self.image.split('/').next().unwrap_or_default();
        registry.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(443)
    }
}

/// One upstream in its mesh.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) egress: &'a Egress,
    pub(crate) mesh: &'a Mesh,
    pub(crate) filter: &'a PinnedFilter,
    /// Who is asked while the upstream is not, in order.
    pub(crate) standbys: &'a [&'a Egress],
}

impl Plan<'_> {
    /// Everybody whom this gateway asks: the upstream first, then its standbys in order.
    pub(super) fn upstreams(&self) -> impl Iterator<Item = &Egress> {
        std::iter::once(self.egress).chain(self.standbys.iter().copied())
    }

    /// The name of the gateway's own objects. No two Egresses of a namespace share one, whatever they are called: each
    /// object's name ends in what it is for.
    pub(super) fn gateway_name(&self) -> String {
        format!("{}-egress", self.egress.name)
    }

    /// The name of what describes the upstream.
    pub(super) fn upstream_name(&self) -> String {
        format!("{}-upstream", self.egress.name)
    }

    /// The name of what describes the host that callers use.
    pub(super) fn host_name(&self) -> String {
        format!("{}-host", self.egress.name)
    }

    /// The gateway's Service, in the namespace of whoever names it. Istio completes a name without a dot with its own
    /// cluster domain, which no file tells us.
    pub(super) fn service_host(&self) -> String {
        self.gateway_name()
    }

    pub(super) fn upstream_host(&self) -> String {
        self.egress.upstream_host()
    }

    pub(super) fn upstream_is_address(&self) -> bool {
        self.egress.upstream_is_address()
    }

    /// Where the pods listen. A gateway that istiod deploys listens on the Service's port.
    pub(super) fn pod_port(&self) -> u16 {
        if self.install() == Install::GatewayApi { SERVICE_PORT } else { POD_PORT }
    }

    pub(super) fn install(&self) -> Install {
        self.egress.spec.gateway.install
    }

    pub(super) fn by_image_volume(&self) -> bool {
        self.mesh.filter.delivery == Delivery::ImageVolume
    }

    /// What only this gateway's pods bear. Two labels, because an Istio `Gateway` selects pods of every namespace: a
    /// name alone would take the gateway of another team that chose the same.
    pub(super) fn selector(&self) -> Value {
        json!({"sallyport.dev/gateway": self.egress.name, "sallyport.dev/namespace": self.egress.namespace})
    }

    /// The selector, and what the tools of Kubernetes group by.
    pub(super) fn labels(&self) -> Value {
        let mut labels = common_labels(&self.gateway_name());
        if let (Some(labels), Value::Object(selector)) = (labels.as_object_mut(), self.selector()) {
            labels.extend(selector);
        }
        labels
    }

    pub(super) fn metadata(&self, name: &str) -> Value {
        json!({"name": name, "namespace": self.egress.namespace, "labels": self.labels()})
    }

    /// The same, where `istioctl analyze` is not to say this of the object: it is so on purpose.
    pub(super) fn metadata_without(&self, message: &str, name: &str) -> Value {
        let mut metadata = self.metadata(name);
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.insert("annotations".to_owned(), json!({"galley.istio.io/analyze-suppress": message}));
        }
        metadata
    }

    /// The fields by which a policy of Istio finds this gateway. Istio wants a gateway that it deployed itself to be
    /// named, and every other to be selected.
    pub(super) fn attached(&self, spec: Value) -> Value {
        let mut attached = match self.install() {
            Install::GatewayApi => Map::from_iter([(
                "targetRefs".to_owned(),
                json!([{
                    "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": self.gateway_name(),
                }]),
            )]),
            Install::Injected | Install::IstioOperator | Install::Helm => {
                Map::from_iter([("selector".to_owned(), json!({"matchLabels": self.selector()}))])
            }
        };
        if let Value::Object(spec) = spec {
            attached.extend(spec);
        }
        Value::Object(attached)
    }
}

/// The labels of everything that is made here.
pub(super) fn common_labels(name: &str) -> Value {
    json!({
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/managed-by": "sallyport",
        "app.kubernetes.io/part-of": "sallyport",
    })
}
