//! What verified tokens and other filters said of the request: Envoy's dynamic metadata.
//!
//! # Design
//!
//! The whole `metadata` property is read as one serialised `envoy.config.core.v3.Metadata`. Its single fields could be
//! read by path, but then strings, lists and numbers arrive as bare bytes that cannot be told apart, and a user who
//! chooses the text of a string claim could make it look like a list with other elements.

use prost::Message;
use prost::alloc::string::String;
use prost::alloc::vec::Vec;

/// Where Envoy's `jwt_authn` filter leaves the claims of a verified token.
const JWT_FILTER: &str = "envoy.filters.http.jwt_authn";
/// The field that Istio's `RequestAuthentication` names for them.
const PAYLOAD: &str = "payload";

/// `envoy.config.core.v3.Metadata`, as far as it is read.
#[derive(Clone, PartialEq, Message)]
struct MetadataMessage {
    #[prost(message, repeated, tag = "1")]
    filter_metadata: Vec<FilterEntry>,
}

/// `google.protobuf.Struct`.
#[derive(Clone, PartialEq, Message)]
struct StructMessage {
    #[prost(message, repeated, tag = "1")]
    fields: Vec<FieldEntry>,
}

// A protobuf map is, on the wire, a repeated message of key and value; of equal keys the last counts.

#[derive(Clone, PartialEq, Message)]
struct FilterEntry {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<StructMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct FieldEntry {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<ValueMessage>,
}

impl MetadataMessage {
    fn get(&self, filter: &str) -> Option<&StructMessage> {
        self.filter_metadata.iter().rev().find(|entry| entry.key == filter)?.value.as_ref()
    }
}

impl StructMessage {
    fn get(&self, field: &str) -> Option<&ValueMessage> {
        self.fields.iter().rev().find(|entry| entry.key == field)?.value.as_ref()
    }
}

/// `google.protobuf.Value`, as far as it is read: numbers, booleans and null match nothing. In the schema the three are
/// a `oneof`; reading them as fields of their own makes no difference on the wire.
#[derive(Clone, PartialEq, Message)]
struct ValueMessage {
    #[prost(string, optional, tag = "3")]
    text: Option<String>,
    #[prost(message, optional, tag = "5")]
    fields: Option<StructMessage>,
    #[prost(message, optional, tag = "6")]
    list: Option<ListMessage>,
}

/// `google.protobuf.ListValue`.
#[derive(Clone, PartialEq, Message)]
struct ListMessage {
    #[prost(message, repeated, tag = "1")]
    values: Vec<ValueMessage>,
}

/// The request's dynamic metadata. Bytes that are no such message read as none.
#[derive(Clone, Debug, Default)]
pub struct Metadata(MetadataMessage);

impl Metadata {
    /// Reads the serialised message.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        Self(MetadataMessage::decode(bytes).unwrap_or_default())
    }

    /// Whether a verified token was shown.
    #[must_use]
    pub fn has_token(&self) -> bool {
        self.payload().is_some()
    }

    /// `ISS/SUB` of the token, if it has both.
    #[must_use]
    pub fn request_principal(&self) -> Option<String> {
        let issuer = self.claim(&["iss"])?.as_text()?;
        let subject = self.claim(&["sub"])?.as_text()?;
        (!issuer.is_empty() && !subject.is_empty()).then(|| format!("{issuer}/{subject}"))
    }

    /// A claim by its path.
    #[must_use]
    pub fn claim<S: AsRef<str>>(&self, path: &[S]) -> Option<Texts<'_>> {
        let (name, parents) = path.split_last()?;
        let mut fields = self.payload()?;
        for parent in parents {
            fields = fields.get(parent.as_ref())?.fields.as_ref()?;
        }
        Texts::of(fields.get(name.as_ref())?)
    }

    /// A field of another filter's metadata.
    #[must_use]
    pub fn field(&self, filter: &str, key: &str) -> Option<Texts<'_>> {
        Texts::of(self.0.get(filter)?.get(key)?)
    }

    fn payload(&self) -> Option<&StructMessage> {
        self.0.get(JWT_FILTER)?.get(PAYLOAD)?.fields.as_ref()
    }
}

/// A value that is text, or a list with text in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Texts<'a> {
    /// One text.
    One(&'a str),
    /// The texts of a list.
    Many(Vec<&'a str>),
}

impl<'a> Texts<'a> {
    fn of(value: &'a ValueMessage) -> Option<Self> {
        if let Some(text) = &value.text {
            return Some(Self::One(text));
        }
        let texts: Vec<_> = value.list.as_ref()?.values.iter().filter_map(|value| value.text.as_deref()).collect();
        (!texts.is_empty()).then_some(Self::Many(texts))
    }

    fn as_text(&self) -> Option<&'a str> {
        match self {
            Self::One(text) => Some(text),
            Self::Many(_) => None,
        }
    }

    /// Whether one element satisfies the test: a list's elements; of a text the whole, and, where it is asked for, its
    /// space-delimited parts (RFC 8693, 4.2).
    pub fn any(&self, splits: bool, test: impl Fn(&[u8]) -> bool) -> bool {
        match self {
            Self::One(text) => test(text.as_bytes()) || (splits && text.split(' ').any(|part| test(part.as_bytes()))),
            Self::Many(texts) => texts.iter().any(|text| test(text.as_bytes())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> ValueMessage {
        ValueMessage { text: Some(text.to_owned()), ..ValueMessage::default() }
    }

    fn of<const N: usize>(fields: [(&str, ValueMessage); N]) -> StructMessage {
        let entry = |(key, value): (&str, ValueMessage)| FieldEntry { key: key.to_owned(), value: Some(value) };
        StructMessage { fields: fields.into_iter().map(entry).collect() }
    }

    #[test]
    fn claims() {
        let inner = of([("role", text("ops"))]);
        let list = ListMessage { values: vec![text("a"), ValueMessage::default(), text("b c")] };
        let payload = of([
            ("iss", text("issuer")),
            ("sub", text("shadowed by the next")),
            ("sub", text("user")),
            ("scope", text("read write")),
            ("realm", ValueMessage { fields: Some(inner), ..ValueMessage::default() }),
            ("groups", ValueMessage { list: Some(list), ..ValueMessage::default() }),
            ("level", ValueMessage::default()),
        ]);
        let jwt = of([(PAYLOAD, ValueMessage { fields: Some(payload), ..ValueMessage::default() })]);
        let message =
            MetadataMessage { filter_metadata: vec![FilterEntry { key: JWT_FILTER.to_owned(), value: Some(jwt) }] };
        let metadata = Metadata::parse(&message.encode_to_vec());
        assert!(metadata.has_token());
        assert_eq!(metadata.request_principal().as_deref(), Some("issuer/user"));
        assert_eq!(metadata.claim(&["realm", "role"]), Some(Texts::One("ops")));
        assert_eq!(metadata.claim(&["groups"]), Some(Texts::Many(vec!["a", "b c"])));
        assert_eq!(metadata.claim(&["level"]), None);
        assert_eq!(metadata.claim(&["realm", "none"]), None);
        assert!(metadata.claim(&["scope"]).unwrap().any(true, |part| part == b"write"));
        assert!(!metadata.claim(&["groups"]).unwrap().any(true, |part| part == b"c"));
    }

    #[test]
    fn what_is_no_metadata_holds_no_token() {
        for bytes in [&b""[..], b"\xff\xff", b"\x0a\xff"] {
            assert!(!Metadata::parse(bytes).has_token());
        }
    }
}
