//! Fields of `tracing` and `headers` that depend on each other.

use super::super::defaults::Defaults;
use crate::code::Code;
use crate::diagnostic::{Sink, UnplacedDiagnostic};
use crate::model::outbound::{RequestId, Tracing};
use crate::wording::quoted;
use crate::yaml::tree::Node;
use sallyport_core::request::name::{fold, is_same_to_cgi};
use sallyport_core::trace_context::{is_trace_header, is_written};
use sallyport_core::wire::{TraceFormat, TracingMode};

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
        check_request_id(spec, headers, sink);
        if let Some(mode) = tracing_mode(spec, defaults) {
            check_trace(headers, mode, &formats(spec, defaults), sink);
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

/// What `tracing.formats` says, for a file that has `mode: standalone`.
fn formats(spec: &Node, defaults: &Defaults) -> Vec<TraceFormat> {
    const FORMATS: [&str; 2] = ["tracing", "formats"];
    let written = spec.descend(&FORMATS).map(|formats| formats.items().iter().filter_map(Node::text).collect());
    let written: Vec<&str> = written.unwrap_or_else(|| defaults.texts(&FORMATS));
    let formats: Vec<_> = written.into_iter().filter_map(TraceFormat::parse).collect();
    if formats.is_empty() { vec![TraceFormat::W3c] } else { formats }
}

/// `tracing` says which trace headers leave. The route comes after the filter, and would remove what the filter has written;
/// and what `tracing` takes away goes, whatever is kept: a kept `baggage` would let out what the list of keys has not.
fn check_trace(headers: &Node, mode: TracingMode, formats: &[TraceFormat], sink: &mut Sink) {
    let lists: &[&str] = match mode {
        TracingMode::Standalone => &["remove", "keep"],
        TracingMode::Strip => &["keep"],
        TracingMode::Envoy => &[],
    };
    for list in lists {
        let is_removed = *list == "remove";
        let is_of_trace = |name: &[u8]| if is_removed { is_written(name) } else { is_trace_header(name) };
        for item in headers.items_at(&[list]) {
            if let Some(name) = item.text().filter(|name| is_of_trace(&fold(name.as_bytes()))) {
                let message = format!("{} is a trace header, which `tracing` controls", quoted(name));
                let help =
                    if is_removed { instead_of_removed(name, formats) } else { instead_of_kept(name, mode, formats) };
                sink.report(item.span, UnplacedDiagnostic::new(Code::HeaderClash, message).help(help));
            }
        }
    }
}

/// The format that a trace header belongs to, of those that the filter writes.
fn format_of(name: &str) -> Option<TraceFormat> {
    match name.replace('_', "-").as_str() {
        "traceparent" | "tracestate" => Some(TraceFormat::W3c),
        "b3" => Some(TraceFormat::B3),
        "uber-trace-id" => Some(TraceFormat::Jaeger),
        name => name.starts_with("x-b3-").then_some(TraceFormat::B3Multi),
    }
}

/// Without a format that is not written, there is nothing to remove.
fn instead_of_removed(name: &str, formats: &[TraceFormat]) -> String {
    match format_of(name) {
        Some(format) if !formats.contains(&format) => {
            format!("leave it out: without `{}` in `tracing.formats` it does not leave the mesh", format.as_str())
        }
        Some(_) => "write `tracing: {mode: strip}`, or change `tracing.formats`".to_owned(),
        None => "leave it out: of baggage, only the keys in `tracing.baggage` leave the mesh".to_owned(),
    }
}

fn instead_of_kept(name: &str, mode: TracingMode, formats: &[TraceFormat]) -> String {
    let format = format_of(name);
    if name == "request-id" {
        return "leave it out; if the upstream needs one that is no trace, write `set: [{name: request-id, value: \"%{requestId}\"}]`"
            .to_owned();
    }
    if mode == TracingMode::Strip {
        return match format {
            Some(format) => {
                format!("leave it out, or write `tracing: {{mode: standalone, formats: [{}]}}`", format.as_str())
            }
            None if is_written(&fold(name.as_bytes())) => {
                "leave it out, or write `tracing: {mode: standalone, baggage: [...]}` with the keys that may leave"
                    .to_owned()
            }
            None => "leave it out, or write `tracing: {mode: envoy}`, which removes no trace header".to_owned(),
        };
    }
    match format {
        Some(format) if formats.contains(&format) => {
            format!("leave it out: with `{}` in `tracing.formats` the upstream gets it", format.as_str())
        }
        Some(format) => {
            let all: Vec<_> = formats.iter().chain([&format]).map(|format| format.as_str()).collect();
            format!("leave it out, and write `tracing: {{formats: [{}]}}`", all.join(", "))
        }
        None if is_written(&fold(name.as_bytes())) => {
            "leave it out, and write the keys that may leave in `tracing.baggage`".to_owned()
        }
        None => "leave it out, or write `tracing: {mode: envoy}`, which removes no trace header".to_owned(),
    }
}

/// `tracing.requestId` and `headers` both say what becomes of `x-request-id`.
fn check_request_id(spec: &Node, headers: &Node, sink: &mut Sink) {
    const NAME: &str = "x-request-id";
    let Some(field) = spec.descend(&["tracing", "requestId"]) else { return };
    let Some(value) = field.text().filter(|value| RequestId::parse(value).is_some()) else { return };
    let kept = headers.items_at(&["keep"]).iter().filter(|_| value == RequestId::New.as_str());
    let kept = kept.map(|item| (item, "kept"));
    let removed = headers.items_at(&["remove"]).iter().map(|item| (item, "removed"));
    let set = headers.items_at(&["set"]).iter().filter_map(|set| set.get("name")).map(|item| (item, "set"));
    let by_headers = kept.chain(removed).chain(set).filter(|(item, _)| is_same(item, NAME));
    for (item, verb) in by_headers {
        let message = format!("`{NAME}` is {verb}, and `tracing.requestId` is `{value}`");
        sink.report_twice(item.span, field.span, clash(message));
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
