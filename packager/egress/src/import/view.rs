//! Parts of manifests, under the names that lints use.

use super::names::{covers, full_host, host_in, without_namespace};
use super::protocol::Protocol;
use super::{Kind, Manifest};
use crate::yaml::tree::{Entry, Node};
use std::sync::Arc;

/// A WasmPlugin, or a TrafficExtension with a module.
pub(crate) struct Plugin<'a> {
    pub(crate) manifest: &'a Manifest,
    /// The fields about the module, which both kinds have.
    pub(crate) wasm: &'a Node,
}

impl<'a> Plugin<'a> {
    pub(crate) fn of(manifest: &'a Manifest) -> Option<Self> {
        let wasm = match manifest.kind {
            Kind::WasmPlugin => manifest.spec(),
            Kind::TrafficExtension => manifest.spec().get("wasm")?,
            _ => return None,
        };
        Some(Self { manifest, wasm })
    }

    /// Whether this is Sallyport's filter, or another one with `rules` that refuse callers.
    pub(crate) fn enforces_rules(&self) -> bool {
        self.wasm.descend(&["pluginConfig", "rules"]).is_some()
    }

    /// Whether the plugin decides who may pass.
    pub(crate) fn decides_access(&self) -> bool {
        self.enforces_rules() || matches!(self.manifest.spec().text_at(&["phase"]), Some("AUTHN" | "AUTHZ"))
    }

    pub(crate) fn url(&self) -> Option<(&'a Node, &'a str)> {
        let node = self.wasm.get("url")?;
        Some((node, node.text()?))
    }

    /// Whether the module comes from a registry. A URL without a scheme does.
    pub(crate) fn is_image(&self) -> bool {
        self.url().is_some_and(|(_, url)| url.starts_with("oci://") || !url.contains("://"))
    }

    pub(crate) fn is_file(&self) -> bool {
        self.url().is_some_and(|(_, url)| url.starts_with("file://"))
    }

    pub(crate) fn sha256(&self) -> Option<(&'a Node, &'a str)> {
        let node = self.wasm.get("sha256")?;
        Some((node, node.text().filter(|text| !text.is_empty())?))
    }
}

/// One server of an Istio Gateway.
pub(crate) struct Server<'a> {
    pub(crate) manifest: &'a Manifest,
    pub(crate) node: &'a Node,
    /// Hosts without the namespace prefix that a Gateway's hosts may have.
    pub(crate) hosts: Vec<(&'a Node, &'a str)>,
    pub(crate) port: &'a str,
    pub(crate) tls_mode: Option<&'a str>,
    protocol: &'a str,
}

/// What a server of a Gateway does with connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Serves {
    /// It reads requests: routes of `http` apply.
    Requests,
    /// It passes TLS on as it is: routes of `tls` apply.
    PassedTls,
    /// It passes bytes on, after it has ended TLS if it has a certificate: routes of `tcp` apply.
    Bytes,
}

impl Serves {
    /// The list of a VirtualService that applies.
    pub(crate) fn list(self) -> &'static str {
        match self {
            Self::Requests => "http",
            Self::PassedTls => "tls",
            Self::Bytes => "tcp",
        }
    }
}

impl<'a> Server<'a> {
    pub(crate) fn of(manifest: &'a Manifest) -> impl Iterator<Item = Self> {
        let servers = if manifest.kind == Kind::Gateway { manifest.spec().items_at(&["servers"]) } else { &[] };
        servers.iter().map(move |node| {
            let hosts = node.items_at(&["hosts"]).iter();
            Self {
                manifest,
                node,
                hosts: hosts.filter_map(|host| Some((host, without_namespace(host.text()?)))).collect(),
                port: node.text_at(&["port", "number"]).unwrap_or_default(),
                tls_mode: node.text_at(&["tls", "mode"]),
                protocol: node.text_at(&["port", "protocol"]).unwrap_or_default(),
            }
        })
    }

    /// `None` if the protocol is not known.
    pub(crate) fn serves(&self) -> Option<Serves> {
        let passes_tls = matches!(self.tls_mode, Some("PASSTHROUGH" | "AUTO_PASSTHROUGH"));
        match (self.protocol.to_ascii_uppercase().as_str(), Protocol::of(self.protocol)) {
            (_, Protocol::Http) => Some(Serves::Requests),
            (_, Protocol::Tls) if passes_tls => Some(Serves::PassedTls),
            ("HTTPS", _) => Some(Serves::Requests),
            (_, Protocol::Tls | Protocol::Tcp) => Some(Serves::Bytes),
            (_, Protocol::Detected) => None,
        }
    }

