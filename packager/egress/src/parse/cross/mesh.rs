//! Fields of a Mesh that depend on each other, and the insides of those that take any fields.

use super::super::defaults::Defaults;
use super::{deploy, outbound, providers};
use crate::code::Code;
use crate::diagnostic::{Sink, Span, UnplacedDiagnostic};
use crate::value::labels;
use crate::wording::quoted;
use crate::yaml::tree::{Entry, Node, ScalarType, Value};

/// Reports what contradicts each other in a Mesh.
pub(crate) fn check(root: &Node, sink: &mut Sink) {
    let Some(spec) = root.get("spec") else { return };
    providers::check(spec.items_at(&["extensionProviders"]), sink);
    if let Some(defaults) = spec.get("defaults") {
        // These are the defaults: behind them are only the built-in ones.
        let built_in = Defaults::default();
        outbound::check_tracing(defaults, &built_in, sink);
        if let Some(gateway) = defaults.get("gateway") {
            deploy::check_replicas(gateway, &built_in, sink);
            deploy::check_strategy(gateway, &built_in, sink);
        }
    }
    for entry in spec.get("labels").map_or(&[][..], Node::entries) {
        check_pair(entry, labels::check_label_value, sink);
    }
    for entry in spec.get("annotations").map_or(&[][..], Node::entries) {
        check_pair(entry, |_| None, sink);
    }
    for patch in spec.items_at(&["patches"]) {
        deploy::check_patch(patch, sink);
    }
}

/// A label or annotation. What is not a string would be written as one, and perhaps differently than it looks.
fn check_pair(entry: &Entry, check_value: fn(&str) -> Option<UnplacedDiagnostic>, sink: &mut Sink) {
    if let Some(flaw) = labels::check_name(&entry.key.name) {
        sink.report(entry.key.span, flaw);
    }
    match &entry.value.value {
        Value::Scalar(scalar) if scalar.resolve() == ScalarType::Text => {
            if let Some(flaw) = check_value(&scalar.text) {
                sink.report(entry.value.span, flaw);
            }
        }
        Value::Refused => {}
        Value::Scalar(_) | Value::Sequence(_) | Value::Mapping(_) => {
            let message = format!("{} has a value that is not a string", quoted(&entry.key.name));
            let start = Span { start: entry.value.span.start, end: entry.value.span.start };
            sink.report(start, UnplacedDiagnostic::new(Code::ObjectLabel, message).help("write it in quotes"));
        }
    }
}
