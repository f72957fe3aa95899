//! The Egress and Mesh files as plain data: `sallyport.dev/v1alpha1`.
//!
//! [`check`](crate::check()) fills these from YAML; nothing here refers to the text. Defaults live here and nowhere else:
//! what a reader of these types sees is what will happen, whether the file said it or not.

pub mod deploy;
pub mod health;
pub mod outbound;

use self::deploy::{Expose, FilterImage, Install, Opa, Patch, Resources, Route};
use self::health::Health;
use self::outbound::{Headers, Tracing};
use sallyport_core::wire;
use serde::{Deserialize, Serialize};

/// The `apiVersion` this build reads.
pub const API_VERSION: &str = "sallyport.dev/v1alpha1";

/// One upstream, one gateway.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Egress {
    /// `metadata.name`: a DNS label.
    pub name: String,
    /// `metadata.namespace`: a DNS label.
    pub namespace: String,
    /// What the gateway does.
    pub spec: EgressSpec,
}

/// Where the kubelet asks the gateway's pods whether they are ready.
pub const READINESS_PORT: u16 = 8081;

impl Egress {
    /// `NAMESPACE/NAME`: what the filter marks a request with that may go to this upstream.
    #[must_use]
    pub fn route(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// The host by which Istio knows the upstream. An IP address is no host name, so it gets one that nobody resolves.
    #[must_use]
    pub fn upstream_host(&self) -> String {
        if self.upstream_is_address() {
            format!("{}.{}.upstream.sallyport.internal", self.name, self.namespace)
        } else {
            self.spec.upstream.host.clone()
        }
    }

    /// Whether the upstream is named by an IP address.
    #[must_use]
    pub fn upstream_is_address(&self) -> bool {
        self.spec.upstream.host.parse::<std::net::IpAddr>().is_ok()
    }

    /// What the upstream reads as its own name: with the port where a browser would send it.
    #[must_use]
    pub fn upstream_authority(&self) -> String {
        let upstream = &self.spec.upstream;
        let host = match upstream.host.parse::<std::net::Ipv6Addr>() {
            Ok(address) => format!("[{address}]"),
            Err(_) => upstream.host.clone(),
        };
        let usual = if upstream.tls.mode == TlsMode::None { 80 } else { 443 };
        if upstream.port == usual { host } else { format!("{host}:{}", upstream.port) }
    }

    /// The subset of the upstream's DestinationRule that callers' requests go to, if not to the host as a whole.
    ///
    /// Envoy hides an ejected address from everybody who asks its cluster, and the gate's probe is to find out that it is
    /// well again. So where there are both, callers get a cluster of their own.
    #[must_use]
    pub fn traffic_subset(&self) -> Option<&'static str> {
        let has_both = self.spec.route.outlier_detection.is_some() && self.spec.health.probe.is_some();
        has_both.then_some("traffic")
    }

    /// Envoy's cluster of the upstream, as Istio names it, or of a subset of its DestinationRule.
    #[must_use]
    pub fn cluster(&self, subset: Option<&str>) -> String {
        format!("outbound|{}|{}|{}", self.spec.upstream.port, subset.unwrap_or_default(), self.upstream_host())
    }
}

/// What one gateway does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EgressSpec {
    /// The host that callers in the mesh use.
    pub host: String,
    /// The way in for callers outside the mesh. Absent: there is none.
    #[serde(default)]
    pub expose: Option<Expose>,
    /// Where the gateway sends what it lets through.
    pub upstream: Upstream,
    /// How it sends it there.
    #[serde(default)]
    pub route: Route,
    /// When it is not asked, and who is asked instead.
    #[serde(default)]
    pub health: Health,
    /// What the upstream is told of the trace.
    #[serde(default)]
    pub tracing: Tracing,
    /// What else leaves the mesh.
    #[serde(default)]
    pub headers: Headers,
    /// Who may do what. Absent: nobody may do anything.
    #[serde(skip_deserializing)] // read by the core
    pub authz: Authz,
    /// Whose tokens are believed. Absent: nobody's.
    #[serde(default)]
    pub authn: Authn,
    /// Whether refusals are enforced.
    #[serde(skip_deserializing)] // read by the core
    pub rollout: Rollout,
    /// The gateway's own shape.
    #[serde(default)]
    pub gateway: Gateway,
    /// Changes to the emitted manifests, applied last.
    #[serde(default)]
    pub patches: Vec<Patch>,
}

/// Where the gateway sends what it lets through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Upstream {
    /// A DNS name or an IP address.
    pub host: String,
    /// 1 to 65535.
    pub port: u16,
    /// How the connection is secured. Absent: TLS, verified.
    #[serde(default)]
    pub tls: UpstreamTls,
}

/// How the connection to the upstream is secured, with the field names of Istio's DestinationRule `tls`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpstreamTls {
    /// TLS, mutual TLS or none. Default: `SIMPLE`.
    pub mode: TlsMode,
    /// The server name sent to the upstream. Filled with `upstream.host` where the file leaves it out; `None` only
    /// without TLS, or for an upstream that is an IP address (which cannot be a server name).
    pub sni: Option<String>,
    /// Names of which the upstream's certificate must bear one. Filled with `sni`, or else `upstream.host`, where the
    /// file leaves it out; empty only without TLS.
    pub subject_alt_names: Vec<String>,
    /// Path of the authorities to believe. `None`: the system's.
    pub ca_certificates: Option<String>,
    /// Path of the gateway's certificate. `MUTUAL` only, and then always there.
    pub client_certificate: Option<String>,
    /// Path of the gateway's private key. `MUTUAL` only, and then always there.
    pub private_key: Option<String>,
}

