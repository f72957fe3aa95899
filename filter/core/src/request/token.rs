//! What verified tokens and other filters said of the request: Envoy's dynamic metadata.
//!
//! # Design
//!
//! The whole `metadata` property is read as one serialised `envoy.config.core.v3.Metadata`. Its single fields could be
//! read by path, but then strings, lists and numbers arrive as bare bytes that cannot be told apart, and a user who
//! chooses the text of a string claim could make it look like a list with other elements.

#[cfg(feature = "compile")]
pub(crate) mod encode;

use alloc::string::String;
use alloc::vec::Vec;

use prost::Message;

use crate::request::usage::Use;
use crate::text::split;
use crate::wire::Ambiguity;

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

/// The request's dynamic metadata.
#[derive(Clone, Debug, Default)]
pub struct Metadata(MetadataMessage);

impl Metadata {
    /// Reads the serialised message. [`Ambiguity::UnreadableMetadata`] if it is none, or is nested too deeply: read as no
    /// token, a denial of its subject would be avoided by one claim that the caller chose.
    #[inline(never)]
    pub fn parse(bytes: &[u8]) -> Result<Self, Ambiguity> {
        MetadataMessage::decode(bytes).map(Self).map_err(|_| Ambiguity::UnreadableMetadata)
    }

    /// Whether a verified token was shown.
    #[must_use]
    pub fn has_token(&self) -> bool {
        self.payload().is_some()
    }

    /// Issuer and subject of the token, if it has both.
    #[must_use]
    pub fn request_principal(&self) -> Option<RequestPrincipal> {
        let issuer = self.claim(&["iss"])?.as_text()?;
        let subject = self.claim(&["sub"])?.as_text()?;
        let principal = || RequestPrincipal { joined: format!("{issuer}/{subject}"), issuer_length: issuer.len() };
        (!issuer.is_empty() && !subject.is_empty()).then(principal)
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

/// Who a token is about: `ISS/SUB`. Both may have slashes in them, so they are never told apart by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPrincipal {
    joined: String,
    issuer_length: usize,
}

impl RequestPrincipal {
    /// `ISS/SUB`.
    pub(crate) fn as_str(&self) -> &str {
        &self.joined
    }

    /// `iss`.
    pub(crate) fn issuer(&self) -> &[u8] {
        self.joined.as_bytes().get(..self.issuer_length).unwrap_or_default()
    }

    /// `sub`.
    pub(crate) fn subject(&self) -> &[u8] {
        let start = self.issuer_length.saturating_add(1);
        self.joined.as_bytes().get(start..).unwrap_or_default()
    }
}

/// For the tests of matchers.
#[cfg(test)]
pub(crate) fn request_principal(issuer: &str, subject: &str) -> RequestPrincipal {
    RequestPrincipal { joined: format!("{issuer}/{subject}"), issuer_length: issuer.len() }
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

    /// Whether the text, or one element of the list, satisfies the test.
    pub fn any(&self, test: impl Fn(&[u8]) -> bool) -> bool {
        match self {
            Self::One(text) => test(text.as_bytes()),
            Self::Many(texts) => texts.iter().any(|text| test(text.as_bytes())),
        }
    }

    /// The same of a claim whose text is a list of words (RFC 8693, 4.2). Envoy makes a list of it before the filter sees
    /// it, where it is told to; the whole text is a reading for rules that refuse only.
    pub fn any_word(&self, by: Use, test: impl Fn(&[u8]) -> bool) -> bool {
        match self {
            Self::One(text) => {
                (by == Use::Restrictive && test(text.as_bytes())) || split(text, " ").any(|word| test(word.as_bytes()))
            }
            Self::Many(_) => self.any(test),
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
        let metadata = Metadata::parse(&message.encode_to_vec()).unwrap();
        assert!(metadata.has_token());
        let principal = metadata.request_principal().unwrap();
        assert_eq!(principal.as_str(), "issuer/user");
        assert_eq!((principal.issuer(), principal.subject()), (&b"issuer"[..], &b"user"[..]));
        assert_eq!(metadata.claim(&["realm", "role"]), Some(Texts::One("ops")));
        assert_eq!(metadata.claim(&["groups"]), Some(Texts::Many(vec!["a", "b c"])));
        assert_eq!(metadata.claim(&["level"]), None);
        assert_eq!(metadata.claim(&["realm", "none"]), None);
        let scope = metadata.claim(&["scope"]).unwrap();
        for by in [Use::Restrictive, Use::Permissive] {
            assert!(scope.any_word(by, |word| word == b"write"));
            assert_eq!(scope.any_word(by, |word| word == b"read write"), by == Use::Restrictive);
            assert!(!metadata.claim(&["groups"]).unwrap().any_word(by, |part| part == b"c"));
        }
        assert!(!scope.any(|part| part == b"write"));
    }

    #[test]
    fn what_is_no_metadata_is_refused() {
        assert!(!Metadata::parse(b"").unwrap().has_token());
        for bytes in [&b"\xff\xff"[..], b"\x0a\xff", b"\x0a\x03\x0a\x01\xff"] {
            assert_eq!(Metadata::parse(bytes).unwrap_err(), Ambiguity::UnreadableMetadata);
        }
    }

    #[test]
    fn what_is_nested_too_deeply_is_refused() {
        let nested = |depth: usize| {
            let mut value = ValueMessage { text: Some("x".to_owned()), ..ValueMessage::default() };
            for _ in 0..depth {
                let field = FieldEntry { key: "a".to_owned(), value: Some(value) };
                value = ValueMessage { fields: Some(StructMessage { fields: vec![field] }), ..ValueMessage::default() };
            }
            let payload = FieldEntry { key: PAYLOAD.to_owned(), value: Some(value) };
            let jwt = StructMessage { fields: vec![payload] };
            let entry = FilterEntry { key: JWT_FILTER.to_owned(), value: Some(jwt) };
            Metadata::parse(&MetadataMessage { filter_metadata: vec![entry] }.encode_to_vec())
        };
        assert!(nested(30).unwrap().has_token());
        for depth in [40, 90, 1000] {
            assert_eq!(nested(depth).unwrap_err(), Ambiguity::UnreadableMetadata, "{depth}");
        }
    }
}
