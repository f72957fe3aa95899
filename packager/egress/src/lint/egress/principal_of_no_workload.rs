//! A principal is not one that a workload of the mesh can have.
//!
//! Istio's principals are `TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT`. `payments/api` is valid, too, but it is
//! the identity `api` of another trust domain, `payments`: a rule that allows it allows no service account
//! of that name, and a rule that denies it denies none.
//!
//! Bad:
//!
//! ```yaml
//! # spec.authz.rules
//! - id: readers
//!   action: ALLOW
//!   from: [{source: {principals: [payments/api]}}]
//!   to: [{operation: {methods: [GET]}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec.authz.rules
//! - id: readers
//!   action: ALLOW
//!   from: [{source: {serviceAccounts: [payments/api]}}]
//!   to: [{operation: {methods: [GET]}}]
//! ```
//!
//! Fix: Write `serviceAccounts: [NAMESPACE/ACCOUNT]`, or the whole principal. If callers of a trust domain
//! without dots have such identities, silence the warning.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::{Input, identities};
use crate::model::Mesh;
use crate::wording::quoted;
use sallyport_core::dns::{is_label, is_subdomain};
use sallyport_core::policy::key::IdentityField;

pub(super) const LINT: Lint =
    Lint { code: Code::PrincipalOfNoWorkload, run, source: include_str!("principal_of_no_workload.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let unwritten = Mesh::default();
    let mesh = input.mesh.as_ref().map_or(&unwritten, |(_, _, mesh)| *mesh);
    let mut findings = Vec::new();
    for subject in &input.egresses {
        for (rule, at) in subject.egress.spec.authz.rules.iter().zip(0..) {
            for (path, principal) in identities(rule, IdentityField::Principal) {
                let Some(help) = meant(principal, mesh) else { continue };
                let message = format!("no workload of the mesh has the principal {}", quoted(principal));
                findings.push(subject.at(&format!("authz.rules[{at}].{path}"), message, help));
            }
        }
    }
    findings
}

/// What to write instead of a principal that is not in Istio's form, unless it may be of another trust domain.
fn meant(principal: &str, mesh: &Mesh) -> Option<String> {
    let parts: Vec<&str> = principal.split('/').collect();
    if principal.contains('*') || matches!(parts.as_slice(), [_, "ns", _, "sa", _]) {
        return None;
    }
    let (domain, path) = parts.split_first()?;
    // The default name stands for the mesh's own, whatever that is.
    let default = Mesh::default().trust_domain;
    let is_own = [&mesh.trust_domain, &default].into_iter().chain(&mesh.trust_domain_aliases).any(|own| own == domain);
    let named = match (is_own, *domain, path) {
        (true, _, [namespace, account]) | (false, "ns", [namespace, "sa", account]) => Some((*namespace, *account)),
        (false, namespace, [account]) if !namespace.contains('.') => Some((namespace, *account)),
        (true, ..) => None,
        (false, ..) => return None,
    };
    let named = named.filter(|(namespace, account)| is_label(namespace) && is_subdomain(account));
    Some(match named {
        Some((namespace, account)) => {
            let whole = format!("{}/ns/{namespace}/sa/{account}", mesh.trust_domain);
            let short = format!("serviceAccounts: [{namespace}/{account}]");
            format!("write {}, or the service account: {}", quoted(&whole), quoted(&short))
        }
        None => "write `TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT`".to_owned(),
    })
}
