//! The Egress and Mesh files as plain data: `sallyport.dev/v1alpha1`.
//!
//! # Design
//! A field is declared once, in the file of its block: its name, its type, its default and its documentation. From the
//! declaration come what [`check`](crate::check()) accepts, the JSON Schema, the reference documentation and the type that
//! everything else reads. What the filter gets of a block is made in the same file (`to_wire`). Blocks that the filter reads
//! as they are written (rules) and words that both have (`override`, `hygiene`) are the core's own. What a declaration cannot
//! say, because fields depend on each other, is in `parse/cross`.
//!
//! [`check`](crate::check()) fills these from YAML; nothing here refers to the text. What a reader of these types sees is
//! what will happen, whether the file said it or not.

pub mod authz;
mod candidate;
pub mod cases;
pub mod deploy;
pub mod health;
mod mesh;
pub mod outbound;
mod provider;
pub mod rollout;
pub(crate) mod upstream;

pub use self::authz::{Authn, Authz, JwtProvider, Rollout};
pub use self::candidate::{Applied, Candidate};
pub(crate) use self::candidate::{CandidateFile, CandidateSpec};
pub use self::deploy::Gateway;
pub use self::health::READINESS_PORT;
pub(crate) use self::mesh::MeshFile;
pub use self::mesh::{
    AccessLog, DnsCapture, ISTIO_NAMESPACE, IstioVersion, Istiod, Mesh, OWN_PROVIDERS, OutboundTraffic,
};
pub use self::provider::Provider;
pub(crate) use self::provider::{PROVIDER_KINDS, ProviderKind};
pub(crate) use self::rollout::RolloutFile;
pub use self::upstream::{Endpoint, HttpVersion, TlsMode, Upstream, UpstreamTls};

use self::deploy::port::{CALLERS_PORT, GATEWAY_API_PORT, GATEWAY_PORT, Port};
use self::deploy::{Expose, Install, Patch, Route};
use self::health::Health;
use self::outbound::{Credential, Headers, Tracing};
use crate::code::Code;
use crate::diagnostic::UnplacedDiagnostic;
use crate::value::authority::Authority;
use crate::value::host::Host;
use crate::value::labels::Labels;
use crate::value::names::DnsLabel;
use crate::wording::{did_you_mean, either, quoted};
use sallyport_core::record;
use sallyport_core::wire::{Shape, TextKind};

/// The `apiVersion` this build reads.
pub const API_VERSION: &str = "sallyport.dev/v1alpha1";

/// The kinds of file.
pub(crate) const KINDS: [&str; 5] = ["Egress", "Mesh", "Cases", "Candidate", "Rollout"];

/// One upstream, one gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct Egress {
    /// `metadata.name`.
    pub name: DnsLabel,
    /// `metadata.namespace`.
    pub namespace: DnsLabel,
    /// `metadata.labels`.
    pub labels: Labels,
    /// What the gateway does.
    pub spec: EgressSpec,
}

record! {
    /// An Egress file.
    pub(crate) struct EgressFile = "Egress" {
        /// The version of this format.
        "apiVersion" api_version: String as (Shape::Text(&API_VERSION_TEXT)) = required,
        /// One upstream outside the mesh, with its own gateway.
        "kind" kind: String as (Shape::Text(&KIND)) = required,
        /// The resource's name and namespace.
        "metadata" metadata: EgressMetadata = required,
        /// What the gateway does.
        "spec" spec: EgressSpec = required,
    }
}

record! {
    pub(crate) struct EgressMetadata = "metadata" {
        /// The resource's name: 1 to 63 of `a-z`, `0-9` and `-`.
        "name" name: DnsLabel = required,
        /// The namespace of the gateway: 1 to 63 of `a-z`, `0-9` and `-`.
        "namespace" namespace: DnsLabel = required,
        /// Labels by which the waves of a Rollout choose gateways. No object in the cluster gets them.
        "labels" labels: Labels = default(Labels::default(), "none"),
    }
}

