//! `spec.expose`: callers outside the mesh, through the ingress gateway.

use crate::model::ISTIO_NAMESPACE;
use crate::value::host::ExposedHost;
use crate::value::names::{IngressGateway, ResourceName};
use sallyport_core::record;

/// The label `istio` of the pods of Istio's own ingress gateway.
pub(crate) const INGRESS_LABEL: &str = "ingressgateway";

record! {
    /// `spec.expose`.
    pub struct Expose = "expose" {
        /// The host that callers outside the mesh use.
        "host" host: ExposedHost = required,
        /// More hosts that they use. The certificate must have each.
        "aliases" aliases: Vec<ExposedHost> = default(Vec::new()),
        /// The ingress gateway: its namespace and the value of the label `istio` of its pods, `NAMESPACE/LABEL`.
        "gateway" gateway: IngressGateway = default(IngressGateway::of(ISTIO_NAMESPACE, INGRESS_LABEL)),
        /// The Secret with the certificate of `host`, in the ingress gateway's namespace.
        "credentialName" credential_name: ResourceName = required,
        /// Whether plain HTTP is redirected to HTTPS.
        "httpsRedirect" https_redirect: bool = default(true),
    }
    instead {
        "secret" => "write `credentialName`",
        "secretName" => "write `credentialName`",
        "hosts" => "write `host`, and the other hosts in `aliases`",
        "tls" => "write `credentialName`: an exposed host always uses TLS",
    }
}

impl Expose {
    /// Every host that callers outside the mesh use.
    pub fn hosts(&self) -> impl Iterator<Item = &ExposedHost> {
        std::iter::once(&self.host).chain(&self.aliases)
    }
}
