//! From WasmPlugins and TrafficExtensions to Envoy's Wasm filters, which it gets apart from the listener (ECDS).

use serde_json::{Map, Value, json};

use super::view::View;
use crate::message::{type_url, typed};

const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";
const RBAC: &str = "envoy.extensions.filters.http.rbac.v3.RBAC";

/// A plugin of the gateway's listeners.
#[derive(Clone, Debug)]
pub(super) struct Plugin {
    /// The name by which a listener refers to it.
    pub(super) resource: String,
    pub(super) phase: Phase,
    /// The greatest comes first.
    pub(super) priority: i64,
    pub(super) config: Value,
}

/// Where in the chain a plugin is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Authn,
    Authz,
    Stats,
    Unspecified,
}

/// Istiod makes a TrafficExtension of each WasmPlugin.
pub(super) fn plugin(kind: &str, name: &str, namespace: &str, spec: View<'_>) -> Option<Plugin> {
    let (wasm, name) = if kind == "WasmPlugin" {
        (spec, format!("{name}~istio-translated-wasmplugin"))
    } else {
        (spec.field("wasm")?, name.to_owned())
    };
    // A gateway's listeners count as clients, which every plugin that is emitted is for.
    let is_for_gateways = |found: View<'_>| found.text("mode").is_none_or(|mode| mode != "SERVER");
    let matches: Vec<bool> = spec.list("match").map(is_for_gateways).collect();
    if !matches.is_empty() && !matches.contains(&true) {
        return None;
    }
    let phase = match spec.text("phase") {
        Some("AUTHN") => Phase::Authn,
        Some("AUTHZ") => Phase::Authz,
        Some("STATS") => Phase::Stats,
        _ => Phase::Unspecified,
    };
    // For HTTP unless it is said.
    wasm.text("type").is_none_or(|kind| kind != "NETWORK").then(|| Plugin {
        resource: format!("extensions.istio.io/trafficextension/{namespace}.{name}"),
        phase,
        priority: spec.field("priority").and_then(|priority| priority.whole().as_i64()).unwrap_or(i64::MIN),
        config: typed(WASM, json!({"config": config(&format!("{namespace}.{name}"), wasm)})),
    })
}

fn config(name: &str, wasm: View<'_>) -> Value {
    let mut config = Map::from_iter([("name".to_owned(), name.into())]);
    if let Some(root) = wasm.filled("pluginName") {
        config.insert("root_id".to_owned(), root.into());
    }
    let failure = match wasm.text("failStrategy") {
        Some("FAIL_OPEN") => "FAIL_OPEN",
        Some("FAIL_RELOAD") => "FAIL_RELOAD",
        _ => "FAIL_CLOSED",
    };
    config.insert("failure_policy".to_owned(), failure.into());
    if let Some(given) = wasm.field("pluginConfig") {
        let text = given.whole().to_string();
        config.insert("configuration".to_owned(), typed("google.protobuf.StringValue", json!({"value": text})));
    }
    let mut variables = Map::from_iter([("ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION".to_owned(), Value::from(""))]);
    for (field, variable) in [
        ("imagePullPolicy", "ISTIO_META_WASM_IMAGE_PULL_POLICY"),
        ("imagePullSecret", "ISTIO_META_WASM_IMAGE_PULL_SECRET"),
    ] {
        if let Some(value) = wasm.filled(field) {
            variables.insert(variable.to_owned(), value.into());
        }
    }
    for variable in wasm.field("vmConfig").into_iter().flat_map(|config| config.list("env")) {
        if let (Some(name), Some(value)) = (variable.filled("name"), variable.text("value")) {
            variables.insert(name.to_owned(), value.into());
        }
    }
    config.insert(
        "vm_config".to_owned(),
        json!({
            "runtime": "envoy.wasm.runtime.v8",
            "code": code(wasm),
            "environment_variables": {"key_values": variables},
        }),
    );
    Value::Object(config)
}

/// A file in the pod, or an image that the agent fetches and makes a file of.
fn code(wasm: View<'_>) -> Value {
    let url = wasm.text("url").unwrap_or_default();
    let digest = wasm.text("sha256").unwrap_or_default();
    match url.strip_prefix("file://") {
        Some(path) => json!({"local": {"filename": path}}),
        None => json!({"remote": {
            "http_uri": {"uri": url, "cluster": "_", "timeout": "30s"},
            "sha256": digest,
        }}),
    }
}

/// The place of a plugin in the chain of filters.
pub(super) fn reference(resource: &str) -> Value {
    json!({
        "name": resource,
        "config_discovery": {
            "config_source": {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"},
            "type_urls": [type_url(WASM), type_url(RBAC)],
        },
    })
}
