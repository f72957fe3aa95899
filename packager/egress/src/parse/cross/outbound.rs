//! Fields of `tracing` and `headers` that depend on each other.

use super::super::defaults::Defaults;
use crate::code::Code;
use crate::diagnostic::{Sink, UnplacedDiagnostic};
use crate::model::outbound::Tracing;
use crate::wording::quoted;
use crate::yaml::tree::Node;
use sallyport_core::request::name::{fold, is_same_to_cgi};
use sallyport_core::trace_context::{is_trace_header, is_written};
use sallyport_core::wire::TracingMode;

/// Reports what contradicts each other there.
pub(super) fn check(spec: &Node, defaults: &Defaults, sink: &mut Sink) {
    check_tracing(spec, defaults, sink);
    if let Some(headers) = spec.get("headers") {
        check_lists(headers, sink);
        if let Some(response) = headers.get("response") {
            check_lists(response, sink);
        }
        check_set(headers, sink);
        check_credential(headers, sink);
        match tracing_mode(spec, defaults) {
            Some(TracingMode::Standalone) => {
                check_removed_trace(headers, sink);
                check_kept_trace(headers, sink);
            }
            Some(TracingMode::Strip) => check_kept_trace(headers, sink),
            Some(TracingMode::Envoy) | None => {}
        }
    }
}

/// What `tracing.mode` says; `None`: it was reported.
fn tracing_mode(spec: &Node, defaults: &Defaults) -> Option<TracingMode> {
    const MODE: [&str; 2] = ["tracing", "mode"];
    match (spec.descend(&MODE), defaults.text(&MODE)) {
        (Some(mode), _) => mode.text().and_then(TracingMode::parse),
        (None, Some(mode)) => TracingMode::parse(mode),
        (None, None) => Some(Tracing::default().mode),
    }
}

/// The route comes after the filter, and would remove what the filter has written.
fn check_removed_trace(headers: &Node, sink: &mut Sink) {
    let help = "write `tracing: {mode: strip}`, or change `tracing.formats`";
    check_trace(headers, "remove", is_written, help, sink);
}

/// What `tracing` takes away goes, whatever is kept: a kept `baggage` would let out what the list of keys has not.
fn check_kept_trace(headers: &Node, sink: &mut Sink) {
    let help = "leave it out, and write in `tracing` what may leave: `formats`, or keys in `baggage`";
    check_trace(headers, "keep", is_trace_header, help, sink);
}

fn check_trace(headers: &Node, list: &str, is_of_trace: fn(&[u8]) -> bool, help: &str, sink: &mut Sink) {
    for item in headers.items_at(&[list]) {
        if let Some(name) = item.text().filter(|name| is_of_trace(&fold(name.as_bytes()))) {
            let message = format!("{} is a trace header, which `tracing` controls", quoted(name));
            sink.report(item.span, UnplacedDiagnostic::new(Code::HeaderClash, message).help(help));
        }
    }
}

/// What `tracing.mode` has no use for.
pub(super) fn check_tracing(spec: &Node, defaults: &Defaults, sink: &mut Sink) {
    let (Some(tracing), Some(mode)) = (spec.get("tracing"), tracing_mode(spec, defaults)) else { return };
    let (envoy, either) = ("`mode: envoy`", "`mode: envoy` or `standalone`");
    let unused: &[(&str, &str)] = match mode {
        TracingMode::Envoy => &[],
        TracingMode::Standalone => &[("provider", envoy)],
        TracingMode::Strip => &[("provider", envoy), ("samplingPerMille", either)],
    };
    for (name, user) in unused {
        if let Some(entry) = tracing.entry(name) {
            let flaw = UnplacedDiagnostic::new(Code::TracingField, format!("`{name}` is only used with {user}"));
            sink.report(entry.key.span, flaw.help(format!("write {user}, or remove it")));
        }
    }
}

/// A name that is in both lists, in one spelling or another.
fn check_lists(node: &Node, sink: &mut Sink) {
    for item in node.items_at(&["remove"]) {
        let Some(name) = item.text() else { continue };
        let Some(other) = node.items_at(&["keep"]).iter().find(|other| is_same(other, name)) else { continue };
        let message = match one_header(name, other) {
            Some(message) => message,
            None => format!("{} is in `keep` and in `remove`", quoted(name)),
        };
        sink.report_twice(item.span, other.span, clash(message));
    }
}

/// What is set takes the place of what the caller sent, and the route comes after it.
fn check_set(headers: &Node, sink: &mut Sink) {
    for node in headers.items_at(&["set"]).iter().filter_map(|set| set.get("name")) {
        let Some(name) = node.text() else { continue };
        if let Some(other) = headers.items_at(&["remove"]).iter().find(|other| is_same(other, name)) {
            let message = one_header(name, other).unwrap_or_else(|| format!("{} is set and removed", quoted(name)));
            sink.report_twice(node.span, other.span, clash(message));
        } else if let Some((other, message)) = kept_twin(headers, name) {
            sink.report_twice(node.span, other.span, clash(message));
        }
    }
}

/// The credential takes the place of what the caller sent, so nothing else may set or remove it.
fn check_credential(headers: &Node, sink: &mut Sink) {
    let Some(node) = headers.descend(&["credential", "name"]) else { return };
    let Some(name) = node.text() else { return };
    let removed = headers.items_at(&["remove"]).iter();
    let set = headers.items_at(&["set"]).iter().filter_map(|set| set.get("name"));
    if let Some(other) = removed.chain(set).find(|other| is_same(other, name)) {
        let message = format!("the credential's {} is set or removed, too", quoted(name));
        sink.report_twice(node.span, other.span, clash(one_header(name, other).unwrap_or(message)));
    } else if let Some((other, message)) = kept_twin(headers, name) {
        sink.report_twice(node.span, other.span, clash(message));
    }
}

/// A kept name that is another spelling of this one, which the gateway writes: kept it would stand beside it.
fn kept_twin<'n>(headers: &'n Node, name: &str) -> Option<(&'n Node, String)> {
    headers.items_at(&["keep"]).iter().find_map(|other| Some((other, one_header(name, other)?)))
}

fn is_same(node: &Node, name: &str) -> bool {
    node.text().is_some_and(|other| is_same_to_cgi(other.as_bytes(), name.as_bytes()))
}

/// What is wrong with two spellings of one header; `None` where they are the same or of two headers.
fn one_header(name: &str, other: &Node) -> Option<String> {
    let other = other.text().filter(|text| *text != name && is_same_to_cgi(text.as_bytes(), name.as_bytes()))?;
    Some(format!("{} and {} are the same header to CGI", quoted(name), quoted(other)))
}

fn clash(message: String) -> UnplacedDiagnostic {
    UnplacedDiagnostic::new(Code::HeaderClash, message).help("keep one of the two")
}
