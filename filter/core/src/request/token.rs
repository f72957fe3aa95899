//! What verified tokens and other filters said of the request: Envoy's dynamic metadata.
//!
//! # Design
//!
//! The whole `metadata` property is read as one serialised `envoy.config.core.v3.Metadata`. Its single fields could be
//! read by path, but then strings, lists and numbers arrive as bare bytes that cannot be told apart, and a user who
//! chooses the text of a string claim could make it look like a list with other elements.

use prost::Message;
use prost::alloc::collections::BTreeMap;
use prost::alloc::string::String;
use prost::alloc::vec::Vec;

/// Where Envoy's `jwt_authn` filter leaves the claims of a verified token.
const JWT_FILTER: &str = "envoy.filters.http.jwt_authn";
/// The field that Istio's `RequestAuthentication` names for them.
const PAYLOAD: &str = "payload";

/// `envoy.config.core.v3.Metadata`, as far as it is read.
#[derive(Clone, PartialEq, Message)]
struct MetadataMessage {
    #[prost(btree_map = "string, message", tag = "1")]
    filter_metadata: BTreeMap<String, StructMessage>,
}

/// `google.protobuf.Struct`.
#[derive(Clone, PartialEq, Message)]
struct StructMessage {
    #[prost(btree_map = "string, message", tag = "1")]
    fields: BTreeMap<String, ValueMessage>,
}

/// `google.protobuf.Value`, as far as it is read: numbers, booleans and null match nothing.
#[derive(Clone, PartialEq, Message)]
struct ValueMessage {
    #[prost(oneof = "Kind", tags = "3, 5, 6")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(string, tag = "3")]
    Text(String),
    #[prost(message, tag = "5")]
    Struct(StructMessage),
    #[prost(message, tag = "6")]
    List(ListMessage),
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
        let mut fields = &self.payload()?.fields;
        for parent in parents {
            match &fields.get(parent.as_ref())?.kind {
                Some(Kind::Struct(inner)) => fields = &inner.fields,
                _ => return None,
            }
        }
        Texts::of(fields.get(name.as_ref())?)
    }

    /// A field of another filter's metadata.
    #[must_use]
    pub fn field(&self, filter: &str, key: &str) -> Option<Texts<'_>> {
        Texts::of(self.0.filter_metadata.get(filter)?.fields.get(key)?)
    }

    fn payload(&self) -> Option<&StructMessage> {
        match &self.0.filter_metadata.get(JWT_FILTER)?.fields.get(PAYLOAD)?.kind {
            Some(Kind::Struct(payload)) => Some(payload),
            _ => None,
        }
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
        match value.kind.as_ref()? {
            Kind::Text(text) => Some(Self::One(text)),
            Kind::Struct(_) => None,
            Kind::List(list) => {
                let texts: Vec<_> = list
                    .values
                    .iter()
                    .filter_map(|value| match value.kind.as_ref() {
                        Some(Kind::Text(text)) => Some(text.as_str()),
                        _ => None,
                    })
                    .collect();
                (!texts.is_empty()).then_some(Self::Many(texts))
            }
        }
    }

    fn as_text(&self) -> Option<&'a str> {
        match self {
            Self::One(text) => Some(text),
            Self::Many(_) => None,
        }
    }

    /// Whether one element satisfies the test: a list's elements; of a text the whole, and its space-delimited parts
    /// (RFC 8693, 4.2).
    pub fn any(&self, test: impl Fn(&[u8]) -> bool) -> bool {
        match self {
            Self::One(text) => {
                test(text.as_bytes()) || (text.contains(' ') && text.split(' ').any(|part| test(part.as_bytes())))
            }
            Self::Many(texts) => texts.iter().any(|text| test(text.as_bytes())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> ValueMessage {
        ValueMessage { kind: Some(Kind::Text(text.to_owned())) }
    }

    #[test]
    fn claims() {
        let inner = StructMessage { fields: BTreeMap::from([("role".to_owned(), text("ops"))]) };
        let list = ListMessage { values: vec![text("a"), ValueMessage { kind: None }, text("b c")] };
        let payload = StructMessage {
            fields: BTreeMap::from([
                ("iss".to_owned(), text("issuer")),
                ("sub".to_owned(), text("user")),
                ("scope".to_owned(), text("read write")),
                ("realm".to_owned(), ValueMessage { kind: Some(Kind::Struct(inner)) }),
                ("groups".to_owned(), ValueMessage { kind: Some(Kind::List(list)) }),
                ("level".to_owned(), ValueMessage { kind: None }),
            ]),
        };
        let jwt = StructMessage {
            fields: BTreeMap::from([(PAYLOAD.to_owned(), ValueMessage { kind: Some(Kind::Struct(payload)) })]),
        };
        let message = MetadataMessage { filter_metadata: BTreeMap::from([(JWT_FILTER.to_owned(), jwt)]) };
        let metadata = Metadata::parse(&message.encode_to_vec());
        assert!(metadata.has_token());
        assert_eq!(metadata.request_principal().as_deref(), Some("issuer/user"));
        assert_eq!(metadata.claim(&["realm", "role"]), Some(Texts::One("ops")));
        assert_eq!(metadata.claim(&["groups"]), Some(Texts::Many(vec!["a", "b c"])));
        assert_eq!(metadata.claim(&["level"]), None);
        assert_eq!(metadata.claim(&["realm", "none"]), None);
        assert!(metadata.claim(&["scope"]).unwrap().any(|part| part == b"write"));
        assert!(!metadata.claim(&["groups"]).unwrap().any(|part| part == b"c"));
    }

    #[test]
    fn what_is_no_metadata_holds_no_token() {
        for bytes in [&b""[..], b"\xff\xff", b"\x0a\xff"] {
            assert!(!Metadata::parse(bytes).has_token());
        }
    }
}
