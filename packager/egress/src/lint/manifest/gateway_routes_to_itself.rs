//! A gateway sends requests to itself.
//!
//! One VirtualService is for the mesh and for the gateway, and its route to the gateway is not limited
//! to the mesh. The gateway follows that route as well, so it sends a request to itself thousands
//! of times, until the headers that each round adds are too large: callers get 431.
//!
//! Bad:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: httpbin, namespace: egress}
//! spec:
//!   selector: {app: httpbin-egress}
//!   servers: [{port: {number: 443, protocol: HTTPS}, hosts: [httpbin.internal], tls: {mode: ISTIO_MUTUAL}}]
//! ---
//! kind: VirtualService
//! metadata: {name: httpbin, namespace: egress}
//! spec:
//!   hosts: [httpbin.internal]
//!   gateways: [mesh, httpbin]
//!   http:
//!   - route: [{destination: {host: httpbin-egress}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: httpbin, namespace: egress}
//! spec:
//!   selector: {app: httpbin-egress}
//!   servers: [{port: {number: 443, protocol: HTTPS}, hosts: [httpbin.internal], tls: {mode: ISTIO_MUTUAL}}]
//! ---
//! kind: VirtualService
//! metadata: {name: httpbin, namespace: egress}
//! spec:
//!   hosts: [httpbin.internal]
//!   gateways: [mesh, httpbin]
//!   http:
//!   - match: [{gateways: [mesh]}]
//!     route: [{destination: {host: httpbin-egress}}]
//! ```
//!
//! Fix: Write `match: [{gateways: [mesh]}]` in the route to the gateway, and the Gateway's name in the
//! other. Two VirtualServices work, too.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;

pub(super) const LINT: Lint =
    Lint { code: Code::GatewayRoutesToItself, run, source: include_str!("gateway_routes_to_itself.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let routes = input
        .set
        .routes
        .iter()
        .filter(|route| route.is_in_mesh() && route.is_at_gateway() && route.matches_any_gateway);
    for route in routes {
        let is_own = |service: &str| {
            input.set.mesh.gateways.behind(service).any(|gateway| route.gateways.contains(&gateway.qualified()))
        };
        for to in route.destinations.iter().filter(|to| is_own(&to.host)) {
            let message =
                format!("the gateway {} follows this route, too, and sends the request to itself", quoted(&to.host));
            let help = "write `match: [{gateways: [mesh]}]`, or use two VirtualServices";
            findings.push(finding(route.manifest.file, to.place(), message, help));
        }
    }
    findings
}
