//! `extensionProviders` of a Mesh: entries of Istio's `meshConfig`.

use crate::code::Code;
use crate::diagnostic::{Sink, Span, UnplacedDiagnostic};
use crate::model::{OWN_PROVIDERS, PROVIDER_KINDS, ProviderKind};
use crate::wording::{did_you_mean, quoted};
use crate::yaml::tree::{Entry, Node, ScalarType, Value};
use std::collections::HashMap;

/// Reports entries that Istio could not use, or that are written twice.
pub(super) fn check(providers: &[Node], sink: &mut Sink) {
    let mut seen: HashMap<&str, Span> = HashMap::new();
    for provider in providers.iter().filter(|provider| matches!(provider.value, Value::Mapping(_))) {
        let named = provider.get("name").and_then(|node| Some((node.text()?, node)));
        let Some((name, node)) = named.filter(|(name, _)| !name.is_empty()) else {
            sink.report(start(provider), refuse("the provider has no `name`").help("write `name: NAME`"));
            continue;
        };
        if let Value::Scalar(scalar) = &node.value
            && scalar.resolve() != ScalarType::Text
        {
            let message = format!("the provider's name {} is not a string", quoted(name));
            sink.report(node.span, refuse(message).help("write it in quotes"));
        }
        check_kind(name, provider, sink);
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

fn refuse(message: impl Into<String>) -> UnplacedDiagnostic {
    UnplacedDiagnostic::new(Code::ExtensionProvider, message)
}

fn start(node: &Node) -> Span {
    Span { start: node.span.start, end: node.span.start }
}

/// Istio finds a provider by its name, and what it is by its one other key.
fn check_kind(name: &str, provider: &Node, sink: &mut Sink) {
    let others = || provider.entries().iter().filter(|entry| entry.key.name != "name");
    others().filter(|entry| ProviderKind::of(&entry.key.name).is_none()).for_each(|entry| check_unknown(entry, sink));
    let known: Vec<_> = others().filter_map(|entry| Some((entry, ProviderKind::of(&entry.key.name)?))).collect();
    match known.as_slice() {
        [(entry, kind)] if kind.is_service => check_service(name, entry, sink),
        [_] => {}
        [] if others().next().is_some() => {}
        [] => {
            let message = format!("the provider {} has a name and nothing else", quoted(name));
            let help = "write what it is, as Istio's `meshConfig` has it: `opentelemetry: {service: ..., port: 4317}`";
            sink.report(start(provider), refuse(message).help(help));
        }
        [(first, _), (second, _), ..] => {
            let (first_name, second_name) = (quoted(&first.key.name), quoted(&second.key.name));
            let message = format!("the provider {} is both {first_name} and {second_name}", quoted(name));
            let help = "write an entry of its own for each, with another name";
            sink.report_twice(second.key.span, first.key.span, refuse(message).help(help));
        }
    }
}

fn check_unknown(Entry { key, .. }: &Entry, sink: &mut Sink) {
    let flaw = refuse(format!("{} is not an extension provider of Istio", quoted(&key.name)));
    if ["service", "port"].contains(&key.name.as_str()) {
        sink.report(key.span, flaw.help("it belongs in the provider's kind: check the indentation"));
        return;
    }
    let kinds = || PROVIDER_KINDS.iter().map(|kind| kind.name);
    // People shorten this one to the name that its collector has.
    let near = if key.name == "otel" { Some("opentelemetry") } else { did_you_mean(&key.name, kinds()) };
    let all = kinds().map(|kind| format!("`{kind}`")).collect::<Vec<_>>().join(", ");
    let all = format!("the kinds are {all}");
    sink.report(key.span, flaw.help(near.map_or_else(|| all.clone(), |near| format!("did you mean `{near}`? {all}"))));
}

/// Istio requires both fields of every provider that it connects to.
fn check_service(name: &str, Entry { key, value }: &Entry, sink: &mut Sink) {
    let is_there = |field: &str| value.get(field).is_some();
    let (missing, write) = match (is_there("service"), is_there("port")) {
        (true, true) => return,
        (false, false) => ("`service` and no `port`", "service: HOST, port: NUMBER"),
        (false, true) => ("`service`", "service: HOST, ..."),
        (true, false) => ("`port`", "port: NUMBER, ..."),
    };
    let message = format!("the provider {} has no {missing}", quoted(name));
    let kind = &key.name;
    sink.report(key.span, refuse(message).help(format!("write where it is: `{kind}: {{{write}}}`")));
}
