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
use crate::lint::input::{Input, Place};
use crate::model::deploy::{EVERY_KIND, Patch};
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
    let opens = |(patch, place): (&Patch, Place<'_>)| {
        let what = match patch.kind.as_str() {
            EVERY_KIND if !is_of_metadata(patch) => "every manifest, also those that enforce".to_owned(),
            kind if PROTECTIVE_KINDS.contains(&kind) => format!("the {}, which enforces", quoted(kind)),
            _ => return None,
        };
        let help = "use a field of the Egress file instead, or check what the patch opens";
        Some(place.finding(format!("the patch changes {what} the policy"), help))
    };
    input.patches().filter_map(opens).collect()
}

/// Labels and annotations enforce nothing by themselves.
fn is_of_metadata(patch: &Patch) -> bool {
    let merged = patch.merge.as_ref().and_then(|merge| merge.as_object());
    let paths = patch.json.iter().flatten().map(|operation| operation.path.as_str());
    merged.into_iter().flat_map(|fields| fields.keys()).all(|field| field == "metadata")
        && paths.into_iter().all(|path| path.starts_with("/metadata/"))
}
