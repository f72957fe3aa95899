//! What several manifests say together.

use super::mesh::Mesh;
use super::mesh::host::service_namespace;
use super::mesh::served::{Unserved, unserved};
use super::names::{KnownNames, covers, host_in, patterns_over};
use super::selection::Selection;
use super::servers::MeantServers;
use super::view::{ClientTls, Destination, Plugin, Route, Server, Workload, entry_hosts};
use super::{Kind, Manifest};
use std::collections::{BTreeSet, HashMap, HashSet};

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
    /// The hosts to which a gateway sends requests, and the names and patterns by which they are defined.
    through_gateway: HashSet<String>,
    /// The hosts that callers are routed for, and those to which they are.
    in_mesh: HashSet<String>,
    /// Positions of routes and of their destinations, by host.
    leading_to: HashMap<String, Vec<(usize, usize)>>,
    /// The DestinationRules, by host.
    rules: HashMap<String, Vec<&'a Manifest>>,
    /// DestinationRules for hosts that are probably misspelt, each with the host that was meant.
    pub(crate) misspelt_rules: Vec<(&'a Manifest, String)>,
    /// Hosts of VirtualServices that no server takes.
    pub(crate) unserved: Vec<Unserved<'a>>,
    /// Their positions, by the `NAMESPACE/NAME` of the VirtualService.
    unserved_of: HashMap<String, Vec<usize>>,
    /// The servers for the hosts of VirtualServices.
    meant_servers: MeantServers,
    /// Positions of TLS settings, by host.
    tls_of: HashMap<String, Vec<usize>>,
    /// The hosts with a DestinationRule that has a tunnel.
    tunnels: HashSet<String>,
    /// What proxies see.
    pub(crate) mesh: Mesh<'a>,
    /// The hosts to which routes of the Gateway API lead.
    by_gateway_api: HashSet<&'a str>,
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
        let client_tls: Vec<_> = manifests.iter().flat_map(ClientTls::of).collect();
        let mesh = Mesh::new(manifests, &servers, &routes, &client_tls, &workloads);
        let at_gateway = routes.iter().filter(|route| route.is_at_gateway()).flat_map(|route| &route.destinations);
        let named = at_gateway.flat_map(|to| {
            let defined = mesh.hosts(&to.host).into_iter().map(|host| host.name.clone());
            defined.chain([to.host.clone()]).collect::<Vec<_>>()
        });
        let through_gateway = named.collect();
        let mut tls_of: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, tls) in client_tls.iter().enumerate() {
            tls_of.entry(tls.host.clone()).or_default().push(at);
        }
        let mut leading_to: HashMap<String, Vec<(usize, usize)>> = HashMap::new();
        for (at, route) in routes.iter().enumerate() {
            for (position, to) in route.destinations.iter().enumerate() {
                leading_to.entry(to.host.clone()).or_default().push((at, position));
            }
        }
        // A Gateway whose pods are not known is taken to be where its pods are.
        let at_home = of(Kind::Gateway).flat_map(|gateway| {
            let homes = mesh.gateways.homes(&gateway.qualified());
            let homes: Vec<_> = homes.map_or(vec![gateway.namespace.as_str()], |homes| homes.iter().copied().collect());
            homes.into_iter().map(move |home| (home, gateway))
        });
        let mut rules: HashMap<String, Vec<&'a Manifest>> = HashMap::new();
        for rule in of(Kind::DestinationRule) {
            let Some(host) = rule.spec().text_at(&["host"]) else { continue };
            rules.entry(host_in(&rule.namespace, host)).or_default().push(rule);
        }
        let known = mesh.names().chain(leading_to.keys().map(String::as_str));
        let misspelt_rules = misspelt(&rules, known.collect());
        let unserved = unserved(manifests, &mesh, &routes, &client_tls);
        let mut unserved_of: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, one) in unserved.iter().enumerate() {
            unserved_of.entry(one.route.qualified()).or_default().push(at);
        }
        let deciding = plugins.iter().filter(|plugin| plugin.enforces_rules()).map(|plugin| plugin.manifest);
        Self {
            gateways: Selection::new(at_home, &workloads),
            policies: Selection::new(deciding.chain(of(Kind::AuthorizationPolicy)).map(placed), &workloads),
            extensions: Selection::new(plugins.iter().map(|plugin| placed(plugin.manifest)), &workloads),
            unserved,
            unserved_of,
            meant_servers: MeantServers::new(&servers, &routes),
            rules,
            misspelt_rules,
            client_tls,
            routed: routes.iter().flat_map(|route| route.gateways.iter().cloned()).collect(),
            through_gateway,
            in_mesh: in_mesh(&routes),
            leading_to,
            tls_of,
            tunnels: of(Kind::DestinationRule).filter_map(tunnel).collect(),
            manifests,
            plugins,
            servers,
            routes,
            workloads,
            external,
            mesh,
            by_gateway_api: of(Kind::HTTPRoute)
                .flat_map(|route| route.spec().descendants())
                .flat_map(|node| node.items_at(&["backendRefs"]))
                .filter_map(|backend| backend.text_at(&["name"]))
                .collect(),
        }
    }

    pub(crate) fn of(&self, kind: Kind) -> impl Iterator<Item = &'a Manifest> {
        self.manifests.iter().filter(move |manifest| manifest.kind == kind)
    }

    /// Whether a ServiceEntry says that the host is outside the mesh.
    pub(crate) fn is_external(&self, host: &str) -> bool {
        self.external.contains(host) || patterns_over(host).any(|pattern| self.external.contains(pattern.as_str()))
    }

    /// Whether a route of the Gateway API leads to the host.
    pub(crate) fn is_routed_by_gateway_api(&self, host: &str) -> bool {
        self.by_gateway_api.contains(host)
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
                || own.iter().any(|entry| {
                    let addresses = entry.spec().items_at(&["addresses"]).iter().filter_map(|address| address.text());
                    entry_hosts(entry).chain(addresses).any(|own| own == host || covers(own, host))
                })
        };
        route.hosts.iter().map(|(_, host)| host.as_str()).find(|host| !is_own(host))
    }

    /// Whether a DestinationRule sends connections to this destination through a tunnel.
    fn is_tunnel(&self, to: &Destination<'_>) -> bool {
        self.tunnels.contains(&to.host)
    }

    /// Whether a route of callers is for the host, or leads to it.
    pub(crate) fn is_routed_in_mesh(&self, host: &str) -> bool {
        self.in_mesh.contains(host) || patterns_over(host).any(|pattern| self.in_mesh.contains(&pattern))
    }

    /// The destinations that are this host, with their routes.
    pub(crate) fn leading_to(&self, host: &str) -> impl Iterator<Item = (&Route<'a>, &Destination<'a>)> {
        let places = self.leading_to.get(host).into_iter().flatten();
        places.filter_map(|(route, to)| {
            let route = self.routes.get(*route)?;
            Some((route, route.destinations.get(*to)?))
        })
    }

    /// The servers at which a manifest is enforced: those of the Gateways on its pods. One for all pods of the mesh is for
    /// sidecars first of all, and for the gateways of its own namespace.
    pub(crate) fn servers_under(&self, manifest: &'a Manifest) -> Vec<Server<'a>> {
        let gateways = match manifest.selects_some_pods() {
            true => self.gateways.overlapping(manifest),
            false => self.gateways.overlapping_at_home(manifest),
        };
        gateways.into_iter().flat_map(Server::of).collect()
    }

    /// The DestinationRules that are written for this host.
    pub(crate) fn rules_of(&self, host: &str) -> &[&'a Manifest] {
        self.rules.get(host).map_or(&[][..], Vec::as_slice)
    }

    /// Whether a rule was probably meant to be for this host, and is for none.
    pub(crate) fn has_misspelt_rule(&self, host: &str) -> bool {
        self.misspelt_rules.iter().any(|(_, meant)| meant == host)
    }

    /// The host of the rules that apply to this one: itself, or the most specific pattern. A Service's has the cluster's domain.
    pub(crate) fn ruling_host(&self, host: &str) -> Option<String> {
        let of_cluster =
            ["*.cluster.local", "*.local"].map(str::to_owned).into_iter().filter(|_| host.ends_with(".svc"));
        let patterns = patterns_over(host).filter(|over| over != "*").chain(of_cluster).chain(["*".to_owned()]);
        [host.to_owned()].into_iter().chain(patterns).find(|over| self.rules.contains_key(over))
    }

    /// The hosts of a VirtualService that no server takes, so that what it says of them is not to be believed.
    pub(crate) fn unserved_hosts(&self, route: &Manifest) -> impl Iterator<Item = &str> {
        let own = self.unserved_of.get(&route.qualified()).into_iter().flatten();
        own.filter_map(|at| self.unserved.get(*at)).map(|one| one.host.as_str()).filter(|host| !host.is_empty())
    }

    /// The servers of a Gateway for the hosts of a route's VirtualService; `None` if the Gateway is not here, or the
    /// VirtualService not for it.
    pub(crate) fn servers_meant(&self, route: &Route<'a>, gateway: &str) -> Option<impl Iterator<Item = &Server<'a>>> {
        let positions = self.meant_servers.get(route, gateway)?;
        Some(positions.iter().filter_map(|at| self.servers.get(*at)))
    }

    /// The TLS settings that are written for this host.
    pub(crate) fn client_tls_of(&self, host: &str) -> impl Iterator<Item = &ClientTls<'a>> {
        self.tls_of.get(host).into_iter().flatten().filter_map(|at| self.client_tls.get(*at))
    }

    /// Whether a gateway passes connections on to the host, which may be a pattern, without reading requests.
    pub(crate) fn is_passed_on(&self, host: &str) -> bool {
        self.leading_to(host).any(|(route, _)| route.is_at_gateway() && !route.is_http())
    }

    /// Whether a gateway sends requests to the host, which may be a pattern.
    pub(crate) fn is_behind_gateway(&self, host: &str) -> bool {
        self.through_gateway.contains(host)
    }
}

