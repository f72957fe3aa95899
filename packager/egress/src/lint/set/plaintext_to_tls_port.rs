//! Requests are sent as plaintext to a port where the upstream expects TLS.
//!
//! A gateway or a sidecar that has read a request sends it on as it is. Only a DestinationRule makes it
//! originate TLS: the `protocol: HTTPS` of a ServiceEntry does not. The upstream answers 400 or closes
//! the connection, and what was sent was readable on the network.
//!
//! Bad:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: api, namespace: apps}
//! spec:
//!   hosts: [api.example.com]
//!   exportTo: ["."]
//!   resolution: DNS
//!   ports: [{number: 443, name: https, protocol: HTTPS}]
//! ---
//! kind: Gateway
//! metadata: {name: partner, namespace: apps}
//! spec:
//!   selector: {app: partner-egress}
//!   servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [api.example.com]}]
//! ---
//! kind: VirtualService
//! metadata: {name: api, namespace: apps}
//! spec:
//!   hosts: [api.example.com]
//!   gateways: [partner]
//!   http: [{route: [{destination: {host: api.example.com, port: {number: 443}}}]}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: api, namespace: apps}
//! spec:
//!   hosts: [api.example.com]
//!   exportTo: ["."]
//!   resolution: DNS
//!   ports: [{number: 443, name: https, protocol: HTTPS}]
//! ---
//! kind: Gateway
//! metadata: {name: partner, namespace: apps}
//! spec:
//!   selector: {app: partner-egress}
//!   servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [api.example.com]}]
//! ---
//! kind: VirtualService
//! metadata: {name: api, namespace: apps}
//! spec:
//!   hosts: [api.example.com]
//!   gateways: [partner]
//!   http: [{route: [{destination: {host: api.example.com, port: {number: 443}}}]}]
//! ---
//! kind: DestinationRule
//! metadata: {name: api, namespace: apps}
//! spec:
//!   host: api.example.com
//!   trafficPolicy:
//!     portLevelSettings: [{port: {number: 443}, tls: {mode: SIMPLE, sni: api.example.com}}]
//! ```
//!
//! Fix: Write a DestinationRule for the host with `tls: {mode: SIMPLE}`, `sni` and `subjectAltNames`.

use crate::code::Code;
use crate::import::Kind;
use crate::import::mesh::host::Port;
use crate::import::names::patterns_over;
use crate::import::protocol::Protocol;
use crate::import::view::{ClientTls, Destination, Route};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use crate::yaml::tree::Node;
use std::collections::HashSet;

pub(super) const LINT: Lint =
    Lint { code: Code::PlaintextToTlsPort, run, source: include_str!("plaintext_to_tls_port.rs") };

const WRITE_RULE: &str = "write a DestinationRule with `tls: {mode: SIMPLE}`, `sni` and `subjectAltNames`";

fn run(input: &Input<'_>) -> Vec<Finding> {
    // Where the Gateway is not here, the rule for it may be elsewhere, too.
    let is_whole = |route: &Route<'_>| {
        route.gateways.iter().all(|name| name == "mesh" || input.set.mesh.gateways.get(name).is_some())
    };
    let mut named = HashSet::new();
    let mut findings = Vec::new();
    for route in input.set.routes.iter().filter(|route| route.is_http() && is_whole(route)) {
        for to in route.destinations.iter().filter(|to| !input.set.has_misspelt_rule(&to.host)) {
            let found = of_destination(input, route, to);
            findings.extend(found.filter(|found| named.insert((found.file, found.span.start))));
        }
    }
    findings
}

