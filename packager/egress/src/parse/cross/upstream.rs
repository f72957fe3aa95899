//! Fields of `upstream` that depend on each other.

use super::number::check_number;
use crate::code::Code;
use crate::diagnostic::{Sink, UnplacedDiagnostic};
use crate::value::host::Host;
use crate::wording::quoted;
use crate::yaml::tree::Node;
use std::collections::HashMap;

/// The most `upstream.endpoints`.
const MOST_ENDPOINTS: usize = 256;

/// Reports what contradicts each other there.
pub(super) fn check(upstream: &Node, sink: &mut Sink) {
    let endpoints = upstream.items_at(&["endpoints"]);
    if endpoints.is_empty() {
        return;
    }
    check_number(endpoints, "endpoints", MOST_ENDPOINTS, Code::Endpoints, sink);
    check_name(upstream, sink);
    check_kinds(endpoints, sink);
    check_repetition(endpoints, sink);
}

/// What is wrong with an address was reported already.
fn host(node: &Node) -> Option<Host> {
    node.text()?.parse().ok()
}

/// The name is what the certificate is verified against and what the upstream gets as `Host`: one of several addresses is
/// hardly that.
fn check_name(upstream: &Node, sink: &mut Sink) {
    let Some(node) = upstream.get("host").filter(|node| host(node).is_some_and(|host| host.address().is_some())) else {
        return;
    };
    let message =
        format!("`host` is the address {}, and there are `endpoints`", quoted(node.text().unwrap_or_default()));
    let flaw = UnplacedDiagnostic::new(Code::Endpoints, message);
    let help = "write in `host` the name that the server expects in `Host` and that is in its certificate; any name will do, \
                such as `upstream.internal`, and it need not be in DNS. The addresses are in `endpoints`";
    sink.report(node.span, flaw.help(help));
}

/// Istio resolves all of a service's endpoints in one way.
fn check_kinds(endpoints: &[Node], sink: &mut Sink) {
    let mut kinds = endpoints.iter().filter_map(|endpoint| {
        let node = endpoint.get("address")?;
        Some((node, host(node)?.address().is_some()))
    });
    let Some((first, is_address)) = kinds.next() else { return };
    if let Some((other, _)) = kinds.find(|(_, other)| *other != is_address) {
        let kind = |is_address| if is_address { "an IP address" } else { "a name" };
        let message = format!(
            "{} is {}, but {} is {}",
            quoted(other.text().unwrap_or_default()),
            kind(!is_address),
            quoted(first.text().unwrap_or_default()),
            kind(is_address)
        );
        let flaw = UnplacedDiagnostic::new(Code::Endpoints, message);
        let help = "write IP addresses only, or names only: Istio resolves all endpoints of a service in one way";
        sink.report_twice(other.span, first.span, flaw.help(help));
    }
}

fn check_repetition(endpoints: &[Node], sink: &mut Sink) {
    let mut seen = HashMap::new();
    for endpoint in endpoints {
        let Some(node) = endpoint.get("address") else { continue };
        let Some(host) = host(node) else { continue };
        let address = host.address().map_or_else(|| host.to_string(), |address| address.to_string());
        let port = endpoint.get("port").and_then(Node::text);
        if let Some(first) = seen.insert((address, port), node.span) {
            let message = format!("the endpoint {} is written twice", quoted(&host));
            let flaw = UnplacedDiagnostic::new(Code::Endpoints, message);
            sink.report_twice(node.span, first, flaw.help("keep one of them, with its `weight`"));
        }
    }
}