    /// Whether the server is for the host, which may be a pattern.
    pub(crate) fn is_for(&self, host: &str) -> bool {
        self.hosts.iter().any(|(_, own)| *own == host || covers(own, host) || covers(host, own))
    }

    /// Whether any host is served, so that the host of a caller shows nothing.
    pub(crate) fn is_for_any(&self) -> bool {
        self.hosts.iter().all(|(_, host)| *host == "*")
    }

    /// Whether callers can be asked for a certificate here.
    pub(crate) fn identifies_callers(&self) -> bool {
        const MODES: [&str; 3] = ["ISTIO_MUTUAL", "MUTUAL", "OPTIONAL_MUTUAL"];
        !self.is_plaintext() && self.tls_mode.is_some_and(|mode| MODES.contains(&mode))
    }

    /// Whether callers need the mesh's own mutual TLS.
    pub(crate) fn is_mutual(&self) -> bool {
        !self.is_plaintext() && self.tls_mode == Some("ISTIO_MUTUAL")
    }

    /// Whether the protocol has no TLS, whatever `tls` says.
    pub(crate) fn is_plaintext(&self) -> bool {
        matches!(Protocol::of(self.protocol), Protocol::Http | Protocol::Tcp)
    }

    pub(crate) fn redirects_to_https(&self) -> bool {
        self.node.text_at(&["tls", "httpsRedirect"]) == Some("true")
    }
}

/// TLS settings of a DestinationRule: for all ports, one port or a subset.
pub(crate) struct ClientTls<'a> {
    pub(crate) manifest: &'a Manifest,
    pub(crate) host: String,
    /// The `tls` mapping.
    pub(crate) node: &'a Node,
    pub(crate) mode: &'a str,
    /// The only port that it is for.
    pub(crate) port: Option<&'a str>,
    /// The only subset that it is for.
    pub(crate) subset: Option<&'a str>,
}

impl<'a> ClientTls<'a> {
    pub(super) fn of(manifest: &'a Manifest) -> Vec<Self> {
        let spec = manifest.spec();
        let host = spec.text_at(&["host"]).filter(|_| manifest.kind == Kind::DestinationRule);
        let Some(host) = host.map(|host| host_in(&manifest.namespace, host)) else { return Vec::new() };
        let subsets = spec.items_at(&["subsets"]).iter();
        let of_subsets = subsets.filter_map(|subset| Some((subset.text_at(&["name"]), subset.get("trafficPolicy")?)));
        let policies = of_subsets.chain(spec.get("trafficPolicy").map(|policy| (None, policy)));
        let levels = policies.flat_map(|(subset, policy)| {
            let ports = policy.items_at(&["portLevelSettings"]).iter();
            let ports = ports.map(move |level| (subset, level.text_at(&["port", "number"]), level));
            ports.chain([(subset, None, policy)])
        });
        let tls = levels.filter_map(|(subset, port, level)| Some((subset, port, level.get("tls")?)));
        tls.map(|(subset, port, node)| {
            let mode = node.text_at(&["mode"]).unwrap_or("DISABLE");
            Self { manifest, host: host.clone(), node, mode, port, subset }
        })
        .collect()
    }

    /// Whether the proxy originates TLS with settings of the file, not with the mesh's certificates.
    pub(crate) fn originates(&self) -> bool {
        matches!(self.mode, "SIMPLE" | "MUTUAL")
    }

