//! The objects of a gateway by what they are for.

use sallyport_egress::model::deploy::Patch;
use serde_json::Value;

use super::authz::Policy;
use super::cluster::{self, Rule};
use super::http_route;
use super::plugin::{Plugin, plugin};
use super::proxy::ProxySettings;
use super::route::{Origin, routes};
use super::route_config::route_config;
use super::server::{self, Ports, Server};
use super::service::{Resolution, Service, services};
use super::view::{Seen, View};
use crate::patch::{matches_patch, target};
use crate::plan::Plan;

/// What the objects are for, as far as it is for this gateway's Envoy.
#[derive(Debug)]
pub(super) struct Collection<'a> {
    objects: Vec<Object<'a>>,
    seen: &'a Seen,
    pub(super) servers: Vec<Server<'a>>,
    services: Vec<Service<'a>>,
    rules: Vec<Rule<'a>>,
    routes: Vec<Routes>,
    pub(super) authentications: Vec<View<'a>>,
    pub(super) policies: Vec<Policy<'a>>,
    pub(super) telemetries: Vec<View<'a>>,
    pub(super) plugins: Vec<Plugin>,
    /// EnvoyFilters, each with its label.
    pub(super) filters: Vec<(String, View<'a>)>,
}

/// The routes of hosts at a Gateway.
#[derive(Debug)]
struct Routes {
    gateway: String,
    port: u16,
    hosts: Vec<String>,
    routes: Vec<Value>,
}

/// One object.
#[derive(Clone, Copy, Debug)]
struct Object<'a> {
    value: &'a Value,
    kind: &'a str,
    name: &'a str,
    namespace: &'a str,
    spec: View<'a>,
    /// It is for this Envoy.
    is_ours: bool,
}

impl<'a> Object<'a> {
    fn new(value: &'a Value, seen: &'a Seen) -> Option<Self> {
        let view = View::new(value, seen);
        for said in ["apiVersion", "kind", "metadata"] {
            view.field(said).map(View::whole);
        }
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        Some(Object {
            value,
            kind: text("/kind"),
            name: text("/metadata/name"),
            namespace: text("/metadata/namespace"),
            spec: view.field("spec")?,
            is_ours: false,
        })
    }

    fn label(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }
}

/// Whether an object says where an upstream is and how it is reached: what the gateway of another upstream needs of it.
pub(super) fn is_upstream(value: &Value, plan: &Plan<'_>) -> bool {
    let is = |pointer: &str, wanted: &str| value.pointer(pointer).and_then(Value::as_str) == Some(wanted);
    (is("/kind", "ServiceEntry") || is("/kind", "DestinationRule")) && is("/metadata/name", &plan.upstream_name())
}

impl<'a> Collection<'a> {
    pub(super) fn new(plan: &Plan<'_>, values: &'a [Value], installer: Option<&'a Value>, seen: &'a Seen) -> Self {
        let mut collection = Collection {
            objects: values.iter().filter_map(|value| Object::new(value, seen)).collect(),
            seen,
            servers: Vec::new(),
            services: Vec::new(),
            rules: Vec::new(),
            routes: Vec::new(),
            authentications: Vec::new(),
            policies: Vec::new(),
            telemetries: Vec::new(),
            plugins: Vec::new(),
            filters: Vec::new(),
        };
        let ports = ports(values, installer);
        let mut objects = collection.objects.clone();
        for object in objects.iter_mut().filter(|object| !is_route(object)) {
            object.is_ours = collection.take(object, plan, &ports);
        }
        // Routes are for servers, which are all known now.
        for object in objects.iter_mut().filter(|object| is_route(object)) {
            object.is_ours = collection.take_routes(object);
        }
        collection.objects = objects;
        collection
    }

