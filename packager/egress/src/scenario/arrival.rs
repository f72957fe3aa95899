//! What the gateway's Envoy does with a request before the filter gets it, and what it answers by itself.
//!
//! # Design
//!
//! The filter decides on what Envoy makes of a request: a request for `/a/../b` is one for `/b`, and one for `/%61` is one
//! for `/a`. Some requests never reach it. [`Scenario::pass`] is the one way of a request through a gateway, with all of
//! this around the filter, so that no explanation and no case leaves a part of it out.

mod path;

use std::convert::Infallible;
use std::fmt;
use std::net::Ipv6Addr;

use sallyport_core::Engine;

use super::{Effect, Outcome, Scenario};
use crate::model::Egress;

/// An answer of the gateway's Envoy to a request that the filter does not refuse or does not get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ByEnvoy {
    /// No listener has the name that the caller asks for in the TLS handshake, so there is no connection.
    ServerName,
    /// The path is none that Envoy takes.
    Path,
    /// The request is for no path: `OPTIONS *`.
    NoPath,
    /// The filter lets it through, and there is no route for its host.
    Host,
}

impl ByEnvoy {
    /// The status; `None` where there is no connection.
    #[must_use]
    pub fn status(self) -> Option<u16> {
        match self {
            Self::ServerName => None,
            Self::Path => Some(400),
            Self::NoPath | Self::Host => Some(404),
        }
    }

    fn outcome(self) -> Outcome {
        Outcome {
            effect: Effect::ByEnvoy(self),
            shadow: None,
            audits: Vec::new(),
            principal: None,
            status: self.status(),
            answer: Vec::new(),
            upstream: None,
        }
    }
}

impl fmt::Display for ByEnvoy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ServerName => "no connection: the gateway does not serve the server name in the TLS handshake",
            Self::Path => "answered by Envoy with 400, before the filter: the path is not valid",
            Self::NoPath => "answered by Envoy with 404, before the filter: it serves no `*`",
            Self::Host => "answered by Envoy with 404, behind the filter: the gateway does not serve the host",
        })
    }
}

impl Scenario {
    /// What becomes of the request, from the caller's connection to what leaves the gateway.
    #[must_use]
    pub fn run(&self, engine: &Engine, egress: &Egress) -> Outcome {
        match self.pass(egress, |received| Ok::<_, Infallible>(received.play(engine))) {
            Ok(outcome) => outcome,
            Err(never) => match never {},
        }
    }

    /// The same with anything in the place of the filter; it gets the request as Envoy gives it to the filter.
    ///
    /// # Errors
    ///
    /// Those of the filter.
    pub fn pass<E>(&self, egress: &Egress, filter: impl FnOnce(&Scenario) -> Result<Outcome, E>) -> Result<Outcome, E> {
        let received = match self.received(egress) {
            Ok(received) => received,
            Err(by_envoy) => return Ok(by_envoy.outcome()),
        };
        let outcome = filter(&received)?;
        if outcome.upstream.is_some() && !serves(egress, &received.request.authority) {
            let Outcome { principal, audits, shadow, .. } = outcome;
            return Ok(Outcome { principal, audits, shadow, ..ByEnvoy::Host.outcome() });
        }
        Ok(outcome.after_route(egress, &received))
    }

    /// The request as the gateway's filter gets it.
    ///
    /// - The ingress gateway gives a request for the exposed host the name that the mesh uses.
    /// - What a caller writes into `x-forwarded-client-cert` is removed, unless it has a certificate, and forwarders are
    ///   trusted.
    /// - The path is normalized.
    ///
    /// # Errors
    ///
    /// What Envoy answers, if the filter does not get the request.
    pub fn received(&self, egress: &Egress) -> Result<Scenario, ByEnvoy> {
        if self.caller.server_name.as_ref().is_some_and(|name| !serves(egress, name.as_bytes())) {
            return Err(ByEnvoy::ServerName);
        }
        let mut received = self.clone();
        if self.is_through_ingress(egress) {
            received.request.authority = egress.spec.host.authority().to_string().into_bytes();
        }
        if egress.spec.authz.trusted_forwarders.is_empty() || self.caller.certificate.is_none() {
            received.request.headers.retain(|(name, _)| name != "x-forwarded-client-cert");
        }
        if self.request.path == b"*" {
            return Err(if self.request.method == b"OPTIONS" { ByEnvoy::NoPath } else { ByEnvoy::Path });
        }
        received.request.path = path::normalized(&self.request.path).ok_or(ByEnvoy::Path)?;
        Ok(received)
    }

    /// Whether the request is for the exposed host and by the ingress gateway, which rewrites the host.
    fn is_through_ingress(&self, egress: &Egress) -> bool {
        let Some(expose) = &egress.spec.expose else { return false };
        let own = self.caller.certificate.as_ref().and_then(|own| own.principal()).unwrap_or_default();
        let namespace = own.split('/').nth(2).unwrap_or_default();
        let is_forwarder = !self.caller.forwarded.is_empty() || namespace == expose.gateway.namespace();
        is_forwarder && is_one_of(expose.hosts().map(|host| &**host), &self.request.authority)
    }
}

/// A path and query as the gateway's Envoy gives them to the filter; `None`: Envoy answers with 400.
pub(crate) fn normalized(target: &[u8]) -> Option<Vec<u8>> {
    path::normalized(target)
}

/// Whether the gateway has a route for a host, with or without a port, or a listener for a server name.
#[must_use]
pub fn serves(egress: &Egress, authority: &[u8]) -> bool {
    is_one_of(egress.hosts().map(|host| &**host), authority)
}

/// The name that a caller of a host asks for in the TLS handshake unless something else is said: without one that the
/// gateway serves there is no connection.
#[must_use]
pub fn usual_server_name(egress: &Egress, authority: &str) -> String {
    if serves(egress, authority.as_bytes()) { host_of(authority).to_owned() } else { egress.spec.host.to_string() }
}

fn is_one_of<'h>(mut hosts: impl Iterator<Item = &'h str>, authority: &[u8]) -> bool {
    let authority = String::from_utf8_lossy(authority);
    let host = host_of(&authority);
    hosts.any(|own| own.eq_ignore_ascii_case(host))
}

/// The host without its port, an IPv6 address without its brackets.
fn host_of(authority: &str) -> &str {
    if let Some((address, _)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    match authority.rsplit_once(':') {
        _ if authority.parse::<Ipv6Addr>().is_ok() => authority,
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_its_port() {
        for (authority, host) in [
            ("a.internal", "a.internal"),
            ("a.internal:8443", "a.internal"),
            ("10.0.0.7:80", "10.0.0.7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[2001:db8::7]:80", "2001:db8::7"),
            ("2001:db8::7", "2001:db8::7"),
            ("a.internal:", "a.internal:"),
        ] {
            assert_eq!(host_of(authority), host, "{authority}");
        }
    }
}