/// For what Istio's VirtualService has, and an Egress has not.
const NO_FIELD: &str = "leave it out, or change the VirtualService by `patches`: Sallyport has no such field";

record! {
    /// What one gateway does.
    pub struct EgressSpec = "spec" {
        /// The host that callers in the mesh use.
        "host" host: Host = required,
        /// More hosts that callers in the mesh use for it.
        "aliases" aliases: Vec<Host> = default(Vec::new()),
        /// More ports that callers use, beside 80, which leads to `upstream.port`.
        "ports" ports: Vec<Port> = default(Vec::new()),
        /// How callers outside the mesh reach the gateway, through an ingress gateway. Without it, they cannot.
        "expose" expose: Option<Expose> = optional,
        /// Where the gateway sends the requests that it lets through.
        "upstream" upstream: Upstream = required,
        /// How requests go to the upstream.
        "route" route: Route = default(Route::default(), "no retry, no limit"),
        /// When requests are not sent to the upstream, and where they go instead.
        "health" health: Health = default(Health::default(), "they are always sent to the upstream"),
        /// Which trace headers the upstream gets.
        "tracing" tracing: Tracing = default(Tracing::default(), "the caller's trace continues, as `traceparent`"),
        /// Which other headers are sent to the upstream, and which of its headers are sent to callers.
        "headers" headers: Headers = default(Headers::default(), "no header that reveals the mesh leaves it"),
        /// Which callers may send which requests.
        "authz" authz: Authz = default(Authz::default(), "every request is refused"),
        /// Whose tokens are trusted.
        "authn" authn: Authn = default(Authn::default(), "no token is trusted"),
        /// Whether refusals are enforced or only counted.
        "rollout" rollout: Rollout = default(Rollout::default(), "they are enforced"),
        /// The gateway's pods.
        "gateway" gateway: Gateway = default(Gateway::default()),
        /// Changes to the manifests, applied last.
        "patches" patches: Vec<Patch> = default(Vec::new()),
    }
    instead {
        "gateways" => "leave it out: an Egress has a gateway of its own",
        "servers" => "leave it out: an Egress has a gateway of its own",
        "server" => "leave it out: an Egress has a gateway of its own",
        "listeners" => "leave it out: an Egress has a gateway of its own",
        "parentRefs" => "leave it out: an Egress has a gateway of its own",
        "targetRefs" => "leave it out: an Egress has one gateway",
        "egressGateway" => "write `gateway`",
        "hostnames" => "write `host`, and the other hosts in `aliases`",
        "http" => "write `route`, and what rules match in `authz.rules`",
        "tcp" => upstream::NOT_HTTP,
        "backendRefs" => "write `upstream`",
        "backends" => "write `upstream`",
        "clusters" => "write `upstream`",
        "proxy_pass" => "write `upstream`",
        "locations" => "write `route.paths`, and what rules match in `authz.rules`",
        "subsets" => "leave it out: an Egress has one upstream",
        "trafficPolicy" => "write `upstream.tls`, and the rest in `route`",
        "loadBalancer" => upstream::BY_PATCH,
        "circuitBreaker" => "write `route.connectionPool`, or `health`",
        "circuitBreakers" => "write `route.connectionPool`, or `health`",
        "filters" => "write `headers`, or `route`",
        "authorization" => "write `authz`",
        "authorizationPolicy" => "write `authz`",
        "authentication" => "write `authn`",
        "accessLog" => "write `accessLog` of the Mesh file",
        "accessLogging" => "write `accessLog` of the Mesh file",
        "logging" => "write `accessLog` of the Mesh file",
        "telemetry" => "write `tracing`, and `accessLog` of the Mesh file",
        "metrics" => "leave it out: the gateways always have their metrics",
        "rateLimit" => "leave it out: limits of connections and requests are in `route.connectionPool`, and Sallyport has no other",
        "cors" => NO_FIELD,
        "corsPolicy" => NO_FIELD,
        "mirror" => NO_FIELD,
        "fault" => NO_FIELD,
        "hosts" => "write `host`, and the other hosts in `aliases`",
        "hostname" => "write `host`",
        "endpoints" => "write them in `upstream.endpoints`",
        "resolution" => "leave it out: the upstream's name is resolved by DNS, or `upstream.endpoints` are written",
        "location" => "leave it out: an upstream is outside the mesh",
        "exportTo" => "leave it out, or change it by `patches`",
        "selector" => "leave it out: an Egress has one gateway",
        "action" => "write it in each of `authz.rules`",
        "rules" => "write them in `authz.rules`",
        "policy" => "write the rules in `authz.rules`",
        "tls" => "write it in `upstream.tls`",
        "port" => "write it in `upstream.port`",
        "alias" => "write `aliases: [...]`",
        "jwt" => "write it in `authn.jwt`",
        "jwtRules" => "write them in `authn.jwt`",
        "mode" => "write it in `rollout.stage`",
        "replicas" => "write it in `gateway.replicas`",
        "resources" => "write it in `gateway.resources`",
        "timeout" => "write it in `route.timeout`",
        "retries" => "write it in `route.retries`",
        "overlays" => "write `patches`",
        "probe" => "write it in `health.probe`",
        "proxy_read_timeout" => "write it in `route.timeout`",
        "proxy_connect_timeout" => "write it in `route.connectionPool.connectTimeout`",
        "livenessProbe" => "write `health: {probe: {path: ...}}`",
        "readinessProbe" => "write `health: {probe: {path: ...}, readiness: upstream}`",
        "failover" => "write it in `health.failover`",
    }
}