    /// The settings that connections to a subset and a port get by a rule, as Istio merges them: those of a port stand for all
    /// that is written around them.
    pub(crate) fn applied<'n>(rule: &'n Manifest, subset: Option<&str>, port: &str) -> Option<&'n Node> {
        let spec = rule.spec();
        let mut subsets = spec.items_at(&["subsets"]).iter();
        let of_subset = subset.and_then(|name| subsets.find(|one| one.text_at(&["name"]) == Some(name)));
        let of_subset = of_subset.and_then(|one| one.get("trafficPolicy"));
        for policy in of_subset.into_iter().chain(spec.get("trafficPolicy")) {
            let mut levels = policy.items_at(&["portLevelSettings"]).iter();
            if let Some(level) = levels.find(|level| level.text_at(&["port", "number"]) == Some(port)) {
                return level.get("tls");
            }
            if let Some(tls) = policy.get("tls") {
                return Some(tls);
            }
        }
        None
    }

    /// Whether these settings may be those of a destination: for its port and subset, or for all.
    pub(crate) fn may_be_for(&self, to: &Destination<'_>) -> bool {
        self.host == to.host
            && to.port().is_none_or(|(_, number)| self.port.is_none_or(|own| own == number))
            && self.subset.is_none_or(|own| to.node.text_at(&["subset"]) == Some(own))
    }
}

/// One route of a VirtualService.
pub(crate) struct Route<'a> {
    pub(crate) manifest: &'a Manifest,
    pub(crate) node: &'a Node,
    /// Which list the route is in: `http`, `tls` or `tcp`.
    pub(crate) list: &'static str,
    /// The hosts of the VirtualService.
    pub(crate) hosts: Arc<[(&'a Node, String)]>,
    /// Where the route applies: `mesh`, or `NAMESPACE/NAME` of Gateways.
    pub(crate) gateways: Vec<String>,
    /// Whether a match of the route has no `gateways` of its own.
    pub(crate) matches_any_gateway: bool,
    pub(crate) destinations: Vec<Destination<'a>>,
}

pub(crate) struct Destination<'a> {
    pub(crate) node: &'a Node,
    pub(crate) host: String,
    /// The item of `route` that it is in.
    pub(crate) item: &'a Node,
}

impl<'a> Destination<'a> {
    /// The place and text of its port number.
    pub(crate) fn port(&self) -> Option<(&'a Node, &'a str)> {
        let node = self.node.descend(&["port", "number"])?;
        Some((node, node.text()?))
    }

    /// Its host as Istio's objects have it, with the domain of the cluster.
    pub(crate) fn full_host(&self) -> String {
        full_host(&self.host, self.place().text().unwrap_or_default())
    }

    /// Where to report what is wrong with its host.
    pub(crate) fn place(&self) -> &'a Node {
        self.node.get("host").unwrap_or(self.node)
    }
}

impl<'a> Route<'a> {
    pub(crate) fn of(manifest: &'a Manifest) -> Vec<Self> {
        if manifest.kind != Kind::VirtualService {
            return Vec::new();
        }
        let routes = ["http", "tls", "tcp"].into_iter();
        let nodes = routes.flat_map(|list| manifest.spec().items_at(&[list]).iter().map(move |node| (list, node)));
        let hosts = manifest.spec().items_at(&["hosts"]).iter();
        let hosts: Arc<[_]> =
            hosts.filter_map(|host| Some((host, host_in(&manifest.namespace, host.text()?)))).collect();
        nodes.map(|(list, node)| Self::from(manifest, &hosts, list, node)).collect()
    }

