//! One form for what istiod's debug interface shows and for what `sallyport run` makes: leaves by their paths.
//!
//! Names of fields are those of JSON. The items of a list have the names that they have, and their order is a leaf of its
//! own, so that one item more does not make all that follow differ. The configuration of a plugin, which is a text, is
//! taken apart like everything else.

use std::collections::BTreeMap;

use sallyport_tests::cluster::pod::list;
use serde_json::{Map, Value, json};

/// The part of a path that stands for the order of a list.
const ORDER: &str = "#order";

/// Every leaf: a value, an empty object or an empty list.
pub(crate) type Leaves = BTreeMap<String, Value>;

/// All that an Envoy gets: by kind of resource, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Given {
    resources: BTreeMap<&'static str, BTreeMap<String, Value>>,
}

const LISTENERS: &str = "listeners";
const ROUTES: &str = "routes";
const CLUSTERS: &str = "clusters";
const ENDPOINTS: &str = "endpoints";
const EXTENSIONS: &str = "extensions";

/// What istiod writes before the name of a plugin.
const PLUGIN: &str = "extensions.istio.io/trafficextension/";

impl Given {
    /// What istiod's debug interface shows.
    pub(crate) fn by_istiod(dump: &Value) -> Self {
        let mut given = Self::default();
        for part in list(dump, "/configs") {
            if !part["@type"].as_str().unwrap_or_default().contains(".admin.") {
                given.add(part);
            }
            for (list_of, resource) in [
                ("/dynamicListeners", "/activeState/listener"),
                ("/dynamicRouteConfigs", "/routeConfig"),
                ("/dynamicActiveClusters", "/cluster"),
                ("/dynamicEndpointConfigs", "/endpointConfig"),
                ("/ecdsFilters", "/ecdsFilter"),
            ] {
                for item in list(part, list_of) {
                    given.add(item.pointer(resource).unwrap_or(&Value::Null));
                }
            }
        }
        given
    }

    /// Resources of any kind, each with its type.
    pub(crate) fn of<'r>(resources: impl IntoIterator<Item = &'r Value>) -> Self {
        let mut given = Self::default();
        resources.into_iter().for_each(|resource| given.add(resource));
        given
    }

    /// Adds resources of other kinds.
    pub(crate) fn extend(&mut self, more: Self) {
        for (section, resources) in more.resources {
            self.resources.entry(section).or_default().extend(resources);
        }
    }

    fn add(&mut self, resource: &Value) {
        let mut resource = json_names(resource);
        self.take_apart(&mut resource);
        let kind = resource["@type"].as_str().and_then(|url| url.rsplit('.').next()).unwrap_or_default().to_owned();
        let text = |pointer: &str| resource.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (section, name) = match kind.as_str() {
            // Under its port, because that is what stays the same on a machine.
            "Listener" => (LISTENERS, resource["address"]["socketAddress"]["portValue"].to_string()),
            "RouteConfiguration" => (ROUTES, text("/name")),
            "Cluster" => (CLUSTERS, text("/name")),
            "ClusterLoadAssignment" => (ENDPOINTS, text("/clusterName")),
            "TypedExtensionConfig" => (EXTENSIONS, text("/name")),
            // istiod shows what is in the envelope, which has the name before it.
            "Wasm" => {
                resource = json!({
                    "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
                    "name": format!("{PLUGIN}{}", text("/config/name")),
                    "typedConfig": resource,
                });
                (EXTENSIONS, resource["name"].as_str().unwrap_or_default().to_owned())
            }
            _ => ("unknown", kind),
        };
        self.resources.entry(section).or_default().insert(name, resource);
    }

    /// What may be part of a resource or a resource of its own is always one of its own: routes of a listener, addresses
    /// of a cluster. And what verifies certificates is always in the same place.
    fn take_apart(&mut self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.take_apart(item)),
            Value::Object(fields) => {
                fields.values_mut().for_each(|field| self.take_apart(field));
                if let Some(mut config) = fields.remove("routeConfig") {
                    fields.insert("rds".to_owned(), json!({"routeConfigName": config["name"]}));
                    config["@type"] = json!("type.googleapis.com/envoy.config.route.v3.RouteConfiguration");
                    self.add(&config);
                }
                if let Some(mut assignment) = fields.remove("loadAssignment") {
                    assignment["@type"] = json!("type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment");
                    self.add(&assignment);
                }
                if let Some(context) = fields.remove("validationContext") {
                    fields.insert("combinedValidationContext".to_owned(), json!({"defaultValidationContext": context}));
                }
            }
            _ => {}
        }
    }

    /// The names of plugins.
    pub(crate) fn plugins(&self) -> Vec<&String> {
        self.resources.get(EXTENSIONS).into_iter().flat_map(BTreeMap::keys).collect()
    }

    /// Its leaves.
    pub(crate) fn leaves(&self) -> Leaves {
        let mut leaves = Leaves::new();
        for (section, resources) in &self.resources {
            for (name, resource) in resources {
                flatten(resource, &format!("{section}/{}", escaped(name)), &mut leaves);
            }
        }
        leaves
    }
}

