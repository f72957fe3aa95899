//! Parts of Envoy's messages.

use std::path::Path;

use serde_json::{Value, json};

/// A resource that Envoy reads from a file, and again whenever the file is replaced. Envoy waits for it without a timeout.
pub(super) fn from_file(path: &Path) -> Value {
    json!({
        "path_config_source": {"path": path, "watched_directory": {"path": path.parent()}},
        "resource_api_version": "V3",
        "initial_fetch_timeout": "0s",
    })
}

pub(super) fn address(host: &str, port: u16) -> Value {
    json!({"socket_address": {"address": host, "port_value": port}})
}

/// A message with its type.
pub(super) fn typed(name: &str, mut message: Value) -> Value {
    if let Value::Object(fields) = &mut message {
        fields.insert("@type".to_owned(), Value::String(format!("type.googleapis.com/{name}")));
    }
    message
}
