//! The table of condition keys.

use super::{IdentityField, Key, Topic, Value};
use crate::request::needs::Needs;

/// Every key, in the order in which they are documented.
pub static KEYS: [Key; 17] = [
    Key {
        name: "request.headers[NAME]",
        topic: Topic::Header,
        doc: help("A header, by its name in any case. It may be repeated: see `match`."),
        example: help("{key: \"request.headers[x-role]\", values: [admin]}"),
        needs: Needs::NONE,
        value: Value::Header,
    },
    Key {
        name: "request.query[NAME]",
        topic: Topic::QueryParameter,
        doc: help("A parameter of the query, decoded, by its exact name. It may be repeated: see `match`."),
        example: help("{key: \"request.query[version]\", values: [\"1\"]}"),
        needs: Needs::NONE,
        value: Value::Parameter,
    },
    Key {
        name: "request.auth.claims[NAME]",
        topic: Topic::Token,
        doc: help("A claim of the verified token; further brackets for claims within it."),
        example: help("{key: \"request.auth.claims[realm_access][roles]\", values: [operator]}"),
        needs: Needs::METADATA,
        value: Value::Claim(None),
    },
    Key {
        name: "request.auth.principal",
        topic: Topic::Token,
        doc: help("`ISSUER/SUBJECT` of the verified token."),
        example: help("{key: request.auth.principal, values: [\"https://issuer.example.com/*\"]}"),
        needs: Needs::METADATA,
        value: Value::RequestPrincipal,
    },
    Key {
        name: "request.auth.audiences",
        topic: Topic::Token,
        doc: help("The verified token's `aud`."),
        example: help("{key: request.auth.audiences, values: [httpbin]}"),
        needs: Needs::METADATA,
        value: Value::Claim(Some("aud")),
    },
    Key {
        name: "request.auth.presenter",
        topic: Topic::Token,
        doc: help("The verified token's `azp`: the client it was issued to."),
        example: help("{key: request.auth.presenter, values: [dashboard]}"),
        needs: Needs::METADATA,
        value: Value::Claim(Some("azp")),
    },
    Key {
        name: "source.principal",
        topic: Topic::Caller,
        doc: help("The caller's principal, as in `principals`."),
        example: help("{key: source.principal, values: [cluster.local/ns/httpbin/sa/sleep]}"),
        needs: Needs::PEER,
        value: Value::Identity(IdentityField::Principal),
    },
    Key {
        name: "source.namespace",
        topic: Topic::Caller,
        doc: help("The caller's namespace, as in `namespaces`."),
        example: help("{key: source.namespace, notValues: [default]}"),
        needs: Needs::PEER,
        value: Value::Identity(IdentityField::Namespace),
    },
    Key {
        name: "source.serviceAccount",
        topic: Topic::Caller,
        doc: help("The caller's service account, as in `serviceAccounts`."),
        example: help("{key: source.serviceAccount, values: [httpbin/sleep]}"),
        needs: Needs::PEER,
        value: Value::Identity(IdentityField::ServiceAccount),
    },
    Key {
        name: "source.trustDomain",
        topic: Topic::Caller,
        doc: help("The caller's trust domain, as in `trustDomains`."),
        example: help("{key: source.trustDomain, values: [cluster.local]}"),
        needs: Needs::PEER,
        value: Value::Identity(IdentityField::TrustDomain),
    },
    Key {
        name: "source.ip",
        topic: Topic::PacketAddress,
        doc: help("The packet's source address, as in `ipBlocks`."),
        example: help("{key: source.ip, values: [10.0.0.0/8]}"),
        needs: Needs::SOURCE_ADDRESS,
        value: Value::Address(|request| request.source),
    },
    Key {
        name: "remote.ip",
        topic: Topic::RemoteAddress,
        doc: help("The caller's address from X-Forwarded-For, as in `remoteIpBlocks`."),
        example: help("{key: remote.ip, values: [203.0.113.0/24]}"),
        needs: Needs::SOURCE_ADDRESS,
        value: Value::Address(|request| request.source),
    },
    Key {
        name: "destination.ip",
        topic: Topic::Connection,
        doc: help("The gateway's address on the connection."),
        example: help("{key: destination.ip, values: [10.1.2.3]}"),
        needs: Needs::DESTINATION_ADDRESS,
        value: Value::Address(|request| request.destination.map(|(address, _)| address)),
    },
    Key {
        name: "destination.port",
        topic: Topic::Connection,
        doc: help("The gateway's port on the connection, as in `ports`."),
        example: help("{key: destination.port, values: [\"8443\"]}"),
        needs: Needs::DESTINATION_ADDRESS,
        value: Value::Port(|request| request.destination.map(|(_, port)| port)),
    },
    Key {
        name: "connection.sni",
        topic: Topic::Connection,
        doc: help("The server name that the caller asked for in its TLS handshake."),
        example: help("{key: connection.sni, values: [\"*.example.com\"]}"),
        needs: Needs::SNI,
        value: Value::Text {
            of: |request| request.view.sni.filter(|name| !name.is_empty()),
            fold: u8::to_ascii_lowercase,
        },
    },
    Key {
        name: "connection.tlsVersion",
        topic: Topic::Connection,
        doc: help("The TLS version of the caller's connection; without TLS there is none. Istio has no such key."),
        example: help("{key: connection.tlsVersion, values: [TLSv1.3]}"),
        needs: Needs::TLS_VERSION,
        value: Value::Text {
            of: |request| request.view.tls_version.filter(|version| !version.is_empty()),
            fold: |byte| *byte,
        },
    },
    Key {
        name: "experimental.envoy.filters.FILTER[KEY]",
        topic: Topic::Metadata,
        doc: help("A field of the dynamic metadata of the Envoy filter `envoy.filters.FILTER`."),
        example: help("{key: \"experimental.envoy.filters.network.mysql_proxy[db.table]\", values: [\"[update]\"]}"),
        needs: Needs::METADATA,
        value: Value::Metadata,
    },
];

/// The text, or nothing in the filter: it shows no documentation, and its module is small.
const fn help(text: &'static str) -> &'static str {
    if cfg!(feature = "help") { text } else { "" }
}
