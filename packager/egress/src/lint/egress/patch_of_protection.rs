//! A patch changes a manifest that enforces the policy.
//!
//! The filter's resource, mutual TLS, the network policy and the upstream's ServiceEntry enforce the
//! rules: without one of them a caller can bypass the filter or arrive without an identity. The route
//! and the EnvoyFilter matter as well: they let through only what the filter has marked, and remove
//! headers that the upstream must not see. Patches are applied last, and nothing checks their result.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! patches:
//! - {kind: NetworkPolicy, merge: {spec: {ingress: []}}}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! patches:
//! - {kind: Deployment, merge: {metadata: {labels: {team: payments}}}}
//! ```
//!
//! Fix: Patch the pods or the Service instead, or use a field of the Egress file. If the patch is
//! correct, keep it: this is only a warning.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::wording::quoted;

pub(super) const LINT: Lint =
    Lint { code: Code::PatchOfProtection, run, source: include_str!("patch_of_protection.rs") };

const PROTECTIVE_KINDS: [&str; 10] = [
    "WasmPlugin",
    "TrafficExtension",
    "PeerAuthentication",
    "RequestAuthentication",
    "AuthorizationPolicy",
    "NetworkPolicy",
    "ServiceEntry",
    "VirtualService",
    "HTTPRoute",
    "EnvoyFilter",
];

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        for (position, patch) in subject.egress.spec.patches.iter().enumerate() {
            if PROTECTIVE_KINDS.contains(&patch.kind.as_str()) {
                let message = format!("the patch changes the {}, which enforces the policy", quoted(&patch.kind));
                let help = "use a field of the Egress file instead, or check what the patch opens";
                findings.push(subject.at(&format!("patches[{position}].kind"), message, help));
            }
        }
    }
    findings
}
