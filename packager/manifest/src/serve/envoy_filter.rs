//! EnvoyFilters: changes to Envoy's resources, as istiod merges them (`pilot/pkg/networking/core/envoyfilter`).
//!
//! Merged are listeners, network filters, HTTP filters and clusters; HTTP filters are also inserted. Any other patch is
//! named as not served.

use serde_json::{Map, Value};

use super::view::View;

/// Where patches apply.
#[derive(Debug)]
pub(super) struct Resources<'a> {
    pub(super) listeners: &'a mut Vec<Value>,
    pub(super) clusters: &'a mut Vec<Value>,
}

/// Applies the patches of one EnvoyFilter in order, and returns the paths of those that are not served.
pub(super) fn apply(spec: View<'_>, resources: &mut Resources<'_>) -> Vec<String> {
    // It selects the gateway's pods.
    for selector in ["workloadSelector", "targetRefs", "priority"] {
        spec.field(selector).map(View::whole);
    }
    let patches = spec.list("configPatches").enumerate();
    let unserved = patches.filter(|(_, patch)| patch_one(*patch, resources).is_none());
    unserved
        .map(|(index, patch)| {
            patch.whole();
            format!("spec.configPatches[{index}]")
        })
        .collect()
}

/// `None` if it is not served.
fn patch_one(patch: View<'_>, resources: &mut Resources<'_>) -> Option<()> {
    let operation = patch.field("patch")?;
    let value = normal(operation.field("value")?.whole());
    let operation = operation.text("operation")?;
    let found = patch.field("match");
    if found.and_then(|found| found.text("context")).is_some_and(|context| !matches!(context, "GATEWAY" | "ANY")) {
        return Some(());
    }
    match patch.text("applyTo")? {
        "CLUSTER" if operation == "MERGE" => {
            let wanted = found.and_then(|found| found.field("cluster"));
            resources.clusters.iter_mut().filter(|cluster| is_cluster(cluster, wanted)).for_each(|cluster| {
                merge_cluster(cluster, &value);
            });
            Some(())
        }
        "LISTENER" if operation == "MERGE" => {
            of_listeners(found, resources).for_each(|listener| merge(listener, &value));
            Some(())
        }
        "NETWORK_FILTER" if operation == "MERGE" => {
            let name = filter_name(found);
            let filters = of_listeners(found, resources).flat_map(|listener| network_filters(listener, name));
            filters.for_each(|filter| merge_typed(filter, &value));
            Some(())
        }
        "HTTP_FILTER" => {
            let sub_filter = found
                .and_then(|found| found.at(["listener", "filterChain", "filter", "subFilter"]))
                .and_then(|filter| filter.text("name"));
            let place = Place::of(operation)?;
            let name = filter_name(found);
            let filters = of_listeners(found, resources).flat_map(|listener| network_filters(listener, name));
            let chains = filters.filter_map(|filter| filter.pointer_mut("/typed_config/http_filters")?.as_array_mut());
            chains.for_each(|chain| place.apply(chain, sub_filter, &value));
            Some(())
        }
        _ => None,
    }
}

/// How an HTTP filter is changed, or where a new one comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Merge,
    First,
    Before,
    After,
}

impl Place {
    fn of(operation: &str) -> Option<Self> {
        match operation {
            "MERGE" => Some(Place::Merge),
            "INSERT_FIRST" => Some(Place::First),
            "INSERT_BEFORE" => Some(Place::Before),
            "INSERT_AFTER" => Some(Place::After),
            _ => None,
        }
    }

    /// Without a filter to be relative to, a new one comes first or last.
    fn apply(self, chain: &mut Vec<Value>, name: Option<&str>, value: &Value) {
        let is_it = |filter: &Value| name.is_none() || filter.get("name").and_then(Value::as_str) == name;
        let at = name.and_then(|_| chain.iter().position(is_it));
        match (self, name, at) {
            (Place::Merge, ..) => {
                let merged = chain.iter_mut().filter(|filter| is_it(filter) && filter.get("typed_config").is_some());
                merged.for_each(|filter| merge_typed(filter, value));
            }
            (Place::First, ..) | (Place::Before, None, _) => chain.insert(0, value.clone()),
            (Place::After, None, _) => chain.push(value.clone()),
            (Place::Before, _, Some(at)) => chain.insert(at, value.clone()),
            (Place::After, _, Some(at)) => chain.insert(at.saturating_add(1), value.clone()),
            (Place::Before | Place::After, Some(_), None) => {}
        }
    }
}