impl Upstream {
    /// Fills what follows from other fields: the server name and the names that the certificate must bear.
    pub(crate) fn fill_tls_names(&mut self) {
        if self.tls.mode == TlsMode::None {
            return;
        }
        let is_address = self.host.parse::<std::net::IpAddr>().is_ok();
        if self.tls.sni.is_none() && !is_address {
            self.tls.sni = Some(self.host.clone());
        }
        if self.tls.subject_alt_names.is_empty() {
            let name = self.tls.sni.clone().unwrap_or_else(|| self.host.clone());
            self.tls.subject_alt_names.push(name);
        }
    }
}

/// Whether and how TLS is spoken to the upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TlsMode {
    /// TLS; the upstream shows a certificate.
    #[default]
    Simple,
    /// TLS; both sides show a certificate.
    Mutual,
    /// Plaintext.
    None,
}

/// Who may do what: the policy's rules in Istio's vocabulary, kept in the filter's own wire types.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Authz {
    /// Principals whose `x-forwarded-client-cert` is believed.
    pub trusted_forwarders: Vec<String>,
    /// Kinds of ambiguity that are let through to the rules instead of answered with 400.
    pub tolerate: Vec<wire::Ambiguity>,
    /// Whether a refused caller is told the id of the rule that refused it.
    pub disclose_rule: bool,
    /// The rules. None: nobody may do anything.
    pub rules: Vec<wire::Rule>,
}

impl Authz {
    /// What a gateway does with `x-forwarded-client-cert` (Istio's `gatewayTopology.forwardClientCertDetails`, Envoy's
    /// `forward_client_cert_details`): it writes its own, behind those of others only where somebody may speak for others.
    #[must_use]
    pub fn forward_client_cert_details(&self) -> &'static str {
        if self.trusted_forwarders.is_empty() { "SANITIZE_SET" } else { "APPEND_FORWARD" }
    }
}

/// Whose tokens are believed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Authn {
    /// Issuers of JSON Web Tokens, each issuer once.
    pub jwt: Vec<JwtProvider>,
}

/// An issuer of tokens, with the field names of Istio's RequestAuthentication `jwtRules`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JwtProvider {
    /// The token's `iss`.
    pub issuer: String,
    /// The token's `aud` must have one of these. Empty: any.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// The key set itself, as JSON text. Exactly one of this and `jwks_uri` is there.
    #[serde(default)]
    pub jwks: Option<String>,
    /// Where to fetch the key set.
    #[serde(default)]
    pub jwks_uri: Option<String>,
}

/// Whether refusals are enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// `enforce`, or `shadow`: refusals are only counted.
    pub mode: wire::Mode,
}

/// The gateway's own shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Gateway {
    /// How many pods, at least. Default: 2.
    pub replicas: u32,
    /// How many pods, at most; above `replicas` a HorizontalPodAutoscaler is emitted. Default: `replicas`.
    pub max_replicas: Option<u32>,
    /// What makes the pods. Default: `injected`.
    pub install: Install,
    /// Of each pod.
    pub resources: Resources,
    /// Worker threads of each Envoy. Default: 2.
    pub concurrency: u32,
    /// How long a pod may take to end its requests. Default: 30 s.
    pub drain_seconds: u32,
    /// Whether the namespace is emitted, too. Default: no.
    pub create_namespace: bool,
    /// An OPA beside the proxy. Absent: none.
    pub opa: Option<Opa>,
    /// How many proxies before the gateway are trusted to tell the caller's address. Default: 0.
    pub num_trusted_proxies: u32,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            replicas: 2,
            max_replicas: None,
            install: Install::default(),
            resources: Resources::default(),
            concurrency: 2,
            drain_seconds: 30,
            create_namespace: false,
            opa: None,
            num_trusted_proxies: 0,
        }
    }
}

/// What all gateways share.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mesh {
    /// `metadata.name`.
    pub name: String,
    /// Istio's minor version. Default: `1.31`.
    pub istio_version: String,
    /// The mesh's trust domain. Default: `cluster.local`.
    pub trust_domain: String,
    /// Other names under which the mesh's own trust domain is known.
    pub trust_domain_aliases: Vec<String>,
    /// Where the filter's image is.
    pub filter: FilterImage,
    /// In which form gateways write a line a request. Default: `text`.
    pub access_log: AccessLog,
}

/// The form of the access log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum AccessLog {
    /// As Istio has it, by the provider that every mesh has.
    #[default]
    Text,
    /// One object a line, by a provider that is part of the emitted mesh configuration.
    Json,
}

impl Mesh {
    /// The number after the first point of Istio's version.
    #[must_use]
    pub fn minor(&self) -> Option<u32> {
        self.istio_version.split('.').nth(1)?.parse().ok()
    }
}

impl Default for Mesh {
    /// The mesh that is meant where no Mesh file is given.
    fn default() -> Self {
        let MeshSpec { istio_version, trust_domain, trust_domain_aliases, filter, access_log } = MeshSpec::default();
        Self { name: "mesh".to_owned(), istio_version, trust_domain, trust_domain_aliases, filter, access_log }
    }
}

/// The `spec` of a Mesh file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct MeshSpec {
    pub(crate) istio_version: String,
    pub(crate) trust_domain: String,
    pub(crate) trust_domain_aliases: Vec<String>,
    pub(crate) filter: FilterImage,
    pub(crate) access_log: AccessLog,
}

impl Default for MeshSpec {
    fn default() -> Self {
        Self {
            istio_version: "1.31".to_owned(),
            trust_domain: "cluster.local".to_owned(),
            trust_domain_aliases: Vec::new(),
            filter: FilterImage::default(),
            access_log: AccessLog::default(),
        }
    }
}
