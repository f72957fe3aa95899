//! What callers use: hosts and ports.

use super::number::check_number;
use crate::code::Code;
use crate::diagnostic::{Sink, UnplacedDiagnostic};
use crate::model::deploy::port::{CALLERS_PORT, ISTIO_PORTS, Port};
use crate::wording::quoted;
use crate::yaml::tree::Node;
use std::collections::HashMap;

/// The most `aliases`.
const MOST_ALIASES: usize = 64;
/// The most `ports`.
const MOST_PORTS: usize = 8;

/// Reports hosts that are written twice, and ports that are, or that a gateway cannot have.
pub(super) fn check(spec: &Node, sink: &mut Sink) {
    check_hosts(spec, sink);
    if let Some(expose) = spec.get("expose") {
        check_hosts(expose, sink);
    }
    check_ports(spec.items_at(&["ports"]), sink);
}

fn check_hosts(block: &Node, sink: &mut Sink) {
    check_number(block.items_at(&["aliases"]), "aliases", MOST_ALIASES, Code::SeveralHosts, sink);
    let mut seen = HashMap::new();
    for node in block.get("host").into_iter().chain(block.items_at(&["aliases"])) {
        let Some(host) = node.text() else { continue };
        if let Some(first) = seen.insert(host, node.span) {
            let flaw =
                UnplacedDiagnostic::new(Code::SeveralHosts, format!("the host {} is written twice", quoted(host)));
            sink.report_twice(node.span, first, flaw.help("remove it: `aliases` has the hosts beside `host`"));
        }
    }
}

fn check_ports(ports: &[Node], sink: &mut Sink) {
    check_number(ports, "ports", MOST_PORTS, Code::Port, sink);
    let mut seen = HashMap::new();
    for node in ports.iter().filter_map(|item| item.get("port")) {
        let Some(port) = node.text().and_then(|text| text.parse::<u16>().ok()) else { continue };
        let mut refuse = |problem: String, help: &str| {
            sink.report(node.span, UnplacedDiagnostic::new(Code::Port, problem).help(help));
        };
        if port == CALLERS_PORT {
            refuse("callers use the port 80 already".to_owned(), "write its upstream's port in `upstream.port`");
        } else if ISTIO_PORTS.contains(&port) {
            let (first, last) = (ISTIO_PORTS.start(), ISTIO_PORTS.end());
            refuse(format!("the ports {first} to {last} are those of Istio's proxies"), "write another port");
        } else {
            let inside = Port { port, upstream_port: port }.gateway_port();
            let Some((other, span)) = seen.insert(inside, (port, node.span)) else { continue };
            let problem = if other == port {
                format!("the port {port} is written twice")
            } else {
                format!("the gateway would listen on {inside} for both {other} and {port}")
            };
            let flaw =
                UnplacedDiagnostic::new(Code::Port, problem).help("write another port, or remove one of the two");
            sink.report_twice(node.span, span, flaw);
        }
    }
}