    fn from(manifest: &'a Manifest, hosts: &Arc<[(&'a Node, String)]>, list: &'static str, node: &'a Node) -> Self {
        let namespace = manifest.namespace.as_str();
        let matches = node.items_at(&["match"]);
        let matches_any_gateway = matches.is_empty() || matches.iter().any(|one| one.get("gateways").is_none());
        let named = matches.iter().flat_map(|one| gateways(namespace, one).unwrap_or_default());
        let gateways = if matches_any_gateway { routed_at(manifest) } else { named.collect() };
        let routes = node.items_at(&["route"]).iter().filter_map(|item| Some((item, item.get("destination")?)));
        Self {
            manifest,
            node,
            list,
            hosts: Arc::clone(hosts),
            gateways,
            matches_any_gateway,
            destinations: routes
                .filter_map(|(item, node)| {
                    Some(Destination { node, host: host_in(namespace, node.text_at(&["host"])?), item })
                })
                .collect(),
        }
    }

    pub(crate) fn is_http(&self) -> bool {
        self.list == "http"
    }

    /// The `Host` that a destination gets, if the route sets it.
    pub(crate) fn authority(&self, to: &Destination<'a>) -> Option<&'a str> {
        let set = [self.node, to.item].into_iter().filter_map(|node| node.descend(&["headers", "request", "set"]));
        let is_host = |name: &str| name.eq_ignore_ascii_case("host") || name == ":authority";
        let mut set = set.flat_map(Node::entries).filter(|entry| is_host(&entry.key.name));
        let rewritten = self.node.text_at(&["rewrite", "authority"]);
        rewritten.or_else(|| set.next().and_then(|entry| entry.value.text()))
    }

    /// The ports that the route is for at a Gateway, or at `mesh`; `None` for all.
    pub(crate) fn ports_at(&self, gateway: &str) -> Option<Vec<&'a str>> {
        let namespace = self.manifest.namespace.as_str();
        let matches = self.node.items_at(&["match"]).iter();
        let here =
            matches.filter(|one| gateways(namespace, one).is_none_or(|names| names.iter().any(|name| name == gateway)));
        let ports: Option<Vec<_>> = here.map(|one| one.text_at(&["port"])).collect();
        ports.filter(|ports| !ports.is_empty())
    }

    pub(crate) fn is_in_mesh(&self) -> bool {
        self.gateways.iter().any(|gateway| gateway == "mesh")
    }

    pub(crate) fn is_at_gateway(&self) -> bool {
        self.gateways.iter().any(|gateway| gateway != "mesh")
    }
}

/// Where a match of a VirtualService applies.
pub(crate) fn matched_at(manifest: &Manifest, one: &Node) -> Vec<String> {
    gateways(&manifest.namespace, one).unwrap_or_else(|| routed_at(manifest))
}

/// Where a VirtualService applies: `mesh`, or `NAMESPACE/NAME` of Gateways.
pub(crate) fn routed_at(manifest: &Manifest) -> Vec<String> {
    gateways(&manifest.namespace, manifest.spec()).unwrap_or_else(|| vec!["mesh".to_owned()])
}

/// The `gateways` of a VirtualService or of a match; `None` if it has none.
fn gateways(namespace: &str, node: &Node) -> Option<Vec<String>> {
    let names = node.get("gateways")?.items().iter().filter_map(Node::text);
    Some(names.map(|name| qualified(namespace, name)).collect())
}

/// `mesh`, or the `NAMESPACE/NAME` of a Gateway that a VirtualService of this namespace names.
pub(crate) fn qualified(namespace: &str, name: &str) -> String {
    if name == "mesh" || name.contains('/') { name.to_owned() } else { format!("{namespace}/{name}") }
}

/// A gateway's pods, as their Deployment or an IstioOperator describes them.
pub(crate) struct Workload<'a> {
    pub(crate) manifest: &'a Manifest,
    /// Where to report a missing field.
    pub(crate) title: &'a Node,
    pub(crate) name: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) labels: &'a [Entry],
}

impl<'a> Workload<'a> {
    pub(super) fn of(manifest: &'a Manifest) -> Vec<Self> {
        let (name, namespace) = (manifest.name.as_str(), manifest.namespace.as_str());
        let spec = manifest.spec();
        match manifest.kind {
            Kind::Deployment => {
                let labels = spec.descend(&["template", "metadata", "labels"]).map_or(&[][..], Node::entries);
                vec![Self { manifest, title: manifest.title(), name, namespace, labels }]
            }
            Kind::IstioOperator => {
                let of = |list| spec.items_at(&["components", list]).iter();
                let components = of("egressGateways").chain(of("ingressGateways"));
                let workload = |node: &'a Node| Self {
                    manifest,
                    title: node.get("name").unwrap_or(node),
                    name: node.text_at(&["name"]).unwrap_or(name),
                    namespace: node.text_at(&["namespace"]).unwrap_or(namespace),
                    labels: node.get("label").map_or(&[][..], Node::entries),
                };
                components.map(workload).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The hosts of a ServiceEntry. Of a URL, which a lint of its own names, the host that is meant.
pub(crate) fn entry_hosts(entry: &Manifest) -> impl Iterator<Item = &str> {
    let texts = entry.spec().items_at(&["hosts"]).iter().filter_map(|host| host.text());
    texts.map(|text| match text.split_once("://") {
        Some((_, rest)) => rest.split(['/', ':', '?', '#']).next().unwrap_or(rest),
        None => text,
    })
}
