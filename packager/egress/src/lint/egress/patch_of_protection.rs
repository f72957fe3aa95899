//! A patch changes a manifest that keeps callers out.
//!
//! The plugin's resource, mutual TLS, the network policy and the upstream's ServiceEntry are what makes the rules hold:
//! without one of them a caller goes round the filter, or comes without an identity. So is the route: it opens to what the
//! filter has marked, has another that leads nowhere behind it, and takes away what the upstream must not be told, as the
//! EnvoyFilter does. A patch is applied last and nothing is checked after it.
//!
//! Patch the pods or the Service instead, or say in the Egress file what is meant. If the patch is right, keep it: this is
//! a warning so that it is read twice.

use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::parse::suggest::quoted;

const GUARDS: [&str; 10] = [
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

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        for (position, patch) in subject.egress.spec.patches.iter().enumerate() {
            if GUARDS.contains(&patch.kind.as_str()) {
                let message = format!("the patch changes the {}, which keeps callers out", quoted(&patch.kind));
                let help = "say what is meant in the Egress file, or look twice at what the patch opens";
                findings.push(subject.at(&format!("patches[{position}].kind"), message, help));
            }
        }
    }
    findings
}
