//! A gateway requires mutual TLS, but callers are not configured to use it.
//!
//! Istio uses mutual TLS automatically towards sidecars, never towards a gateway. Without a
//! DestinationRule for the gateway's Service, callers send plaintext to a server with `ISTIO_MUTUAL`
//! and get 503.
//!
//! Bad:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: httpbin, namespace: egress}
//! spec:
//!   selector: {gateway: httpbin}
//!   servers: [{port: {number: 443, protocol: HTTPS}, hosts: [httpbin.internal], tls: {mode: ISTIO_MUTUAL}}]
//! ---
//! kind: VirtualService
//! metadata: {name: callers, namespace: egress}
//! spec: {hosts: [httpbin.internal], http: [{route: [{destination: {host: httpbin-egress}}]}]}
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: httpbin, namespace: egress}
//! spec:
//!   selector: {gateway: httpbin}
//!   servers: [{port: {number: 443, protocol: HTTPS}, hosts: [httpbin.internal], tls: {mode: ISTIO_MUTUAL}}]
//! ---
//! kind: VirtualService
//! metadata: {name: callers, namespace: egress}
//! spec: {hosts: [httpbin.internal], http: [{route: [{destination: {host: httpbin-egress}}]}]}
//! ---
//! kind: DestinationRule
//! metadata: {name: callers, namespace: egress}
//! spec: {host: httpbin-egress, trafficPolicy: {tls: {mode: ISTIO_MUTUAL, sni: httpbin.internal}}}
//! ```
//!
//! Fix: Write a DestinationRule for the Service with `tls: {mode: ISTIO_MUTUAL, sni: HOST}`.

use crate::code::Code;
use crate::import::view::{ClientTls, Destination};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use std::collections::HashSet;

pub(super) const LINT: Lint =
    Lint { code: Code::CallersWithoutMtls, run, source: include_str!("callers_without_mtls.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut named = HashSet::new();
    let mut findings = Vec::new();
    for route in input.set.routes.iter().filter(|route| route.is_in_mesh()) {
        for to in &route.destinations {
            let servers = input.set.mesh.servers_at(route, to);
            let Some(server) = servers.first().filter(|_| servers.iter().all(|server| server.is_mutual())) else {
                continue;
            };
            // Where a host is misspelt, it is what is to be mended.
            let is_misspelt = input.set.has_misspelt_rule(&to.host) || input.set.mesh.meant_service(&to.host).is_some();
            if is_misspelt || is_mutual(input, to) {
                continue;
            }
            let named_host = route.hosts.iter().map(|(_, host)| host.as_str()).find(|host| server.is_for(host));
            let host = quoted(named_host.unwrap_or("HOST"));
            let found = unfit(input, to, host.trim_matches('`')).unwrap_or_else(|| {
                let message = format!(
                    "the gateway requires mutual TLS, but no DestinationRule here is for {}",
                    quoted(&to.full_host())
                );
                let help = format!("write one with `tls: {{mode: ISTIO_MUTUAL, sni: {}}}`", host.trim_matches('`'));
                finding(route.manifest.file, to.place(), message, help)
            });
            if named.insert((found.file, found.span.start)) {
                findings.push(found);
            }
        }
    }
    findings
}

/// The only port that a destination may be: the one that it names, or the only one of its Service.
fn port<'a>(input: &Input<'a>, to: &Destination<'a>) -> Option<&'a str> {
    let ports = input.set.mesh.ports(to);
    let only = if let [only] = ports.as_slice() { Some(only.number) } else { None };
    to.port().map(|(_, number)| number).or(only)
}

/// Whether callers use the mesh's mutual TLS to a destination, or may.
fn is_mutual(input: &Input<'_>, to: &Destination<'_>) -> bool {
    let Some(host) = input.set.ruling_host(&to.host) else { return false };
    let subset = to.node.text_at(&["subset"]);
    let Some(port) = port(input, to) else {
        let fits = |tls: &&ClientTls<'_>| tls.subset.is_none_or(|own| Some(own) == subset);
        return input.set.client_tls_of(&host).filter(fits).any(|tls| tls.mode == "ISTIO_MUTUAL");
    };
    let mut applied = input.set.rules_of(&host).iter().filter_map(|rule| ClientTls::applied(rule, subset, port));
    applied.any(|tls| tls.text_at(&["mode"]) == Some("ISTIO_MUTUAL"))
}

/// The settings that are for the gateway's Service and are not what the gateway needs.
fn unfit(input: &Input<'_>, to: &Destination<'_>, host: &str) -> Option<Finding> {
    let needs = "the gateway requires mutual TLS";
    let (port, subset) = (port(input, to), to.node.text_at(&["subset"]));
    let ruling = input.set.ruling_host(&to.host)?;
    let rules = input.set.rules_of(&ruling);
    let applied = rules.iter().find_map(|rule| Some((rule, ClientTls::applied(rule, subset, port?)?)));
    if let Some((rule, tls)) = applied {
        let mode = quoted(tls.text_at(&["mode"]).unwrap_or("DISABLE"));
        let message = format!("{needs}, and with this callers use {mode}");
        let help = format!("write `mode: ISTIO_MUTUAL` and `sni: {host}`");
        return Some(finding(rule.file, tls.get("mode").unwrap_or(tls), message, help));
    }
    let mut others = input.set.client_tls_of(&ruling);
    let other = others.find(|tls| tls.mode == "ISTIO_MUTUAL")?;
    let place = other.node.get("mode").unwrap_or(other.node);
    let fits_subset = other.subset.is_none_or(|own| Some(own) == subset);
    let (message, help) = match (other.subset, other.port.zip(port)) {
        (Some(own), _) if !fits_subset => {
            let message = format!("{needs}, and this is for the subset {} alone", quoted(own));
            (message, "write that subset in the route, or these settings in the rule's own `trafficPolicy`".to_owned())
        }
        (_, Some((own, port))) => {
            let message = format!("{needs} on port {}, and this is for port {}", quoted(port), quoted(own));
            (message, format!("write it for port {}", quoted(port)))
        }
        // Settings of the port stand before it, and have no TLS.
        _ => (format!("{needs}, and the settings of the port stand for this"), "write it for the port, too".to_owned()),
    };
    Some(finding(other.manifest.file, place, message, help))
}