pub(crate) const API_VERSION_TEXT: TextKind = TextKind {
    name: "API version",
    only: Some(API_VERSION),
    may_be_empty: false,
    check: |text| if text == API_VERSION { Ok(()) } else { Err(wrong_api_version(text).into()) },
    ..TextKind::ANY
};

const KIND: TextKind = kind_text("Egress");

/// The only kind of a file.
const fn kind_text(kind: &'static str) -> TextKind {
    TextKind {
        name: "kind",
        only: Some(kind),
        may_be_empty: false,
        check: |text| if KINDS.contains(&text) { Ok(()) } else { Err(wrong_kind(text).into()) },
        ..TextKind::ANY
    }
}

fn wrong_api_version(text: &str) -> UnplacedDiagnostic {
    UnplacedDiagnostic::new(Code::ApiVersion, format!("this build does not read the apiVersion {}", quoted(text)))
        .help(format!("write `{API_VERSION}`"))
}

/// What is wrong with a kind that is not one of [`KINDS`].
pub(crate) fn wrong_kind(text: &str) -> UnplacedDiagnostic {
    let flaw = UnplacedDiagnostic::new(Code::Kind, format!("unknown kind {}", quoted(text)));
    match did_you_mean(text, KINDS.into_iter()) {
        Some(near) => flaw.help(format!("did you mean `{near}`?")),
        None => flaw.help(format!("write {}", either(KINDS.into_iter()))),
    }
}

impl Egress {
    /// `NAMESPACE/NAME`: what the filter marks a request with that may go to this upstream.
    #[must_use]
    pub fn route(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Whether the callers' host has an address only if something gives it one. The name of a Service resolves in the
    /// cluster, and the upstream's own name resolves wherever it is called from without a gateway. With `endpoints`, that
    /// name need not be in DNS.
    #[must_use]
    pub fn host_needs_address(&self) -> bool {
        let is_of_service = |host: &str| host.ends_with(".svc") || host.contains(".svc.") || !host.contains('.');
        let upstream = &self.spec.upstream;
        let is_in_dns = |host: &Host| *upstream.host == **host && upstream.endpoints.is_empty();
        self.hosts().any(|host| !is_of_service(host) && !is_in_dns(host))
    }

    /// Every host that callers in the mesh use.
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        std::iter::once(&self.spec.host).chain(&self.spec.aliases)
    }

