//! YAML as JSON, for texts inside manifests, such as the annotation with the settings of a proxy.

use serde_json::Value as Json;

use super::reader::read_all;
use super::tree::{Node, Scalar, ScalarType, Value};
use crate::diagnostic::Sink;

/// The first document of a text; `None` if it is not YAML.
#[must_use]
pub fn yaml_value(text: &str) -> Option<Json> {
    let mut sink = Sink::new(0);
    let documents = read_all(text, &mut sink);
    if !sink.diagnostics.is_empty() {
        return None;
    }
    documents.first().map(json)
}

/// The depth is bounded by the reader.
fn json(node: &Node) -> Json {
    match &node.value {
        Value::Scalar(scalar) => of_scalar(scalar),
        Value::Sequence(items) => items.iter().map(json).collect(),
        Value::Mapping(entries) => entries.iter().map(|entry| (entry.key.name.clone(), json(&entry.value))).collect(),
        Value::Refused => Json::Null,
    }
}

fn of_scalar(scalar: &Scalar) -> Json {
    let text = scalar.text.as_str();
    match scalar.resolve() {
        ScalarType::Null => Json::Null,
        ScalarType::Boolean => text.eq_ignore_ascii_case("true").into(),
        ScalarType::Number => {
            let whole = text.parse::<i64>().map(Json::from);
            whole.unwrap_or_else(|_| text.parse::<f64>().map_or_else(|_| text.into(), Json::from))
        }
        ScalarType::Text => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_becomes_json() {
        assert_eq!(
            yaml_value("a: 1\nb:\n- true\n- \"2\"\nc: {d: ~, e: 1.5, f: x}\n"),
            Some(json!({"a": 1, "b": [true, "2"], "c": {"d": null, "e": 1.5, "f": "x"}}))
        );
        assert_eq!(yaml_value("a: ["), None);
    }
}
