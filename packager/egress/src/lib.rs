//! The Egress and Mesh files: text in, data and diagnostics out. Nothing here reads a file, a clock or a network.
pub mod diagnostic;
pub mod model;

use diagnostic::{Diagnostic, SourceFile, Span};
use model::{Egress, Mesh};
use sallyport_core::PolicySource;

/// One resource of a file: its data, and where it begins.
#[derive(Clone, Debug)]
pub struct Located<T> {
    /// Index of the file.
    pub file: usize,
    /// The whole document.
    pub span: Span,
    /// The data.
    pub value: T,
}

/// Everything that a set of files says.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// The Egress files without an error.
    pub egresses: Vec<Located<Egress>>,
    /// The Mesh file, if one was given (at most one may be).
    pub mesh: Option<Located<Mesh>>,
    /// Every problem of every file, by file and place.
    pub diagnostics: Vec<Diagnostic>,
}

/// Parses and checks files together. (Being built.)
#[must_use]
pub fn check(_files: &[SourceFile]) -> Checked {
    Checked::default()
}

/// The policy that the filter gets for one Egress.
#[must_use]
pub fn policy_source(egress: &Egress, mesh: &Mesh) -> PolicySource {
    let authz = &egress.spec.authz;
    PolicySource {
        version: sallyport_core::policy::source::WIRE_VERSION,
        upstream: format!("{}/{}", egress.namespace, egress.name),
        mode: egress.spec.rollout.mode,
        trust_domain: Some(mesh.trust_domain.clone()),
        trust_domain_aliases: mesh.trust_domain_aliases.clone(),
        trusted_forwarders: authz.trusted_forwarders.clone(),
        tolerate: authz.tolerate.clone(),
        disclose_rule: authz.disclose_rule,
        num_trusted_proxies: egress.spec.gateway.num_trusted_proxies,
        rules: authz.rules.clone(),
    }
}

/// The JSON Schema (draft-07) of both kinds. (Being built.)
#[must_use]
pub fn json_schema() -> serde_json::Value {
    serde_json::Value::Null
}
