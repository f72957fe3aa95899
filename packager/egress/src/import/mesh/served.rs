//! Hosts of routes that no server of a gateway takes, so that the routes never apply there.

use super::Mesh;
use crate::import::names::{KnownNames, covers, host_in, patterns_over};
use crate::import::view::{ClientTls, Destination, Route, Server, routed_at};
use crate::import::{Kind, Manifest};
use crate::yaml::tree::Node;
use std::collections::{BTreeSet, HashMap, HashSet};

/// A host of a VirtualService that no server takes.
pub(crate) struct Unserved<'a> {
    pub(crate) route: &'a Manifest,
    /// Where the VirtualService has the host, or the Gateway.
    pub(crate) node: &'a Node,
    /// Empty if it is about the Gateway.
    pub(crate) host: String,
    /// `NAMESPACE/NAME` of the Gateway, the first one if there are several.
    pub(crate) gateway: String,
    pub(crate) why: Why<'a>,
}

/// Why a host is not taken.
pub(crate) enum Why<'a> {
    /// No server has it. Some of the hosts that they have, and how many more there are.
    Absent { hosts: Vec<&'a str>, more: usize },
    /// A server has one that was probably meant.
    Misspelt { meant: &'a str },
    /// A server has probably misspelt it.
    MisspeltAtServer { file: usize, node: &'a Node },
    /// Servers have it for VirtualServices of this namespace.
    OfNamespace { namespace: &'a str },
    /// The Gateway has servers for none of the hosts; others have.
    OtherGateways,
}

/// A host of a server, without the namespace before it.
struct Served<'a> {
    file: usize,
    node: &'a Node,
    text: &'a str,
    /// As Istio compares it.
    host: String,
    /// The only namespace whose VirtualServices it takes.
    namespace: Option<&'a str>,
}

impl<'a> Served<'a> {
    fn of(gateway: &'a Manifest) -> impl Iterator<Item = Self> {
        Server::of(gateway).flat_map(|server| server.hosts).filter_map(move |(node, text)| {
            let prefix = node.text()?.split_once('/').map(|(namespace, _)| namespace);
            let namespace = match prefix {
                Some(".") => Some(gateway.namespace.as_str()),
                other => other.filter(|name| *name != "*"),
            };
            Some(Self { file: gateway.file, node, text, host: host_in(&gateway.namespace, text), namespace })
        })
    }

    fn is_for(&self, host: &str) -> bool {
        self.host == host || covers(&self.host, host) || covers(host, &self.host)
    }

    fn takes(&self, route: &Manifest) -> bool {
        self.namespace.is_none_or(|own| own == route.namespace)
    }
}

/// More hosts of a Gateway are not listed.
const MOST_LISTED: usize = 10;

/// The hosts of the servers of one Gateway.
struct OfGateway<'a> {
    all: Vec<Served<'a>>,
    /// Positions in `all`.
    by_host: HashMap<String, Vec<usize>>,
    names: KnownNames<'a>,
    texts: BTreeSet<&'a str>,
}

impl<'a> OfGateway<'a> {
    fn of(gateway: &'a Manifest) -> Self {
        let all: Vec<_> = Served::of(gateway).collect();
        let mut by_host: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, own) in all.iter().enumerate() {
            by_host.entry(own.host.clone()).or_default().push(at);
        }
        let texts: BTreeSet<_> = all.iter().map(|own| own.text).collect();
        Self { names: KnownNames::new(texts.iter().copied()), all, by_host, texts }
    }

    /// The hosts of servers that are for this one, which may be a pattern.
    fn serving(&self, host: &str) -> Vec<&Served<'a>> {
        if host.starts_with('*') {
            return self.all.iter().filter(|own| own.is_for(host)).collect();
        }
        let patterns = patterns_over(host).filter_map(|pattern| self.by_host.get(&pattern)).flatten();
        let own: Vec<usize> = self.by_host.get(host).into_iter().flatten().chain(patterns).copied().collect();
        own.into_iter().filter_map(|at| self.all.get(at)).collect()
    }
}

