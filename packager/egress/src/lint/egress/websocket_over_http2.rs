//! A rule allows WebSockets, but the upstream is called with HTTP/2.
//!
//! Over HTTP/2 a WebSocket is an extended CONNECT request (RFC 8441), which few servers support. Callers
//! would get 503, or a connection that hangs. One upstream has one version of HTTP: an upstream that
//! offers both gRPC and WebSockets needs an Egress for each.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! upstream: {host: chat.partner.example, port: 443, protocol: http2}
//! authz:
//!   rules:
//!   - id: chat
//!     action: ALLOW
//!     from: [{source: {serviceAccounts: [shop/frontend]}}]
//!     when: [{key: "request.headers[upgrade]", values: [websocket]}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! upstream: {host: chat.partner.example, port: 443}
//! authz:
//!   rules:
//!   - id: chat
//!     action: ALLOW
//!     from: [{source: {serviceAccounts: [shop/frontend]}}]
//!     when: [{key: "request.headers[upgrade]", values: [websocket]}]
//! ```
//!
//! Fix: Remove `upstream.protocol`, or write `http1`.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::model::HttpVersion;
use crate::wording::quoted;
use sallyport_core::policy::key::WrittenKey;
use sallyport_core::wire;

pub(super) const LINT: Lint =
    Lint { code: Code::WebsocketOverHttp2, run, source: include_str!("websocket_over_http2.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let over_http2 =
        input.egresses.iter().filter(|subject| subject.egress.spec.upstream.protocol == HttpVersion::Http2);
    let first = over_http2.filter_map(|subject| {
        let mut rules = subject.rules(wire::Action::Allow);
        let (at, rule) = rules.find_map(|(path, rule)| Some((path + &handshake(rule)?, rule)))?;
        let message =
            format!("the rule {} allows WebSockets, but the upstream is called with HTTP/2", quoted(&rule.id));
        Some(subject.at(&at, message, "write `upstream.protocol: http1`"))
    });
    first.collect()
}

/// Where a rule requires a header of a WebSocket's handshake.
fn handshake(rule: &wire::Rule) -> Option<String> {
    let required = |condition: &wire::Condition| condition.values.is_some() || condition.regex.is_some();
    let is_of_handshake = |condition: &&wire::Condition| {
        let name = WrittenKey::read(&condition.key).and_then(|key| key.header()).unwrap_or_default();
        let name = name.to_ascii_lowercase();
        required(condition) && (name == "upgrade" || name.starts_with("sec-websocket-"))
    };
    let position = rule.when.as_ref()?.iter().position(|condition| is_of_handshake(&condition))?;
    Some(format!(".when[{position}].key"))
}
