//! What several manifests say together.

use super::names::{covers, patterns_over};
use super::selection::Selection;
use super::view::{ClientTls, Plugin, Route, Server, Workload};
use super::{Kind, Manifest};
use std::collections::{HashMap, HashSet};

/// All manifests that are checked together, and what they say together.
pub(crate) struct Set<'a> {
    pub(crate) manifests: &'a [Manifest],
    pub(crate) plugins: Vec<Plugin<'a>>,
    pub(crate) servers: Vec<Server<'a>>,
    pub(crate) client_tls: Vec<ClientTls<'a>>,
    pub(crate) routes: Vec<Route<'a>>,
    pub(crate) workloads: Vec<Workload<'a>>,
    /// The Gateways, by the pods that they select.
    pub(crate) gateways: Selection<'a>,
    /// AuthorizationPolicies and filters with rules, by the pods that they select.
    pub(crate) policies: Selection<'a>,
    /// The plugins, by the pods that they select.
    pub(crate) extensions: Selection<'a>,
    /// Hosts of ServiceEntries that are outside the mesh.
    external: HashSet<&'a str>,
    /// Names of the Gateways that have a route.
    routed: HashSet<String>,
    /// The hosts to which a gateway sends requests.
    through_gateway: HashSet<String>,
    /// The Services through which callers reach gateways, and the hosts that are served there.
    gateway_services: HashMap<String, Vec<&'a str>>,
}

impl<'a> Set<'a> {
    pub(crate) fn new(manifests: &'a [Manifest]) -> Self {
        let of = |kind: Kind| manifests.iter().filter(move |manifest| manifest.kind == kind);
        let plugins: Vec<_> = manifests.iter().filter_map(Plugin::of).collect();
        let servers: Vec<_> = manifests.iter().flat_map(Server::of).collect();
        let routes: Vec<_> = manifests.iter().flat_map(Route::of).collect();
        let workloads: Vec<_> = manifests.iter().flat_map(Workload::of).collect();
        let outside = of(Kind::ServiceEntry).filter(|entry| is_outside(entry));
        let external: HashSet<&str> = outside.flat_map(entry_hosts).collect();
        let at_gateway = routes.iter().filter(|route| route.is_at_gateway()).flat_map(|route| &route.destinations);
        let gateway_services = gateway_services(&routes, &servers, &workloads, &external);
        let deciding = plugins.iter().filter(|plugin| plugin.enforces_rules()).map(|plugin| plugin.manifest);
        Self {
            gateways: Selection::new(of(Kind::Gateway), &workloads),
            policies: Selection::new(deciding.chain(of(Kind::AuthorizationPolicy)), &workloads),
            extensions: Selection::new(plugins.iter().map(|plugin| plugin.manifest), &workloads),
            client_tls: manifests.iter().flat_map(ClientTls::of).collect(),
            routed: routes.iter().flat_map(|route| route.gateways.iter().cloned()).collect(),
            through_gateway: at_gateway.map(|destination| destination.host.clone()).collect(),
            manifests,
            plugins,
            servers,
            routes,
            workloads,
            external,
            gateway_services,
        }
    }

    pub(crate) fn of(&self, kind: Kind) -> impl Iterator<Item = &'a Manifest> {
        self.manifests.iter().filter(move |manifest| manifest.kind == kind)
    }

    /// Whether a ServiceEntry says that the host is outside the mesh.
    pub(crate) fn is_external(&self, host: &str) -> bool {
        self.external.contains(host) || patterns_over(host).any(|pattern| self.external.contains(pattern.as_str()))
    }

    pub(crate) fn external_hosts(&self) -> impl Iterator<Item = &'a str> {
        self.external.iter().copied()
    }

    /// Whether a server is for any host, but its Gateway has no route: Envoy answers 404 there.
    pub(crate) fn leads_nowhere(&self, server: &Server<'_>) -> bool {
        let Manifest { namespace, name, .. } = server.manifest;
        server.hosts.iter().all(|(_, host)| *host == "*") && !self.routed.contains(&format!("{namespace}/{name}"))
    }

    /// Whether a gateway sends requests to the host, which may be a pattern.
    pub(crate) fn is_behind_gateway(&self, host: &str) -> bool {
        match host.strip_prefix('*') {
            None => self.through_gateway.contains(host),
            Some(_) => self.through_gateway.iter().any(|destination| covers(host, destination)),
        }
    }

    /// The hosts that are served by this Service, if it is a gateway's.
    pub(crate) fn served_at(&self, service: &str) -> Option<&[&'a str]> {
        self.gateway_services.get(service).map(Vec::as_slice)
    }
}

pub(crate) fn entry_hosts(entry: &Manifest) -> impl Iterator<Item = &str> {
    entry.spec().items_at(&["hosts"]).iter().filter_map(|host| host.text())
}

/// MESH_EXTERNAL is Istio's default.
fn is_outside(entry: &Manifest) -> bool {
    entry.spec().text_at(&["location"]).is_none_or(|location| location == "MESH_EXTERNAL")
}

/// A Service is a gateway's if it has the name of a gateway's workload, or if requests for a host that a gateway serves are
/// routed to it.
fn gateway_services<'a>(
    routes: &[Route<'a>],
    servers: &[Server<'a>],
    workloads: &[Workload<'a>],
    external: &HashSet<&str>,
) -> HashMap<String, Vec<&'a str>> {
    let mut services: HashMap<String, Vec<&str>> = HashMap::new();
    for workload in workloads {
        services.entry(format!("{}.{}.svc", workload.name, workload.namespace)).or_default();
    }
    let served: HashSet<&str> = servers.iter().flat_map(|server| &server.hosts).map(|(_, host)| *host).collect();
    for route in routes.iter().filter(|route| route.is_in_mesh()) {
        for host in route.hosts.iter().filter_map(|(_, host)| served.get(host.as_str())) {
            let elsewhere = |to: &&str| to != host && !external.contains(to);
            for to in route.destinations.iter().map(|to| to.host.as_str()).filter(elsewhere) {
                services.entry(to.to_owned()).or_default().push(host);
            }
        }
    }
    services
}