/// What is written of hosts, besides the servers.
struct Written<'s, 'a> {
    mesh: &'s Mesh<'a>,
    /// The hosts of the servers, by `NAMESPACE/NAME` of the Gateway.
    served: HashMap<String, OfGateway<'a>>,
    /// How many VirtualServices and server names of callers have a host.
    by_host: HashMap<String, usize>,
}

impl<'a> Written<'_, 'a> {
    /// Whether a server's host is likelier to be misspelt than this one of a VirtualService.
    fn is_right(&self, host: &str, served: &Served<'a>) -> bool {
        let is_defined = |host: &str| self.mesh.hosts(host).into_iter().any(|own| own.name == host);
        let count = |host: &str| self.by_host.get(host).copied().unwrap_or_default();
        let is_known = is_defined(host) || count(host) > 1;
        is_known && !is_defined(&served.host) && count(&served.host) == 0
    }

    fn of<'w>(&'w self, gateways: impl IntoIterator<Item = &'w String>) -> Vec<&'w OfGateway<'a>> {
        gateways.into_iter().filter_map(|name| self.served.get(name)).collect()
    }

    /// Why a host of a VirtualService is not taken by these Gateways. A near host that the VirtualService has as well, as
    /// `own` says, is another one.
    fn why(&self, host: &str, gateways: &[&OfGateway<'a>], own: &HashSet<&str>) -> Why<'a> {
        let mut serving = gateways.iter().flat_map(|gateway| gateway.serving(host));
        if let Some(namespace) = serving.find_map(|own| own.namespace) {
            return Why::OfNamespace { namespace };
        }
        let near = gateways.iter().find_map(|gateway| {
            let near = gateway.names.meant(host, |name| !own.contains(name))?;
            gateway.all.iter().find(|own| own.text == near)
        });
        match near {
            Some(own) if self.is_right(host, own) => Why::MisspeltAtServer { file: own.file, node: own.node },
            Some(own) => Why::Misspelt { meant: own.text },
            None => {
                let listed = gateways.iter().flat_map(|gateway| gateway.texts.iter().take(MOST_LISTED));
                let listed: BTreeSet<&str> = listed.copied().collect();
                let hosts: Vec<_> = listed.into_iter().take(MOST_LISTED).collect();
                let count = gateways.iter().map(|gateway| gateway.texts.len()).sum::<usize>();
                let more = if count > MOST_LISTED { count.saturating_sub(hosts.len()) } else { 0 };
                Why::Absent { hosts, more }
            }
        }
    }
}

/// Every host that is not taken, where all Gateways that it is for are here.
pub(in crate::import) fn unserved<'a>(
    manifests: &'a [Manifest],
    mesh: &Mesh<'a>,
    routes: &[Route<'a>],
    client_tls: &[ClientTls<'a>],
) -> Vec<Unserved<'a>> {
    let services = || manifests.iter().filter(|manifest| manifest.kind == Kind::VirtualService);
    let mut by_host: HashMap<String, usize> = HashMap::new();
    let names = client_tls.iter().filter_map(|tls| tls.node.text_at(&["sni"])).map(str::to_owned);
    for host in services().flat_map(hosts).map(|(_, host)| host).chain(names) {
        let count = by_host.entry(host).or_default();
        *count = count.saturating_add(1);
    }
    let gateways = manifests.iter().filter(|manifest| manifest.kind == Kind::Gateway);
    let served = gateways.map(|gateway| (gateway.qualified(), OfGateway::of(gateway))).collect();
    let written = Written { mesh, served, by_host };
    let mut found: Vec<_> = services().flat_map(|route| of_gateways(&written, route)).collect();
    let place = |route: &Manifest| (route.file, route.title().span.start);
    let known: BTreeSet<_> = found.iter().map(|one| place(one.route)).collect();
    let of_callers = routes.iter().filter(|route| !known.contains(&place(route.manifest)));
    found.extend(of_callers.filter_map(|route| behind_service(&written, route)));
    found
}

fn hosts(route: &Manifest) -> Vec<(&Node, String)> {
    let hosts = route.spec().items_at(&["hosts"]).iter();
    hosts.filter_map(|node| Some((node, host_in(&route.namespace, node.text()?)))).collect()
}

/// Of a VirtualService that names Gateways.
fn of_gateways<'a>(written: &Written<'_, 'a>, route: &'a Manifest) -> Vec<Unserved<'a>> {
    let places = routed_at(route);
    let is_in_mesh = places.iter().any(|place| place == "mesh");
    let named: Vec<_> = places.iter().filter(|place| *place != "mesh").collect();
    let are_here = named.iter().all(|name| written.served.contains_key(*name));
    let Some(first) = named.first().filter(|_| are_here) else { return Vec::new() };
    let served = written.of(named.iter().copied());
    let are_empty = |gateways: &[&OfGateway<'_>]| gateways.iter().all(|gateway| gateway.all.is_empty());
    let hosts = hosts(route);
    let own: HashSet<&str> = hosts.iter().map(|(_, host)| host.as_str()).collect();
    let takes = |gateway: &OfGateway<'_>, host: &str| gateway.serving(host).iter().any(|own| own.takes(route));
    let is_taken = |host: &str| served.iter().any(|gateway| takes(gateway, host));
    let some_taken = hosts.iter().any(|(_, host)| is_taken(host));
    let mut found = Vec::new();
    for (node, host) in hosts.iter().filter(|(_, host)| !is_taken(host)) {
        let why = written.why(host, &served, &own);
        // With callers a host may be for them alone.
        let is_for_callers = is_in_mesh && matches!(&why, Why::Absent { .. }) && (some_taken || hosts.len() > 1);
        if !(are_empty(&served) || is_for_callers) {
            found.push(Unserved { route, node, host: host.clone(), gateway: (*first).clone(), why });
        }
    }
    let items = route.spec().items_at(&["gateways"]).iter().filter(|node| node.text() != Some("mesh"));
    // A host that no server takes is likely the one for such a Gateway.
    let is_said = !found.is_empty();
    for (node, name) in items.zip(&named).filter(|_| some_taken && !is_said) {
        let served = written.of([*name]);
        let some_here = hosts.iter().any(|(_, host)| served.iter().any(|gateway| takes(gateway, host)));
        if !are_empty(&served) && !some_here {
            let (host, gateway) = (String::new(), (*name).clone());
            found.push(Unserved { route, node, host, gateway, why: Why::OtherGateways });
        }
    }
    found
}

