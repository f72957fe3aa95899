//! The metadata of a request as a host would hand it over: for those who ask the engine without a host.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use prost::Message;
use serde_json::{Map, Value};

use super::{FieldEntry, FilterEntry, JWT_FILTER, ListMessage, MetadataMessage, PAYLOAD, StructMessage, ValueMessage};

/// The serialised `envoy.config.core.v3.Metadata` of a request with the claims of a verified token, and what other filters
/// said by filter and field. Numbers, booleans and null are read as no text, and so they are written as none.
#[must_use]
pub fn encode_metadata(token: Option<&Map<String, Value>>, others: &BTreeMap<String, Map<String, Value>>) -> Vec<u8> {
    let payload = token.map(|claims| {
        let payload = ValueMessage { fields: Some(fields(claims)), ..ValueMessage::default() };
        let entry = FieldEntry { key: PAYLOAD.to_owned(), value: Some(payload) };
        (JWT_FILTER.to_owned(), StructMessage { fields: vec![entry] })
    });
    let others = others.iter().map(|(filter, said)| (filter.clone(), fields(said)));
    let entry = |(key, value)| FilterEntry { key, value: Some(value) };
    MetadataMessage { filter_metadata: payload.into_iter().chain(others).map(entry).collect() }.encode_to_vec()
}

fn fields(map: &Map<String, Value>) -> StructMessage {
    let entry = |(key, value): (&String, &Value)| FieldEntry { key: key.clone(), value: Some(message(value)) };
    StructMessage { fields: map.iter().map(entry).collect() }
}

fn message(value: &Value) -> ValueMessage {
    match value {
        Value::String(text) => ValueMessage { text: Some(text.clone()), ..ValueMessage::default() },
        Value::Object(map) => ValueMessage { fields: Some(fields(map)), ..ValueMessage::default() },
        Value::Array(list) => {
            let list = ListMessage { values: list.iter().map(message).collect() };
            ValueMessage { list: Some(list), ..ValueMessage::default() }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => ValueMessage::default(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Metadata;
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        let claims = json!({"iss": "issuer", "sub": "user", "groups": ["a", 1, "b"], "realm": {"role": "ops"}, "n": 1});
        let others = BTreeMap::from([("some.filter".to_owned(), Map::from_iter([("field".to_owned(), json!("x"))]))]);
        let metadata = Metadata::parse(&encode_metadata(claims.as_object(), &others)).unwrap();
        assert_eq!(metadata.request_principal().unwrap().as_str(), "issuer/user");
        assert!(metadata.claim(&["groups"]).unwrap().any(|text| text == b"b"));
        assert!(metadata.claim(&["realm", "role"]).unwrap().any(|text| text == b"ops"));
        assert!(metadata.claim(&["n"]).is_none());
        assert!(metadata.field("some.filter", "field").unwrap().any(|text| text == b"x"));
        assert!(!Metadata::parse(&encode_metadata(None, &BTreeMap::new())).unwrap().has_token());
    }
}
