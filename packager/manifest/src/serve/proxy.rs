//! The settings of the gateway's proxy, which its pods carry in an annotation.

use sallyport_egress::yaml_value;
use serde_json::Value;

use super::view::{Seen, View};

const ANNOTATION: &str = "proxy.istio.io/config";

/// What istiod reads from the annotation for listeners.
#[derive(Clone, Debug)]
pub(super) struct ProxySettings {
    pub(super) forward_client_cert_details: String,
    pub(super) num_trusted_proxies: u64,
    /// The upstream is told how often a request was tried.
    pub(super) attempt_count: bool,
}

/// The settings, and the fields that are not served.
pub(super) fn settings<'a>(emitted: impl Iterator<Item = &'a Value>) -> (ProxySettings, Vec<String>) {
    let text = emitted.into_iter().find_map(annotation);
    let value = text.as_deref().and_then(yaml_value).unwrap_or_default();
    let seen = Seen::default();
    let view = View::new(&value, &seen);
    let topology = view.field("gatewayTopology");
    let attempts = view.at(["proxyHeaders", "attemptCount"]);
    let settings = ProxySettings {
        forward_client_cert_details: topology
            .and_then(|topology| topology.filled("forwardClientCertDetails"))
            .unwrap_or("SANITIZE_SET")
            .to_owned(),
        num_trusted_proxies: topology.and_then(|topology| topology.number("numTrustedProxies")).unwrap_or(0),
        attempt_count: !attempts.is_some_and(|attempts| attempts.flag("disabled")),
    };
    for of_process in OF_PROCESS {
        view.field(of_process).map(View::whole);
    }
    let unread = seen.unread(&value).into_iter().map(|path| format!("{ANNOTATION}: {path}")).collect();
    (settings, unread)
}

/// What the agent starts Envoy with. On another machine that is for its user to choose.
const OF_PROCESS: [&str; 5] =
    ["concurrency", "drainDuration", "terminationDrainDuration", "proxyStatsMatcher", "proxyMetadata"];

/// Looks into texts, too: with the Gateway API the pods are described by a text in a ConfigMap.
fn annotation(value: &Value) -> Option<String> {
    match value {
        Value::Object(fields) => {
            let own = fields.get(ANNOTATION).and_then(Value::as_str).map(str::to_owned);
            own.or_else(|| fields.values().find_map(annotation))
        }
        Value::Array(items) => items.iter().find_map(annotation),
        Value::String(text) if text.contains(ANNOTATION) => annotation(&yaml_value(text)?),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}