    /// Whether it is for this Envoy.
    fn take(&mut self, object: &Object<'a>, plan: &Plan<'_>, ports: &Ports) -> bool {
        let Object { kind, name, namespace, spec, value, .. } = *object;
        match kind {
            "Gateway" if is_kubernetes(value) => self.servers.extend(server::of_listeners(spec, namespace, name)),
            "Gateway" if value.pointer("/spec/selector") == Some(&plan.selector()) => {
                self.servers.extend(server::of_gateway(spec, namespace, name, ports));
            }
            "ServiceEntry" => {
                // Without an address nothing can be sent there: it is how callers know the host.
                let found = services(spec);
                let is_used =
                    |service: &Service<'_>| service.resolution != Resolution::Static || service.has_endpoints();
                if !found.iter().all(is_used) {
                    return false;
                }
                self.services.extend(found);
            }
            "DestinationRule" if value.pointer("/spec/host").and_then(Value::as_str) != Some(&plan.service_host()) => {
                spec.field("exportTo").map(View::whole);
                self.rules.push(Rule { name, namespace, spec });
            }
            "RequestAuthentication" => {
                attachment(spec);
                self.authentications.push(spec);
            }
            "AuthorizationPolicy" if spec.text("action") == Some("CUSTOM") => {
                attachment(spec);
                self.policies.push(Policy { name, namespace, spec });
            }
            "Telemetry" => {
                attachment(spec);
                self.telemetries.push(spec);
            }
            "WasmPlugin" | "TrafficExtension" => {
                attachment(spec);
                self.plugins.extend(plugin(kind, name, namespace, spec));
            }
            "EnvoyFilter" => self.filters.push((object.label(), spec)),
            _ => return false,
        }
        true
    }

    fn take_routes(&mut self, object: &Object<'a>) -> bool {
        let Object { kind, name, namespace, spec, .. } = *object;
        let mut is_ours = false;
        for server in &self.servers {
            let origin = Origin {
                name,
                namespace,
                port: server.port,
                gateway: &server.gateway,
                is_http_route: kind == "HTTPRoute",
            };
            let hosts = |key| spec.texts(key).into_iter().map(str::to_lowercase).collect::<Vec<_>>();
            let found = if kind == "HTTPRoute" {
                let parents: Vec<_> = spec.list("parentRefs").collect();
                let is_bound = parents.iter().any(|parent| {
                    parent.field("name");
                    server.section.is_some() && parent.text("sectionName") == server.section
                });
                is_bound.then(|| {
                    let made = http_route::virtual_service(spec, name, namespace);
                    let seen = Seen::default();
                    let of_host = |host: String| {
                        let name = http_route::name(&server.gateway, &host);
                        (routes(View::new(&made, &seen), Origin { name: &name, ..origin }), vec![host])
                    };
                    hosts("hostnames").into_iter().map(of_host).collect::<Vec<_>>()
                })
            } else {
                let gateways = spec.texts("gateways");
                let full = server.gateway.as_str();
                let short = server.gateway.rsplit_once('/').map_or(full, |(_, name)| name);
                let is_bound = gateways.iter().any(|gateway| *gateway == full || *gateway == short);
                is_bound.then(|| vec![(routes(spec, origin), hosts("hosts"))])
            };
            let Some(found) = found else { continue };
            spec.field("exportTo").map(View::whole);
            is_ours = true;
            self.routes.extend(found.into_iter().map(|(routes, hosts)| Routes {
                gateway: server.gateway.clone(),
                port: server.port,
                hosts,
                routes,
            }));
        }
        is_ours
    }

    /// Every cluster, in the order of the services.
    pub(super) fn clusters(&self) -> Vec<Value> {
        self.services.iter().flat_map(|service| cluster::clusters(service, self.rule(service))).collect()
    }

