//! A request that owns its bytes, built in a line or two.

use prost::Message;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value as ProtoValue};
use sallyport_core::{PeerView, RequestView};
use serde_json::Value;
use std::collections::BTreeMap;

/// Envoy's name for the metadata that its JWT filter writes.
pub const JWT: &str = "envoy.filters.http.jwt_authn";

/// One request as the host would tell it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    pub headers: Vec<(Text, Text)>,
    pub mtls: bool,
    pub uri_san: Option<Text>,
    /// What else the gateway tells of the certificate: `DNS=NAME`, `URI=NAME`, `Subject="..."`.
    pub other_names: Vec<Text>,
    pub source_address: Option<Text>,
    pub destination_address: Option<Text>,
    pub sni: Option<Text>,
    pub tls_version: Option<Text>,
    /// `filter_metadata` as JSON: filter name to object.
    pub metadata: BTreeMap<String, Value>,
}

/// Bytes that print as text.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Text(pub Vec<u8>);

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl<T: AsRef<[u8]>> From<T> for Text {
    fn from(bytes: T) -> Self {
        Self(bytes.as_ref().to_vec())
    }
}

impl std::fmt::Display for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            headers,
            mtls,
            uri_san,
            other_names,
            source_address,
            destination_address,
            sni,
            tls_version,
            metadata,
        } = self;
        write!(f, "request: mtls {mtls} {uri_san:?} {other_names:?}")?;
        write!(f, " from {source_address:?} to {destination_address:?} sni {sni:?} {tls_version:?}")?;
        for (name, value) in headers {
            write!(f, "\n  {name:?}: {value:?}")?;
        }
        for (filter, fields) in metadata {
            write!(f, "\n  {filter} {fields}")?;
        }
        Ok(())
    }
}

impl Request {
    /// A request without identity to `httpbin.org`, from 10.1.2.3 to port 8443 of the gateway.
    pub fn new(method: impl AsRef<[u8]>, path: impl AsRef<[u8]>) -> Self {
        Self {
            headers: vec![
                (":method".into(), method.into()),
                (":authority".into(), "httpbin.org".into()),
                (":path".into(), path.into()),
            ],
            source_address: Some("10.1.2.3:41000".into()),
            destination_address: Some("10.9.0.1:8443".into()),
            sni: Some("httpbin.org".into()),
            tls_version: Some("TLSv1.3".into()),
            ..Self::default()
        }
    }

    pub fn get(path: impl AsRef<[u8]>) -> Self {
        Self::new("GET", path)
    }

    /// Shows a verified certificate with this URI SAN.
    pub fn peer(mut self, uri: impl AsRef<[u8]>) -> Self {
        self.mtls = true;
        self.uri_san = Some(uri.into());
        self
    }

    /// Another name of the certificate, as the gateway tells it.
    pub fn named(mut self, name: &str) -> Self {
        self.other_names.push(name.into());
        self
    }

    pub fn without_peer(mut self) -> Self {
        self.mtls = false;
        self.uri_san = None;
        self
    }

