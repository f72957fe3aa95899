//! A patch changes how the gateway identifies its callers.
//!
//! The filter reads the caller's identity from the `x-forwarded-client-cert` header that the gateway
//! itself writes. `sallyport build` sets `gatewayTopology.forwardClientCertDetails` to `SANITIZE_SET`,
//! or with `authz.trustedForwarders` to `APPEND_FORWARD`, so that a caller cannot choose its own
//! identity. With any other setting a caller could, so the filter refuses every request whose
//! certificate it cannot read.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! patches:
//! - kind: Deployment
//!   merge: {spec: {template: {metadata: {annotations: {proxy.istio.io/config: "concurrency: 2"}}}}}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! gateway: {concurrency: 2}
//! ```
//!
//! Fix: Remove the setting from the patch. List forwarders in `authz.trustedForwarders`. The number of
//! worker threads, which is in the same annotation, is `gateway.concurrency`.

use serde_json::Value;

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::{Input, Place};
use crate::model::deploy::Patch;
use crate::wording::quoted;

pub(super) const LINT: Lint =
    Lint { code: Code::PatchOfCallerIdentity, run, source: include_str!("patch_of_caller_identity.rs") };

/// The names in the gateway's annotation and in Envoy's connection manager.
const SETTINGS: [&str; 3] =
    ["forwardClientCertDetails", "forward_client_cert_details", "set_current_client_cert_details"];
/// The annotation with the first of them. A patch of the annotation replaces what `build` wrote.
const ANNOTATION: &str = "proxy.istio.io/config";

fn run(input: &Input<'_>) -> Vec<Finding> {
    let changes = |(patch, place): (&Patch, Place<'_>)| {
        let merged = patch.merge.as_ref().and_then(|merge| setting(merge));
        let setting = merged.or_else(|| setting(&patch.operations()?))?;
        let message =
            format!("the patch changes {}, which decides how the gateway identifies callers", quoted(setting));
        let help = "remove it from the patch; list forwarders in `authz.trustedForwarders`";
        Some(place.finding(message, help))
    };
    input.patches().filter_map(changes).collect()
}

/// A setting that occurs in a patch: as a field, in a JSON pointer, or in the text of an annotation.
fn setting(value: &Value) -> Option<&'static str> {
    let named = |text: &str| {
        // In a JSON pointer a slash is `~1` (RFC 6901).
        let text = text.replace("~1", "/");
        SETTINGS.into_iter().chain([ANNOTATION]).find(|setting| text.contains(setting))
    };
    match value {
        Value::Object(fields) => fields.iter().find_map(|(name, value)| named(name).or_else(|| setting(value))),
        Value::Array(items) => items.iter().find_map(setting),
        Value::String(text) => named(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}
