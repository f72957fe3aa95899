//! Which key of a JSON log line says what.
//!
//! # Design
//!
//! Our own access log has one set of keys. Istio's default format has another, without a principal, and whoever adds one
//! chooses its key. So keys are a table, and a line is read the same whichever of them it has. Envoy's `-` and `null` are no
//! values.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

/// What a key says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    Method,
    Path,
    Host,
    /// The name in the TLS handshake.
    ServerName,
    Status,
    GrpcStatus,
    Time,
    /// The address of the caller.
    Address,
    /// The identity in the caller's certificate.
    Peer,
    /// `x-forwarded-client-cert`, whose last element is the gateway's own word.
    Certificates,
    /// The identity behind a trusted forwarder; for a candidate's line, the caller.
    Caller,
    /// `allowed` or `refused`.
    Decision,
    Rule,
    /// Envoy's response code details.
    Reason,
    Shadow,
    /// `candidate`: the line is an example of what a candidate decides.
    Sallyport,
    InForce,
    Candidate,
}

const FACTS: usize = Fact::Candidate as usize + 1;

/// Each key with what it says. Of several keys that say the same, the first that the line has a value for counts.
pub(super) const KEYS: [(&str, Fact); 34] = [
    ("method", Fact::Method),
    ("path", Fact::Path),
    ("host", Fact::Host),
    ("authority", Fact::Host),
    ("sni", Fact::ServerName),
    ("requested_server_name", Fact::ServerName),
    ("status", Fact::Status),
    ("response_code", Fact::Status),
    ("grpcStatus", Fact::GrpcStatus),
    ("grpc_status", Fact::GrpcStatus),
    ("time", Fact::Time),
    ("start_time", Fact::Time),
    ("timestamp", Fact::Time),
    ("address", Fact::Address),
    ("downstream_remote_address", Fact::Address),
    ("principal", Fact::Peer),
    ("source_principal", Fact::Peer),
    ("downstream_peer_uri_san", Fact::Peer),
    ("downstream_peer", Fact::Peer),
    ("peer_uri_san", Fact::Peer),
    ("peer", Fact::Peer),
    ("x-forwarded-client-cert", Fact::Certificates),
    ("x_forwarded_client_cert", Fact::Certificates),
    ("forwarded_client_cert", Fact::Certificates),
    ("xfcc", Fact::Certificates),
    ("caller", Fact::Caller),
    ("decision", Fact::Decision),
    ("rule", Fact::Rule),
    ("reason", Fact::Reason),
    ("response_code_details", Fact::Reason),
    ("shadow", Fact::Shadow),
    ("sallyport", Fact::Sallyport),
    ("inForce", Fact::InForce),
    ("candidate", Fact::Candidate),
];

/// The values of one line.
#[derive(Debug)]
pub(super) struct Fields<'l>([Option<Cow<'l, str>>; FACTS]);

impl<'l> Fields<'l> {
    /// Reads a JSON object. `own` is a further key for the identity of the caller.
    pub(super) fn read(json: &'l str, own: Option<&str>) -> Option<Self> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let fields = Line { own }.deserialize(&mut deserializer).ok()?;
        deserializer.end().ok()?;
        Some(fields)
    }

    pub(super) fn get(&self, fact: Fact) -> Option<&str> {
        self.0.get(fact as usize)?.as_deref()
    }

    pub(super) fn take(&mut self, fact: Fact) -> Option<Cow<'l, str>> {
        self.0.get_mut(fact as usize)?.take()
    }

    /// Notes a value, if there is one, and none was noted.
    fn note(&mut self, fact: Fact, value: Cow<'l, str>) {
        if let Some(slot) = self.0.get_mut(fact as usize).filter(|_| !matches!(&*value, "" | "-")) {
            slot.get_or_insert(value);
        }
    }
}

struct Line<'k> {
    own: Option<&'k str>,
}

impl<'l> DeserializeSeed<'l> for Line<'_> {
    type Value = Fields<'l>;

    fn deserialize<D: Deserializer<'l>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'l> Visitor<'l> for Line<'_> {
    type Value = Fields<'l>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'l>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields(Default::default());
        while let Some(Text(key)) = map.next_key()? {
            let key = key.unwrap_or_default();
            let fact = match KEYS.iter().find(|(known, _)| *known == key) {
                _ if self.own.is_some_and(|own| *key == *own) => Fact::Peer,
                Some((_, fact)) => *fact,
                None => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            if let Text(Some(value)) = map.next_value()? {
                fields.note(fact, value);
            }
        }
        Ok(fields)
    }
}

/// A string, or a number as it is written; nothing for any other value.
struct Text<'l>(Option<Cow<'l, str>>);

impl<'l> Deserialize<'l> for Text<'l> {
    fn deserialize<D: Deserializer<'l>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'l> Visitor<'l> for TextVisitor {
    type Value = Text<'l>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'l str) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Owned(text.to_owned()))))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Text(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Text(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Text(None))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Text(None))
    }

    fn visit_seq<A: serde::de::SeqAccess<'l>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }

    fn visit_map<A: MapAccess<'l>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }
}