    /// Adds an occurrence of a header.
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| other.0 != name.as_bytes());
        self
    }

    pub fn host(self, host: impl AsRef<[u8]>) -> Self {
        self.without(":authority").header(":authority", host)
    }

    pub fn source_at(mut self, address: impl AsRef<[u8]>) -> Self {
        self.source_address = Some(address.into());
        self
    }

    pub fn destination_at(mut self, address: impl AsRef<[u8]>) -> Self {
        self.destination_address = Some(address.into());
        self
    }

    pub fn sni(mut self, sni: impl AsRef<[u8]>) -> Self {
        self.sni = Some(sni.into());
        self
    }

    pub fn tls_version(mut self, version: impl AsRef<[u8]>) -> Self {
        self.tls_version = Some(version.into());
        self
    }

    /// Without what a plain-text listener, or a host that was not asked, would not tell.
    pub fn without_connection(mut self) -> Self {
        self.source_address = None;
        self.destination_address = None;
        self.sni = None;
        self.tls_version = None;
        self
    }

    /// Shows a verified token with these claims.
    pub fn token(self, claims: Value) -> Self {
        self.filter_state(JWT, serde_json::json!({ "payload": claims }))
    }

    /// Adds one filter's metadata.
    pub fn filter_state(mut self, filter: &str, fields: Value) -> Self {
        self.metadata.insert(filter.to_owned(), fields);
        self
    }

    pub fn without_token(mut self) -> Self {
        self.metadata.remove(JWT);
        self
    }

    /// Lends the request to the engine.
    pub fn with_view<R>(&self, f: impl FnOnce(&RequestView<'_>) -> R) -> R {
        fn bytes(text: Option<&Text>) -> Option<&[u8]> {
            text.map(|text| text.0.as_slice())
        }
        // With mutual TLS the gateway appends what it has seen, without it takes away what the caller has sent.
        let is_forwarded = |name: &Text| name.0 == b"x-forwarded-client-cert";
        let sent = self.headers.iter().filter(|(name, _)| is_forwarded(name)).map(|(_, value)| value.0.as_slice());
        let named = |key: &'static [u8]| {
            let names = self.other_names.iter().map(|name| name.0.as_slice());
            names.filter(move |name| name.starts_with(key)).flat_map(|name| [b";", name]).flatten().copied()
        };
        let mut own = [b"Hash=", DIGEST].concat();
        own.extend(named(b"Subject"));
        own.extend([b";URI=", bytes(self.uri_san.as_ref()).unwrap_or_default()].concat());
        own.extend(named(b"URI").chain(named(b"DNS")));
        let forwarded = sent.chain([own.as_slice()]).collect::<Vec<_>>().join(&b","[..]);
        let others = self.headers.iter().filter(|(name, _)| !is_forwarded(name));
        let mut headers: Vec<(&[u8], &[u8])> =
            others.map(|(name, value)| (name.0.as_slice(), value.0.as_slice())).collect();
        if self.mtls {
            headers.push((b"x-forwarded-client-cert", &forwarded));
        }
        let metadata = encode_metadata(&self.metadata);
        f(&RequestView {
            headers: &headers,
            peer: PeerView { mtls: self.mtls, uri_san: bytes(self.uri_san.as_ref()), digest: Some(DIGEST) },
            source_address: bytes(self.source_address.as_ref()),
            destination_address: bytes(self.destination_address.as_ref()),
            sni: bytes(self.sni.as_ref()),
            tls_version: bytes(self.tls_version.as_ref()),
            metadata: (!self.metadata.is_empty()).then_some(metadata.as_slice()),
        })
    }
}

/// Of the caller's certificate.
const DIGEST: &[u8] = b"5a11";

/// `envoy.config.core.v3.Metadata`, as far as it matters here.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Metadata {
    #[prost(btree_map = "string, message", tag = "1")]
    pub filter_metadata: BTreeMap<String, Struct>,
}

fn encode_metadata(filters: &BTreeMap<String, Value>) -> Vec<u8> {
    let filter_metadata = filters
        .iter()
        .filter_map(|(name, fields)| match to_proto(fields).kind {
            Some(Kind::StructValue(fields)) => Some((name.clone(), fields)),
            _ => None,
        })
        .collect();
    Metadata { filter_metadata }.encode_to_vec()
}

fn to_proto(value: &Value) -> ProtoValue {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(value) => Kind::BoolValue(*value),
        Value::Number(value) => Kind::NumberValue(value.as_f64().unwrap_or_default()),
        Value::String(value) => Kind::StringValue(value.clone()),
        Value::Array(values) => Kind::ListValue(ListValue { values: values.iter().map(to_proto).collect() }),
        Value::Object(fields) => Kind::StructValue(Struct {
            fields: fields.iter().map(|(name, value)| (name.clone(), to_proto(value))).collect(),
        }),
    };
    ProtoValue { kind: Some(kind) }
}
