//! The Egress and Mesh files as plain data: `sallyport.dev/v1alpha1`.
//!
//! [`parse`](crate::parse) fills these from YAML with source spans; nothing here refers to the text. The derives of
//! `schemars` make the JSON Schema that `sallyport schema` prints, so every field's doc comment is also its hover text.
use sallyport_core::policy::source::{AmbiguitySource, ModeSource, RuleSource};
use serde::Serialize;

/// One upstream, one gateway.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Egress {
    pub name: String,
    pub namespace: String,
    pub spec: EgressSpec,
}
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EgressSpec {
    /// host that callers in the mesh use
    pub host: String,
    pub upstream: Upstream,
    /// absent: nobody may do anything
    pub authz: Authz,
    pub authn: Authn,
    pub rollout: Rollout,
    pub gateway: Gateway,
}
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Upstream {
    pub host: String,
    pub port: u16,
    pub tls: UpstreamTls,
}
/// Field names of Istio's DestinationRule `tls`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UpstreamTls {
    pub mode: TlsMode,                      // default SIMPLE
    pub sni: Option<String>,                // default: upstream.host
    pub subject_alt_names: Vec<String>,     // default: [sni]
    pub ca_certificates: Option<String>,    // path; default: the system's
    pub client_certificate: Option<String>, // path; MUTUAL only
    pub private_key: Option<String>,        // path; MUTUAL only
}
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum TlsMode {
    Simple,
    Mutual,
    None,
}
/// Who may do what: the policy's rules in Istio's vocabulary, kept in the filter's own wire types.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Authz {
    pub trusted_forwarders: Vec<String>,
    pub tolerate: Vec<AmbiguitySource>,
    pub disclose_rule: bool,
    pub rules: Vec<RuleSource>,
}
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Authn {
    pub jwt: Vec<JwtProvider>,
}
/// Field names of Istio's RequestAuthentication `jwtRules`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JwtProvider {
    pub issuer: String,
    pub audiences: Vec<String>,
    /// the key set itself, as JSON text; or
    pub jwks: Option<String>,
    /// where to fetch it
    pub jwks_uri: Option<String>,
}
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rollout {
    pub mode: ModeSource,
}
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gateway {
    pub replicas: u32,            // default 2
    pub num_trusted_proxies: u32, // default 0
}
/// What all gateways share.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mesh {
    pub name: String,
    pub istio_version: String, // default "1.31"
    pub trust_domain: String,  // default "cluster.local"
    pub trust_domain_aliases: Vec<String>,
}
