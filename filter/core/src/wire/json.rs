//! JSON as a tree that keeps repeated keys, which serde_json's own tree does not.

use alloc::borrow::{Cow, ToOwned};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};
use core::mem;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json<'j> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number from 0 on.
    Whole(u32),
    /// A larger one.
    Large(u64),
    /// A whole number below 0.
    Negative(i64),
    /// Any other number.
    Fraction(f64),
    /// A string.
    Text(Cow<'j, str>),
    /// A list.
    List(Vec<Json<'j>>),
    /// A mapping, in the order of its text.
    Map(Vec<(Cow<'j, str>, Json<'j>)>),
}

impl Json<'_> {
    /// What it is, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "a boolean",
            Self::Whole(_) | Self::Large(_) => "a whole number",
            Self::Negative(_) | Self::Fraction(_) => "another number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

impl<'j> Json<'j> {
    /// A field of a mapping.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json<'j>> {
        let Self::Map(entries) = self else { return None };
        entries.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Takes the items of a field that is a list; the field is left with none. `None`: there is no such field.
    pub(crate) fn take_list(&mut self, name: &str) -> Option<Vec<Json<'j>>> {
        let Self::Map(entries) = self else { return None };
        match entries.iter_mut().find(|(known, _)| known == name) {
            Some((_, Self::List(items))) => Some(mem::take(items)),
            _ => None,
        }
    }

    /// The items of a list; of anything else none.
    #[must_use]
    pub fn items(&self) -> &[Json<'j>] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }
}

/// Writes a string as RFC 8785, 3.2.2.2, has it.
pub(crate) fn write_text(value: &str, text: &mut String) {
    text.push('"');
    let mut rest = value;
    while let Some(at) = rest.bytes().position(is_escaped) {
        let (plain, escaped) = rest.split_at_checked(at).unwrap_or((rest, ""));
        text.push_str(plain);
        let mut letters = escaped.chars();
        match letters.next() {
            Some('"') => text.push_str("\\\""),
            Some('\\') => text.push_str("\\\\"),
            Some('\u{8}') => text.push_str("\\b"),
            Some('\t') => text.push_str("\\t"),
            Some('\n') => text.push_str("\\n"),
            Some('\u{c}') => text.push_str("\\f"),
            Some('\r') => text.push_str("\\r"),
            control => {
                let _ = write!(text, "\\u{:04x}", control.map_or(0, u32::from));
            }
        }
        rest = letters.as_str();
    }
    text.push_str(rest);
    text.push('"');
}

/// Whether JSON demands an escape for it: what is not ASCII needs none.
fn is_escaped(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..b' ')
}

/// Parses one JSON text; serde_json bounds its nesting.
pub(crate) fn parse(bytes: &[u8]) -> Result<Json<'_>, String> {
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
        Ok(Json::Boolean(flag))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(u32::try_from(number).map_or(Json::Large(number), Json::Whole))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Json::Negative(number))
    }

    /// In a protobuf Struct, as istiod keeps `pluginConfig`, every number is a double.
    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        let whole = number as u32;
        Ok(if f64::from(whole) == number { Json::Whole(whole) } else { Json::Fraction(number) })
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
        // Most lists and mappings have one entry or two, and a vector makes room for four.
        list.shrink_to_fit();
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut map = Vec::new();
        // Keys are read as values are, because that saves code; in JSON every key is a string.
        while let Some((key, value)) = entries.next_entry::<Json<'de>, Json<'de>>()? {
            if let Json::Text(key) = key {
                map.push((key, value));
            }
        }
        map.shrink_to_fit();
        Ok(Json::Map(map))
    }
}