    fn rule(&self, service: &Service<'_>) -> Option<Rule<'a>> {
        self.rules.iter().find(|rule| rule.spec.text("host") == Some(service.host)).copied()
    }

    /// The addresses of the clusters whose addresses Envoy gets apart.
    pub(super) fn endpoints(&self) -> Vec<Value> {
        let fixed = self.services.iter().filter(|service| service.resolution == Resolution::Static);
        let mut all = Vec::new();
        for service in fixed {
            let subsets = self.rule(service).into_iter().flat_map(|rule| rule.spec.list("subsets"));
            let names: Vec<&str> = subsets.filter_map(|subset| subset.text("name")).collect();
            for port in &service.ports {
                for name in std::iter::once("").chain(names.iter().copied()) {
                    let cluster = service.cluster(name, *port);
                    all.extend(service.load_assignment(&cluster, *port).map(|assignment| {
                        crate::message::typed("envoy.config.endpoint.v3.ClusterLoadAssignment", assignment)
                    }));
                }
            }
        }
        all
    }

    /// One per name that a listener asks for.
    pub(super) fn route_configs(&self, settings: &ProxySettings) -> Vec<Value> {
        let mut names: Vec<&str> = Vec::new();
        let mut all = Vec::new();
        for server in &self.servers {
            if names.contains(&server.route_name.as_str()) {
                continue;
            }
            names.push(&server.route_name);
            let mut hosts: Vec<(String, Vec<Value>)> = Vec::new();
            for of in self.routes.iter().filter(|of| of.gateway == server.gateway && of.port == server.port) {
                for host in of.hosts.iter().filter(|host| serves(server, host)) {
                    match hosts.iter_mut().find(|(known, _)| known == host) {
                        Some((_, routes)) => routes.extend(of.routes.iter().cloned()),
                        None => hosts.push((host.clone(), of.routes.clone())),
                    }
                }
            }
            all.push(route_config(server, hosts, settings.attempt_count));
        }
        all
    }

    /// What no reader took account of: fields of objects for this Envoy, and patches of other objects.
    pub(super) fn unread<'p>(&self, patches: impl Iterator<Item = &'p Patch>) -> Vec<String> {
        let ours = self.objects.iter().filter(|object| object.is_ours);
        let fields = ours.flat_map(|object| {
            let unread = self.seen.unread(object.value).into_iter();
            unread.map(|path| format!("{}: {path}", object.label()))
        });
        let mut all: Vec<String> = self.patches_of_others(patches);
        all.extend(fields);
        all
    }

    /// The patches of objects that are not for this Envoy, in one line each: one may be for every object.
    fn patches_of_others<'p>(&self, patches: impl Iterator<Item = &'p Patch>) -> Vec<String> {
        let others = || self.objects.iter().filter(|object| !object.is_ours);
        let mut all = Vec::new();
        for patch in patches {
            let changed: Vec<_> = others().filter(|object| matches_patch(patch, object.value)).collect();
            let what = match changed.as_slice() {
                [] => continue,
                [object] => object.label(),
                objects => format!("{} ({} manifests that are not for this Envoy)", target(patch), objects.len()),
            };
            let line = format!("{what}: its patch");
            if !all.contains(&line) {
                all.push(line);
            }
        }
        all
    }
}

fn is_route(object: &Object<'_>) -> bool {
    matches!(object.kind, "VirtualService" | "HTTPRoute")
}

fn is_kubernetes(value: &Value) -> bool {
    let group = value.get("apiVersion").and_then(Value::as_str);
    group.is_some_and(|group| group.starts_with("gateway.networking.k8s.io/"))
}

/// A server's hosts and those of routes are compared as Istio does: one may be a pattern.
fn serves(server: &Server<'_>, host: &str) -> bool {
    server.hosts.iter().any(|own| {
        let matches = |pattern: &str, host: &str| {
            pattern == host || pattern.strip_prefix('*').is_some_and(|suffix| host.ends_with(suffix))
        };
        let own = own.to_lowercase();
        matches(&own, host) || matches(host, &own)
    })
}

/// Which pods a policy is for: the gateway's.
fn attachment(spec: View<'_>) {
    for field in ["selector", "targetRefs"] {
        spec.field(field).map(View::whole);
    }
}

/// From the Service, or from the file that another tool makes it from.
fn ports(values: &[Value], installer: Option<&Value>) -> Ports {
    let of_service = values.iter().find(|value| value.get("kind").and_then(Value::as_str) == Some("Service"));
    let lists = [
        of_service.and_then(|service| service.pointer("/spec/ports")),
        installer.and_then(|installer| installer.pointer("/service/ports")),
        installer.and_then(|installer| installer.pointer("/spec/components/egressGateways/0/k8s/service/ports")),
    ];
    let number =
        |port: &Value, name: &str| port.get(name).and_then(Value::as_u64).and_then(|port| port.try_into().ok());
    let list = lists.into_iter().flatten().next().and_then(Value::as_array).into_iter().flatten();
    let pairs = list.filter_map(|port| {
        let of_service = number(port, "port")?;
        Some((of_service, number(port, "targetPort").unwrap_or(of_service)))
    });
    Ports(pairs.collect())
}
