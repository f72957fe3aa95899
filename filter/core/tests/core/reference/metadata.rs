//! What Envoy's filters say of a request.

use prost::Message;
use prost_types::value::Kind;
use prost_types::{Struct, Value};
use std::collections::BTreeMap;

#[derive(Clone, PartialEq, prost::Message)]
pub struct Metadata {
    #[prost(btree_map = "string, message", tag = "1")]
    filter_metadata: BTreeMap<String, Struct>,
}

impl Metadata {
    /// `None` where it cannot be read.
    pub fn read(bytes: Option<&[u8]>) -> Option<Self> {
        bytes.map_or_else(|| Some(Self::default()), |bytes| Metadata::decode(bytes).ok())
    }

    /// The claims of the verified token, where one was shown.
    pub fn token(&self) -> Option<Struct> {
        match &self.filter_metadata.get("envoy.filters.http.jwt_authn")?.fields.get("payload")?.kind {
            Some(Kind::StructValue(claims)) => Some(claims.clone()),
            _ => None,
        }
    }

    /// A string, or the strings of a list each in brackets, that a filter wrote.
    pub fn get(&self, filter: &str, key: &str) -> Option<Vec<String>> {
        let value = self.filter_metadata.get(filter)?.fields.get(key)?;
        let texts = strings(value)?;
        let is_list = matches!(&value.kind, Some(Kind::ListValue(_)));
        Some(if is_list { texts.iter().map(|text| format!("[{text}]")).collect() } else { texts })
    }
}

/// The claim at this path of names: a list's elements, or a string; `words`: the string's words instead.
pub fn claim(token: &Struct, names: &[&str], words: bool) -> Option<Vec<String>> {
    let (first, rest) = names.split_first()?;
    let value = token.fields.get(*first)?;
    if !rest.is_empty() {
        return match &value.kind {
            Some(Kind::StructValue(inner)) => claim(inner, rest, words),
            _ => None,
        };
    }
    match &value.kind {
        Some(Kind::StringValue(text)) if words => Some(text.split(' ').map(str::to_owned).collect()),
        _ => strings(value),
    }
}

/// The claim, where it is one string.
pub fn string_claim(token: &Struct, name: &str) -> Option<String> {
    match &token.fields.get(name)?.kind {
        Some(Kind::StringValue(text)) => Some(text.clone()),
        _ => None,
    }
}

/// A list counts by the text in it; one without any is of another type.
fn strings(value: &Value) -> Option<Vec<String>> {
    let text = |value: &Value| match &value.kind {
        Some(Kind::StringValue(text)) => Some(text.clone()),
        _ => None,
    };
    match &value.kind {
        Some(Kind::StringValue(text)) => Some(vec![text.clone()]),
        Some(Kind::ListValue(list)) => Some(list.values.iter().filter_map(text).collect()),
        _ => None,
    }
    .filter(|texts: &Vec<String>| !texts.is_empty())
}