fn of_listeners<'r>(
    found: Option<View<'_>>,
    resources: &'r mut Resources<'_>,
) -> impl Iterator<Item = &'r mut Value> + use<'r> {
    let wanted = found.and_then(|found| found.field("listener"));
    let port = wanted.and_then(|wanted| wanted.number("portNumber"));
    let name = wanted.and_then(|wanted| wanted.filled("name")).map(str::to_owned);
    resources.listeners.iter_mut().filter(move |listener| {
        let own = listener.pointer("/address/socket_address/port_value").and_then(Value::as_u64);
        let is_named = name.as_deref().is_none_or(|name| listener.get("name").and_then(Value::as_str) == Some(name));
        port.is_none_or(|port| own == Some(port)) && is_named
    })
}

fn filter_name<'a>(found: Option<View<'a>>) -> Option<&'a str> {
    found?.at(["listener", "filterChain", "filter"])?.text("name")
}

fn network_filters<'r>(listener: &'r mut Value, name: Option<&str>) -> Vec<&'r mut Value> {
    let chains = listener.get_mut("filter_chains").and_then(Value::as_array_mut).into_iter().flatten();
    let filters = chains.filter_map(|chain| chain.get_mut("filters")?.as_array_mut()).flatten();
    filters.filter(|filter| name.is_none() || filter.get("name").and_then(Value::as_str) == name).collect()
}

fn is_cluster(cluster: &Value, wanted: Option<View<'_>>) -> bool {
    let Some(wanted) = wanted else { return true };
    let name = cluster.get("name").and_then(Value::as_str).unwrap_or_default();
    let mut parts = name.split('|').skip(1);
    let (port, subset, host) = (parts.next(), parts.next(), parts.next());
    let is = |field: &str, own: Option<&str>| wanted.filled(field).is_none_or(|wanted| own == Some(wanted));
    let is_port = wanted.number("portNumber").is_none_or(|wanted| port == Some(wanted.to_string().as_str()));
    is("name", Some(name)) && is("service", host) && is("subset", subset) && is_port
}

/// What has a name and a configuration: the configurations are merged, too.
fn merge_typed(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else { return };
    let mut rest = patch.clone();
    if let (Some(own), Some(config)) = (target.get_mut("typed_config"), patch.get("typed_config")) {
        rest.remove("typed_config");
        merge(own, config);
    }
    merge(target, &Value::Object(rest));
}

/// A patch of the TLS is nothing else, whatever it says beside it.
fn merge_cluster(cluster: &mut Value, patch: &Value) {
    match (cluster.get_mut("transport_socket"), patch.get("transport_socket")) {
        (Some(own), Some(tls)) if own.get("name") == tls.get("name") => merge_typed(own, tls),
        (Some(own), Some(tls)) => *own = tls.clone(),
        (None, Some(tls)) => {
            if let Value::Object(fields) = cluster {
                fields.insert("transport_socket".to_owned(), tls.clone());
            }
        }
        (_, None) => merge(cluster, patch),
    }
}

/// The fields of Envoy's messages that are maps.
const MAPS: [&str; 4] =
    ["typed_extension_protocol_options", "typed_per_filter_config", "filter_metadata", "typed_filter_metadata"];

/// As istiod merges protocol buffers: messages field by field, lists are joined, and a zero changes nothing. Replaced as a
/// whole are the values of maps and messages that are packed with their type.
fn merge(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (name, value) in patch.iter().filter(|(name, value)| !is_zero(value) && *name != "@type") {
                match (target.get_mut(name), value) {
                    (Some(Value::Object(own)), Value::Object(map)) if MAPS.contains(&name.as_str()) => {
                        own.extend(map.clone());
                    }
                    (Some(own), value) if value.get("@type").is_none() => merge(own, value),
                    (_, value) => {
                        target.insert(name.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(target), Value::Array(patch)) => target.extend(patch.iter().cloned()),
        (target, patch) => *target = patch.clone(),
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        // An empty message says that it is there.
        Value::Object(_) => false,
    }
}

/// With the names of fields in Envoy's spelling: both are valid, but only one can be merged.
fn normal(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (snake(name), normal(value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(normal).collect(),
        other => other.clone(),
    }
}

fn snake(name: &str) -> String {
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) || name.starts_with(|c: char| c.is_ascii_uppercase()) {
        return name.to_owned();
    }
    let mut out = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(character.to_ascii_lowercase());
    }
    out
}