fn of_destination(input: &Input<'_>, route: &Route<'_>, to: &Destination<'_>) -> Option<Finding> {
    let (place, number) = to.port()?;
    let hosts = input.set.mesh.hosts(&to.host);
    let entries = hosts.iter().filter(|host| host.manifest.kind == Kind::ServiceEntry);
    let all: Vec<_> = entries.flat_map(|host| host.ports.iter()).collect();
    let of_number: Vec<_> = all.iter().filter(|port| port.number == number).collect();
    let is_all = |is: &dyn Fn(&Port<'_>) -> bool| !of_number.is_empty() && of_number.iter().all(|port| is(port));
    let is_external = input.set.is_external(&to.host);
    // An upstream at port 443 outside the mesh expects TLS, whatever callers speak.
    let is_443 = |port: &Port<'_>| port.protocol == Protocol::Http && port.target == "443" && is_external;
    if is_all(&|port| port.protocol == Protocol::Tls || is_443(port)) {
        return without_tls(input, route, to, (place, number));
    }
    let is_plain = is_all(&|port| port.protocol == Protocol::Http && port.target == number);
    let other = beside_tls(input, to, number).filter(|_| is_plain && is_external && route.is_at_gateway())?;
    all.iter().find(|port| port.number == other && port.protocol == Protocol::Tls)?;
    let message = format!(
        "requests leave as plaintext to port {} of {}: its DestinationRule has TLS for port {}, to which no route leads",
        quoted(number),
        quoted(&to.host),
        quoted(other)
    );
    Some(finding(route.manifest.file, place, message, format!("write {}", quoted(other))))
}

/// What is wrong with requests to a port with TLS, if no rule puts TLS around them.
fn without_tls(
    input: &Input<'_>,
    route: &Route<'_>,
    to: &Destination<'_>,
    (place, number): (&Node, &str),
) -> Option<Finding> {
    let host = quoted(&to.host);
    let at_route = |message: String, help: String| Some(finding(route.manifest.file, place, message, help));
    let own: Vec<_> = input.set.client_tls_of(&to.host).collect();
    if own.is_empty() {
        let is_ruled = patterns_over(&to.host).any(|over| input.set.client_tls_of(&over).next().is_some());
        let message = format!("requests are sent as plaintext to {host}: no DestinationRule here has TLS for it");
        return if is_ruled { None } else { at_route(message, WRITE_RULE.to_owned()) };
    }
    let rules = input.set.rules_of(&to.host);
    let subset = to.node.text_at(&["subset"]);
    let is_defined = |name: &str| {
        let mut subsets = rules.iter().flat_map(|rule| rule.spec().items_at(&["subsets"]));
        subsets.any(|own| own.text_at(&["name"]) == Some(name))
    };
    if !subset.is_none_or(is_defined) {
        return None;
    }
    let applied: Vec<_> =
        rules.iter().filter_map(|rule| Some((*rule, ClientTls::applied(rule, subset, number)?))).collect();
    if applied.iter().any(|(_, tls)| tls.text_at(&["mode"]).is_some_and(|mode| mode != "DISABLE")) {
        return None;
    }
    if let Some((rule, tls)) = applied.first() {
        let message =
            format!("this sends requests as plaintext to port {} of {host}, which is for TLS", quoted(number));
        let help = "write `mode: SIMPLE`, `sni` and `subjectAltNames`";
        let is_for_some = rule.spec().get("workloadSelector").is_some();
        return (!is_for_some).then(|| finding(rule.file, tls.get("mode").unwrap_or(tls), message, help));
    }
    let message =
        format!("requests are sent as plaintext to {host}: its DestinationRule has no TLS for this destination");
    let mut originating = own.iter().filter(|tls| tls.originates());
    let help = match originating.next().map(|tls| (tls.subset, tls.port)) {
        Some((Some(with_tls), _)) if subset != Some(with_tls) => format!("write `subset: {with_tls}`, which has TLS"),
        Some((_, Some(other))) => {
            format!("write {} in its `portLevelSettings`, which are for port {}", quoted(number), quoted(other))
        }
        _ => format!("write `tls: {{mode: SIMPLE}}`, `sni` and `subjectAltNames` for port {}", quoted(number)),
    };
    at_route(message, help)
}

/// The only other port for which a rule originates TLS, where no rule is for this one and no requests are led to that.
fn beside_tls<'i>(input: &'i Input<'_>, to: &Destination<'_>, number: &str) -> Option<&'i str> {
    let own: Vec<_> = input.set.client_tls_of(&to.host).collect();
    let other = own.iter().find(|tls| tls.originates())?.port.filter(|other| *other != number)?;
    let is_other = own.iter().all(|tls| tls.port == Some(other));
    let mut leading = input.set.leading_to(&to.host).filter(|(route, _)| route.is_http());
    let is_led_there = leading.any(|(_, to)| to.port().is_none_or(|(_, port)| port == other));
    let is_routed = is_led_there || input.set.is_routed_by_gateway_api(&to.host);
    (is_other && !is_routed).then_some(other)
}
