//! Parts of Envoy's messages, in the names of their protocol buffers.

use serde_json::{Value, json};

/// A message with its type.
pub(crate) fn typed(name: &str, mut message: Value) -> Value {
    if let Value::Object(fields) = &mut message {
        fields.insert("@type".to_owned(), type_url(name).into());
    }
    message
}

pub(crate) fn type_url(name: &str) -> String {
    format!("type.googleapis.com/{name}")
}

/// A named extension with its configuration.
pub(crate) fn extension(name: &str, type_name: &str, message: Value) -> Value {
    json!({"name": name, "typed_config": typed(type_name, message)})
}

pub(crate) fn address(host: &str, port: u16) -> Value {
    json!({"socket_address": {"address": host, "port_value": port}})
}
