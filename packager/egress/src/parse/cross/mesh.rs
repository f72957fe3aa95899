//! Fields of a Mesh that depend on each other, and the insides of those that take any fields.

use super::super::defaults::Defaults;
use super::{deploy, outbound};
use crate::code::Code;
use crate::diagnostic::{Sink, Span, UnplacedDiagnostic};
use crate::model::OWN_PROVIDERS;
use crate::value::labels;
use crate::wording::quoted;
use crate::yaml::tree::{Entry, Node, ScalarType, Value};
use std::collections::HashMap;

/// Reports what contradicts each other in a Mesh.
pub(crate) fn check(root: &Node, sink: &mut Sink) {
    let Some(spec) = root.get("spec") else { return };
    check_providers(spec.items_at(&["extensionProviders"]), sink);
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

/// Istio finds a provider by its name.
fn check_providers(providers: &[Node], sink: &mut Sink) {
    let mut seen: HashMap<&str, Span> = HashMap::new();
    for provider in providers.iter().filter(|provider| matches!(provider.value, Value::Mapping(_))) {
        let refuse = |message: String| UnplacedDiagnostic::new(Code::ExtensionProvider, message);
        let start = Span { start: provider.span.start, end: provider.span.start };
        let named = provider.get("name").and_then(|node| Some((node.text()?, node)));
        let Some((name, node)) = named.filter(|(name, _)| !name.is_empty()) else {
            sink.report(start, refuse("the provider has no `name`".to_owned()).help("write `name: NAME`"));
            continue;
        };
        if let Value::Scalar(scalar) = &node.value
            && scalar.resolve() != ScalarType::Text
        {
            let message = format!("the provider's name {} is not a string", quoted(name));
            sink.report(node.span, refuse(message).help("write it in quotes"));
        }
        match provider.entries().iter().filter(|entry| entry.key.name != "name").collect::<Vec<_>>().as_slice() {
            [_] => {}
            [] => {
                let message = format!("the provider {} has a name and nothing else", quoted(name));
                let help =
                    "write what it is, as Istio's `meshConfig` has it: `opentelemetry: {service: ..., port: 4317}`";
                sink.report(start, refuse(message).help(help));
            }
            [first, second, ..] => {
                let (first_name, second_name) = (quoted(&first.key.name), quoted(&second.key.name));
                let message = format!("the provider {} is both {first_name} and {second_name}", quoted(name));
                let help = "write an entry of its own for each, with another name";
                sink.report_twice(second.key.span, first.key.span, refuse(message).help(help));
            }
        }
        if name.starts_with(OWN_PROVIDERS) {
            let message = format!("{} is the name of a provider that `sallyport build` adds", quoted(name));
            sink.report(node.span, refuse(message).help("remove it, or give it another name"));
        } else if let Some(first) = seen.get(name) {
            let message = format!("the provider {} is written twice", quoted(name));
            sink.report_twice(node.span, *first, refuse(message).help("give one of them another name"));
        } else {
            seen.insert(name, node.span);
        }
    }
}
