//! Fields of `tracing` and `headers` that depend on each other.

use crate::code::Code;
use crate::diagnostic::{Flaw, Sink};
use crate::parse::suggest::quoted;
use crate::parse::tree::Node;
use sallyport_core::trace_context::is_trace_header;

/// Reports what contradicts each other there.
pub(super) fn check(spec: &Node, sink: &mut Sink) {
    if let Some(tracing) = spec.get("tracing") {
        check_tracing(tracing, sink);
    }
    if let Some(headers) = spec.get("headers") {
        check_lists(headers, &["keep", "remove"], sink);
        if let Some(response) = headers.get("response") {
            check_lists(response, &["keep", "remove"], sink);
        }
        check_credential(headers, sink);
        let mode = spec.descend(&["tracing", "mode"]).map_or(Some("standalone"), Node::text);
        if mode == Some("standalone") {
            check_trace(headers, sink);
        }
    }
}

/// The route comes after the filter, and would take away what the filter has written.
fn check_trace(headers: &Node, sink: &mut Sink) {
    for item in headers.get("remove").map_or(&[][..], Node::items) {
        if let Some(name) = item.text().filter(|name| is_trace_header(name.as_bytes())) {
            let flaw = Flaw::new(Code::HeaderClash, format!("{} tells of the trace, as `tracing` says", quoted(name)));
            sink.report(item.span, flaw.help("write `tracing: {mode: strip}`, or other `formats`"));
        }
    }
}

/// What only Envoy's tracer has a use for.
fn check_tracing(tracing: &Node, sink: &mut Sink) {
    if tracing.get("mode").and_then(Node::text) == Some("envoy") {
        return;
    }
    for name in ["provider", "samplingPerMille"] {
        if let Some(entry) = tracing.entry(name) {
            let flaw = Flaw::new(Code::TracingField, format!("`{name}` has no use without `mode: envoy`"));
            sink.report(entry.key.span, flaw.help("write `mode: envoy`, or leave it out"));
        }
    }
}

/// A name that is in two lists.
fn check_lists(node: &Node, lists: &[&str; 2], sink: &mut Sink) {
    let [first, second] = lists.map(|list| node.get(list).map_or(&[][..], Node::items));
    for item in second {
        let Some(name) = item.text() else { continue };
        if let Some(other) = first.iter().find(|other| other.text() == Some(name)) {
            let [first, second] = lists;
            let flaw = Flaw::new(Code::HeaderClash, format!("{} is in `{first}` and in `{second}`", quoted(name)));
            sink.report_twice(item.span, other.span, flaw.help("keep one of the two"));
        }
    }
}

/// The credential takes the place of what the caller sent, so nothing else may have a say in it.
fn check_credential(headers: &Node, sink: &mut Sink) {
    let Some(node) = headers.descend(&["credential", "name"]) else { return };
    let Some(name) = node.text() else { return };
    let removed = headers.get("remove").map_or(&[][..], Node::items).iter();
    let set = headers.get("set").map_or(&[][..], Node::items).iter().filter_map(|set| set.get("name"));
    if let Some(other) = removed.chain(set).find(|other| other.text() == Some(name)) {
        let flaw = Flaw::new(Code::HeaderClash, format!("the credential's {} is set or removed, too", quoted(name)));
        sink.report_twice(node.span, other.span, flaw.help("keep one of the two"));
    }
}
