//! Hosts of routes that no server of a gateway takes, so that the routes never apply there.

use super::Mesh;
use crate::import::names::{covers, host_in, meant};
use crate::import::view::{ClientTls, Destination, Route, Server, routed_at};
use crate::import::{Kind, Manifest};
use crate::yaml::tree::Node;
use std::collections::{BTreeSet, HashMap};

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
    /// No server has it.
    Absent { hosts: Vec<&'a str> },
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

    fn takes(&self, route: &Manifest, host: &str) -> bool {
        self.namespace.is_none_or(|own| own == route.namespace) && self.is_for(host)
    }
}

/// What is written of hosts, besides the servers.
struct Written<'s, 'a> {
    mesh: &'s Mesh<'a>,
    /// The hosts of the servers, by `NAMESPACE/NAME` of the Gateway.
    served: HashMap<String, Vec<Served<'a>>>,
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

    fn of<'w>(&'w self, gateways: impl IntoIterator<Item = &'w String>) -> Vec<&'w Served<'a>> {
        gateways.into_iter().filter_map(|name| self.served.get(name)).flatten().collect()
    }

    /// Why a host is not taken by these servers.
    fn why(&self, host: &str, servers: &[&Served<'a>]) -> Why<'a> {
        if let Some(namespace) = servers.iter().filter(|own| own.is_for(host)).find_map(|own| own.namespace) {
            return Why::OfNamespace { namespace };
        }
        let near = meant(host, servers.iter().map(|own| own.host.as_str()));
        match near.and_then(|near| servers.iter().find(|own| own.host == near)) {
            Some(own) if self.is_right(host, own) => Why::MisspeltAtServer { file: own.file, node: own.node },
            Some(own) => Why::Misspelt { meant: own.text },
            None => {
                let all: BTreeSet<&str> = servers.iter().map(|own| own.text).collect();
                Why::Absent { hosts: all.into_iter().collect() }
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
    let served = gateways.map(|gateway| (gateway.qualified(), Served::of(gateway).collect())).collect();
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
    let servers = written.of(named.iter().copied());
    let hosts = hosts(route);
    let is_taken = |host: &str| servers.iter().any(|own| own.takes(route, host));
    let some_taken = hosts.iter().any(|(_, host)| is_taken(host));
    let mut found = Vec::new();
    for (node, host) in hosts.iter().filter(|(_, host)| !is_taken(host)) {
        let why = written.why(host, &servers);
        // With callers a host may be for them alone.
        let is_for_callers = is_in_mesh && matches!(&why, Why::Absent { .. }) && (some_taken || hosts.len() > 1);
        // A near host that the VirtualService has as well is another one.
        let is_another =
            is_in_mesh && matches!(&why, Why::Misspelt { meant } if hosts.iter().any(|(_, own)| own == meant));
        if !(servers.is_empty() || is_for_callers || is_another) {
            found.push(Unserved { route, node, host: host.clone(), gateway: (*first).clone(), why });
        }
    }
    let items = route.spec().items_at(&["gateways"]).iter().filter(|node| node.text() != Some("mesh"));
    for (node, name) in items.zip(&named).filter(|_| some_taken) {
        let servers = written.of([*name]);
        let takes = |own: &&Served<'_>| hosts.iter().any(|(_, host)| own.takes(route, host));
        if !servers.is_empty() && !servers.iter().any(takes) {
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
    let servers = written.of(&gateways);
    let is_taken = |host: &str| servers.iter().any(|own| own.is_for(host));
    let own: Vec<_> = route.hosts.iter().map(|(_, host)| host.as_str()).collect();
    let (node, host) = route.hosts.iter().find(|(_, host)| !is_taken(host))?;
    let why = written.why(host, &servers);
    let is_near = match &why {
        Why::Misspelt { meant } => !own.contains(meant),
        Why::MisspeltAtServer { .. } => true,
        _ => false,
    };
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