/// MESH_EXTERNAL is Istio's default.
fn is_outside(entry: &Manifest) -> bool {
    entry.spec().text_at(&["location"]).is_none_or(|location| location == "MESH_EXTERNAL")
}

/// A manifest applies to pods of its own namespace.
fn placed(manifest: &Manifest) -> (&str, &Manifest) {
    (&manifest.namespace, manifest)
}

/// The hosts of the routes of callers, and their destinations.
fn in_mesh(routes: &[Route<'_>]) -> HashSet<String> {
    let routes = routes.iter().filter(|route| route.is_in_mesh());
    let hosts = routes.flat_map(|route| {
        let to = route.destinations.iter().map(|to| &to.host);
        route.hosts.iter().map(|(_, host)| host).chain(to)
    });
    hosts.cloned().collect()
}

/// Rules for hosts that are not known, and near to one that is and has no rule. A Service's is one of the same namespace.
fn misspelt<'a>(rules: &HashMap<String, Vec<&'a Manifest>>, known: BTreeSet<&str>) -> Vec<(&'a Manifest, String)> {
    let is_known = |host: &str| known.contains(host) || patterns_over(host).any(|over| known.contains(over.as_str()));
    let names = KnownNames::new(known.iter().copied());
    let mut misspelt: Vec<_> = rules
        .iter()
        .filter(|(host, _)| !host.starts_with('*') && !is_known(host))
        .filter_map(|(host, own)| {
            let may_be = |name: &str| !rules.contains_key(name) && service_namespace(name) == service_namespace(host);
            let near = names.meant(host, may_be)?;
            Some(own.iter().map(|rule| (*rule, near.to_owned())))
        })
        .flatten()
        .collect();
    misspelt.sort_by_key(|(rule, _)| (rule.file, rule.title().span.start));
    misspelt
}

/// The host of a DestinationRule that has a tunnel, for all or for a subset.
fn tunnel(rule: &Manifest) -> Option<String> {
    rule.spec().descendants().find(|node| node.get("tunnel").is_some())?;
    Some(host_in(&rule.namespace, rule.spec().text_at(&["host"])?))
}