/// Of a route of callers that leads to a gateway's Service, if one of the gateway's hosts is near.
fn behind_service<'a>(written: &Written<'_, 'a>, route: &Route<'a>) -> Option<Unserved<'a>> {
    let to = route.destinations.iter().find(|to| route.is_in_mesh() && route.authority(to).is_none())?;
    let gateways: Vec<String> = written.mesh.gateways.behind(&to.host).map(Manifest::qualified).collect();
    let served = written.of(&gateways);
    let is_taken = |host: &str| served.iter().any(|gateway| !gateway.serving(host).is_empty());
    let (node, host) = route.hosts.iter().find(|(_, host)| !is_taken(host))?;
    let own: HashSet<&str> = route.hosts.iter().map(|(_, host)| host.as_str()).collect();
    let why = written.why(host, &served, &own);
    let is_near = matches!(why, Why::Misspelt { .. } | Why::MisspeltAtServer { .. });
    let gateway = gateways.first()?.clone();
    is_near.then(|| Unserved { route: route.manifest, node, host: host.clone(), gateway, why })
}

impl<'a> Mesh<'a> {
    /// The servers that connections to a gateway's Service come to, of those for the hosts of the route.
    pub(crate) fn servers_at(&self, route: &Route<'a>, to: &Destination<'a>) -> Vec<Server<'a>> {
        let servers = self.gateways.behind(&to.host).flat_map(Server::of);
        let servers: Vec<_> =
            servers.filter(|server| route.hosts.iter().any(|(_, host)| server.is_for(host))).collect();
        let ports = self.ports(to);
        let Some((_, number)) = to.port() else { return servers };
        let is_there =
            |server: &Server<'_>| server.port == number || ports.iter().any(|port| port.target == server.port);
        // Where the Service is not here, it is not known what it maps the port to.
        let is_known = !ports.is_empty() || servers.iter().any(is_there);
        servers.into_iter().filter(|server| !is_known || is_there(server)).collect()
    }
}