/// Leaves out of what istiod shows the clusters that nothing there refers to and the other side has not: services of others
/// in the mesh, which are most of it. How many.
pub(crate) fn leave_out_strangers(dumps: &mut [Value], other: &Given) -> usize {
    let lists = [("dynamicActiveClusters", "/cluster/name"), ("dynamicEndpointConfigs", "/endpointConfig/clusterName")];
    let of_clusters = ["Cluster", "ClusterLoadAssignment", "ClustersConfigDump", "EndpointsConfigDump"];
    let is_user = |part: &&Value| {
        let kind = part["@type"].as_str().and_then(|url| url.rsplit('.').next()).unwrap_or_default();
        !of_clusters.contains(&kind) && lists.iter().all(|(list, _)| part.get(list).is_none())
    };
    let parts = dumps.iter().flat_map(|dump| list(dump, "/configs"));
    let users: String = parts.filter(is_user).map(Value::to_string).collect();
    let is_known = |name: &str| {
        let is_there = other.resources.get(CLUSTERS).is_some_and(|clusters| clusters.contains_key(name));
        is_there || users.contains(&json!(name).to_string()) || users.contains(&format!("\\\"{name}\\\""))
    };
    let mut left_out = 0;
    for configs in dumps.iter_mut().filter_map(|dump| dump["configs"].as_array_mut()) {
        let before = configs.len();
        configs.retain(|part| {
            let name = part.get("clusterName").or_else(|| part.get("name")).and_then(Value::as_str);
            let is_cluster = part["@type"]
                .as_str()
                .is_some_and(|url| url.ends_with("v3.Cluster") || url.ends_with("v3.ClusterLoadAssignment"));
            !is_cluster || name.is_some_and(is_known)
        });
        left_out += before - configs.len();
    }
    for part in dumps.iter_mut().filter_map(|dump| dump["configs"].as_array_mut()).flatten() {
        for (list, name) in lists {
            if let Some(items) = part.get_mut(list).and_then(Value::as_array_mut) {
                let before = items.len();
                items.retain(|item| item.pointer(name).and_then(Value::as_str).is_some_and(is_known));
                left_out += before - items.len();
            }
        }
    }
    left_out
}

/// Names as in JSON in place of those of protocol buffers, and the plugin's configuration as what it says.
fn json_names(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut named: Map<String, Value> =
                fields.iter().map(|(name, value)| (camel_case(name), json_names(value))).collect();
            let is_text =
                named.get("@type").is_some_and(|url| url == "type.googleapis.com/google.protobuf.StringValue");
            if is_text
                && let Some(Value::String(text)) = named.get("value")
                && let Ok(inner) = serde_json::from_str(text)
            {
                named.insert("value".to_owned(), inner);
            }
            Value::Object(named)
        }
        Value::Array(items) => items.iter().map(json_names).collect(),
        scalar => scalar.clone(),
    }
}

/// `route_config` becomes `routeConfig`; what is no field's name stays.
fn camel_case(name: &str) -> String {
    if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
        return name.to_owned();
    }
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut all, part| {
        let mut letters = part.chars();
        all.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        all.push_str(letters.as_str());
        all
    })
}

fn flatten(value: &Value, path: &str, leaves: &mut Leaves) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                flatten(value, &format!("{path}/{}", escaped(name)), leaves);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let names: Vec<String> = items.iter().enumerate().map(|(at, item)| item_name(item, at)).collect();
            let mut sorted = names.clone();
            sorted.sort();
            sorted.dedup();
            let are_names = sorted.len() == names.len();
            for (at, (item, name)) in items.iter().zip(&names).enumerate() {
                let name = if are_names { escaped(name) } else { at.to_string() };
                flatten(item, &format!("{path}/{name}"), leaves);
            }
            leaves.insert(format!("{path}/{ORDER}"), json!(names));
        }
        leaf => {
            leaves.insert(path.to_owned(), leaf.clone());
        }
    }
}

fn item_name(item: &Value, at: usize) -> String {
    item["name"].as_str().map_or_else(|| at.to_string(), str::to_owned)
}

/// A part of a path has no separator in it.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
