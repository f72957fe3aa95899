//! What several manifests say together.

use super::mesh::Mesh;
use super::names::{covers, host_in, patterns_over};
use super::selection::Selection;
use super::view::{ClientTls, Destination, Plugin, Route, Server, Workload};
use super::{Kind, Manifest};
use std::collections::HashSet;

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
    /// What proxies see.
    pub(crate) mesh: Mesh<'a>,
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
        let client_tls: Vec<_> = manifests.iter().flat_map(ClientTls::of).collect();
        let mesh = Mesh::new(manifests, &servers, &routes, &client_tls, &workloads);
        // A Gateway whose pods are not known is taken to be where its pods are.
        let at_home = of(Kind::Gateway).flat_map(|gateway| {
            let homes = mesh.gateways.homes(&gateway.qualified());
            let homes: Vec<_> = homes.map_or(vec![gateway.namespace.as_str()], |homes| homes.iter().copied().collect());
            homes.into_iter().map(move |home| (home, gateway))
        });
        let deciding = plugins.iter().filter(|plugin| plugin.enforces_rules()).map(|plugin| plugin.manifest);
        Self {
            gateways: Selection::new(at_home, &workloads),
            policies: Selection::new(deciding.chain(of(Kind::AuthorizationPolicy)).map(placed), &workloads),
            extensions: Selection::new(plugins.iter().map(|plugin| placed(plugin.manifest)), &workloads),
            client_tls,
            routed: routes.iter().flat_map(|route| route.gateways.iter().cloned()).collect(),
            through_gateway: at_gateway.map(|destination| destination.host.clone()).collect(),
            manifests,
            plugins,
            servers,
            routes,
            workloads,
            external,
            mesh,
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

    /// The host that an upstream is sent with the requests of an HTTP route, if it is not its own. A proxy that requests are
    /// tunnelled through does not see them.
    pub(crate) fn foreign_host<'r>(&self, route: &'r Route<'a>, to: &Destination<'a>) -> Option<&'r str> {
        if route.authority(to).is_some() || self.is_tunnel(to) {
            return None;
        }
        let own: Vec<_> = self.mesh.hosts(&to.host).into_iter().map(|host| host.manifest).collect();
        let is_own = |host: &str| {
            covers(host, &to.host)
                || own.iter().any(|entry| entry_hosts(entry).any(|own| own == host || covers(own, host)))
        };
        route.hosts.iter().map(|(_, host)| host.as_str()).find(|host| !is_own(host))
    }

    /// Whether a DestinationRule sends connections to this destination through a tunnel.
    fn is_tunnel(&self, to: &Destination<'_>) -> bool {
        let rules = self.of(Kind::DestinationRule).filter(|rule| {
            rule.spec().text_at(&["host"]).is_some_and(|host| host_in(&rule.namespace, host) == to.host)
        });
        rules.flat_map(|rule| rule.spec().descendants()).any(|node| node.get("tunnel").is_some())
    }

    /// Whether a route of callers is for the host, or leads to it.
    pub(crate) fn is_routed_in_mesh(&self, host: &str) -> bool {
        self.routes.iter().filter(|route| route.is_in_mesh()).any(|route| {
            route.hosts.iter().any(|(_, own)| own == host || covers(own, host))
                || route.destinations.iter().any(|to| to.host == host)
        })
    }

    /// Whether a gateway sends requests to the host, which may be a pattern.
    pub(crate) fn is_behind_gateway(&self, host: &str) -> bool {
        match host.strip_prefix('*') {
            None => self.through_gateway.contains(host),
            Some(_) => self.through_gateway.iter().any(|destination| {
                // A more specific entry has those of its own.
                let is_own = || self.mesh.hosts(destination).iter().any(|own| own.name == host);
                destination == host || (covers(host, destination) && is_own())
            }),
        }
    }
}

pub(crate) fn entry_hosts(entry: &Manifest) -> impl Iterator<Item = &str> {
    entry.spec().items_at(&["hosts"]).iter().filter_map(|host| host.text())
}

/// MESH_EXTERNAL is Istio's default.
fn is_outside(entry: &Manifest) -> bool {
    entry.spec().text_at(&["location"]).is_none_or(|location| location == "MESH_EXTERNAL")
}

/// A manifest applies to pods of its own namespace.
fn placed(manifest: &Manifest) -> (&str, &Manifest) {
    (&manifest.namespace, manifest)
}