    /// Each port that callers use, and the port on which the gateway's pods listen for it: the number of `destination.port`
    /// and of `ports` in rules.
    pub fn listening_ports(&self) -> impl Iterator<Item = (u16, u16)> {
        let first = if self.spec.gateway.install == Install::GatewayApi { GATEWAY_API_PORT } else { GATEWAY_PORT };
        let others = self.spec.ports.iter().map(|port| (port.port, port.gateway_port()));
        std::iter::once((CALLERS_PORT, first)).chain(others)
    }

    /// The upstream's port behind a port that callers use; `None` if they cannot use it.
    #[must_use]
    pub fn upstream_port(&self, port: u16) -> Option<u16> {
        if port == CALLERS_PORT {
            return Some(self.spec.upstream.port);
        }
        self.spec.ports.iter().find(|one| one.port == port).map(|one| one.upstream_port)
    }

    /// The host by which Istio knows the upstream. An IP address is no host name, so it gets one that is never resolved.
    #[must_use]
    pub fn upstream_host(&self) -> String {
        if self.upstream_is_address() {
            format!("{}.{}.upstream.sallyport.internal", self.name, self.namespace)
        } else {
            self.spec.upstream.host.to_string()
        }
    }

    /// Whether the upstream is named by an IP address.
    #[must_use]
    pub fn upstream_is_address(&self) -> bool {
        self.spec.upstream.host.address().is_some()
    }

    /// The host that the upstream expects in requests.
    #[must_use]
    pub fn upstream_authority(&self) -> Authority {
        self.upstream_authority_at(self.spec.upstream.port)
    }

    /// The same at one of its ports. Unless the file says it, with the port where a browser would send it.
    #[must_use]
    pub fn upstream_authority_at(&self, port: u16) -> Authority {
        let upstream = &self.spec.upstream;
        let usual = if upstream.tls.mode == TlsMode::None { 80 } else { 443 };
        let of_host = || Authority::of_host(&upstream.host, (port != usual).then_some(port));
        upstream.authority.clone().unwrap_or_else(of_host)
    }

    /// The subset of the upstream's DestinationRule that probes are sent to, if there are probes.
    ///
    /// Envoy hides an ejected address from everything that uses its cluster, and the gate's probe must find out that the
    /// address is healthy again. Envoy also adds headers to each request of a filter, which only a setting of the cluster
    /// removes. So probes have a cluster of their own.
    #[must_use]
    pub fn probe_subset(&self) -> Option<&'static str> {
        self.spec.health.probe.is_some().then_some("probe")
    }

    /// Envoy's cluster of the upstream, as Istio names it, or of a subset of its DestinationRule.
    #[must_use]
    pub fn cluster(&self, subset: Option<&str>) -> String {
        format!("outbound|{}|{}|{}", self.spec.upstream.port, subset.unwrap_or_default(), self.upstream_host())
    }

    /// The environment variable of the gateway's pods that has the upstream's credential.
    #[must_use]
    pub fn credential_variable(&self) -> String {
        format!("SALLYPORT_CREDENTIAL_{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }

    /// The header with the credential, by name and value. Envoy fills the secret in from its environment, so that no
    /// manifest, policy or log has it.
    #[must_use]
    pub fn credential_header(&self) -> Option<(&str, String)> {
        let Credential { name, prefix, .. } = self.spec.headers.credential.as_ref()?;
        // The prefix is plain text, and in Envoy's format a percent sign begins a command.
        let prefix = prefix.replace('%', "%%");
        Some((name, format!("{prefix}%ENVIRONMENT({})%", self.credential_variable())))
    }
}
