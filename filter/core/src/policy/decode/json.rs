//! JSON as a tree that keeps repeated keys.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A value.
#[derive(Debug)]
pub(super) enum Json<'j> {
    Null,
    Flag(bool),
    /// A whole number from 0 on.
    Number(u32),
    /// Any other number.
    OtherNumber,
    Text(Cow<'j, str>),
    List(Vec<Json<'j>>),
    Map(Vec<(Cow<'j, str>, Json<'j>)>),
}

impl Json<'_> {
    /// What it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Flag(_) => "a flag",
            Self::Number(_) => "a whole number",
            Self::OtherNumber => "another number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Reads one JSON text; nesting is bounded by serde_json.
pub(super) fn parse(bytes: &[u8]) -> Result<Json<'_>, String> {
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Json::Flag(flag))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(u32::try_from(number).map_or(Json::OtherNumber, Json::Number))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Json::OtherNumber)
    }

    /// In a protobuf Struct, as istiod keeps `pluginConfig`, every number is a double.
    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        let whole = number as u32;
        Ok(if f64::from(whole) == number { Json::Number(whole) } else { Json::OtherNumber })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut map = Vec::new();
        // Keys are read as values are: it saves a reader of its own, and JSON has no keys but strings.
        while let Some((key, value)) = entries.next_entry::<Json<'de>, Json<'de>>()? {
            if let Json::Text(key) = key {
                map.push((key, value));
            }
        }
        Ok(Json::Map(map))
    }
}
