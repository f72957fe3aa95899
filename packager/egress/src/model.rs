//! The Egress and Mesh files as plain data: `sallyport.dev/v1alpha1`.
//!
//! [`parse`](crate::parse) fills these from YAML with source spans; nothing here refers to the text. The derives of
//! `schemars` make the JSON Schema that `sallyport schema` prints, so every field's doc comment is also its hover text.
use schemars::JsonSchema;
use serde::Serialize;

/// One upstream, one gateway.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Egress {
    pub name: String,
    pub namespace: String,
    pub spec: EgressSpec,
}
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Upstream {
    pub host: String,
    pub port: u16,
    pub tls: UpstreamTls,
}
/// Field names of Istio's DestinationRule `tls`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct UpstreamTls {
    pub mode: TlsMode,               // default SIMPLE
    pub sni: Option<String>,         // default: upstream.host
    pub subject_alt_names: Vec<String>, // default: [sni]
    pub ca_certificates: Option<String>, // path; default: the system's
    pub client_certificate: Option<String>, // path; MUTUAL only
    pub private_key: Option<String>,        // path; MUTUAL only
}
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub enum TlsMode { Simple, Mutual, None }
