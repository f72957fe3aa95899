//! `spec.ports`: more ports for callers, each with a port of the upstream behind it.

use crate::model::health::READINESS_PORT;
use sallyport_core::record;
use sallyport_core::wire::Shape;
use std::ops::RangeInclusive;

/// The port that callers use without any `ports`.
pub const CALLERS_PORT: u16 = 80;
/// Where the gateway listens for it.
pub const GATEWAY_PORT: u16 = 8443;
/// Where a gateway listens for it that istiod deploys, whose pods listen on the Service's ports.
pub const GATEWAY_API_PORT: u16 = 443;
/// Ports of the gateway's pods that are not for callers' requests: the readiness endpoint, and those of OPA.
pub const OWN_PORTS: [u16; 5] = [READINESS_PORT, 8181, 8282, GATEWAY_PORT, 9191];
/// The ports of Istio's proxy.
pub(crate) const ISTIO_PORTS: RangeInclusive<u16> = 15000..=15099;
/// What is added to a port that the gateway's pods cannot listen on.
const MOVED_BY: u16 = 20_000;

const PORT: Shape = Shape::Whole { least: 1, most: 65535 };

record! {
    /// One of `spec.ports`.
    pub struct Port = "ports" {
        /// The port that callers use: `http://HOST:PORT`.
        "port" port: u16 as (PORT) = required,
        /// The upstream's port behind it.
        "upstreamPort" upstream_port: u16 as (PORT) = required,
    }
    instead {
        "number" => "write `port`",
        "targetPort" => "write `upstreamPort`",
        "protocol" => "callers speak plain HTTP, which their sidecars encrypt: leave it out",
        "name" => "leave it out: a port has no name here",
    }
}

impl Port {
    /// Where the gateway listens for it: the number of `destination.port` and of `ports` in rules. It is the callers' own
    /// port where a pod can listen on that without privilege and does not need it for something else.
    #[must_use]
    pub fn gateway_port(&self) -> u16 {
        if self.port < 1024 || OWN_PORTS.contains(&self.port) { self.port.saturating_add(MOVED_BY) } else { self.port }
    }
}
