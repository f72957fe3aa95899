//! Which proxy sees which object, and where the pods of a gateway run.
//!
//! # Design
//! Every sidecar and gateway of Istio sees the objects that are exported to the namespace of its pod, wherever the
//! `Gateway` object is. Where a gateway's pods run is therefore taken from what shows it: a workload with its labels, a
//! Service that selects them, or a route of callers that leads to its Service. Where nothing shows it, it is not known, and
//! lints must not speak of what such a gateway sees.

pub(crate) mod gateway;
pub(crate) mod host;
pub(crate) mod scope;
pub(crate) mod served;
pub(crate) mod sidecar;

use super::names::{KnownNames, ROOT, patterns_over, service_host};
use super::view::{ClientTls, Destination, Route, Server, Workload};
use super::{Kind, Manifest};
use crate::wording::quoted;
use crate::yaml::tree::Node;
use gateway::Gateways;
use host::{Host, Port};
use scope::Scope;
use sidecar::Sidecars;
use std::collections::{BTreeSet, HashMap};

/// What proxies see of the manifests.
pub(crate) struct Mesh<'a> {
    pub(crate) gateways: Gateways<'a>,
    pub(crate) sidecars: Sidecars<'a>,
    hosts: Vec<Host<'a>>,
    by_name: HashMap<&'a str, Vec<usize>>,
    by_service: HashMap<String, Vec<usize>>,
    by_address: HashMap<&'a str, Vec<usize>>,
    /// The names of Services, by namespace.
    services: HashMap<&'a str, KnownNames<'a>>,
    /// The hosts of ServiceEntries.
    entries: KnownNames<'a>,
    /// The namespaces that something here is in.
    namespaces: BTreeSet<&'a str>,
    known_namespaces: KnownNames<'a>,
    /// The namespaces of ServiceEntries, and (with `true`) of Services.
    defining: BTreeSet<(bool, &'a str)>,
}

/// The pods that follow a route.
pub(crate) struct Follower<'a> {
    /// `NAMESPACE/NAME` of the Gateway; empty for the sidecars of callers.
    pub(crate) gateway: &'a str,
    pub(crate) namespace: &'a str,
}

impl<'a> Mesh<'a> {
    pub(super) fn new(
        manifests: &'a [Manifest],
        servers: &[Server<'a>],
        routes: &[Route<'a>],
        client_tls: &[ClientTls<'a>],
        workloads: &[Workload<'a>],
    ) -> Self {
        let hosts: Vec<_> = manifests.iter().flat_map(Host::of).collect();
        let (mut by_name, mut by_service, mut by_address) =
            (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
        for (at, host) in hosts.iter().enumerate() {
            match host.is_of_service() {
                true => by_service.entry(host.name.clone()).or_default().push(at),
                false => by_name.entry(host.written).or_default().push(at),
            }
            for address in host.manifest.spec().items_at(&["addresses"]).iter().filter_map(|address| address.text()) {
                by_address.entry(address).or_default().push(at);
            }
        }
        let gateways = Gateways::new(manifests, servers, routes, client_tls, workloads);
        let mut services: HashMap<&str, Vec<&str>> = HashMap::new();
        for host in hosts.iter().filter(|host| host.is_of_service()) {
            services.entry(&host.manifest.namespace).or_default().push(host.written);
        }
        let services = services.into_iter().map(|(home, names)| (home, KnownNames::new(names))).collect();
        let entries = KnownNames::new(hosts.iter().filter(|host| !host.is_of_service()).map(|host| host.written));
        let defining = hosts.iter().map(|host| (host.is_of_service(), host.manifest.namespace.as_str())).collect();
        let sidecars = Sidecars::new(manifests);
        let own = manifests.iter().map(|one| if one.kind == Kind::Namespace { &one.name } else { &one.namespace });
        let own = own.map(String::as_str).chain(workloads.iter().map(|pods| pods.namespace));
        let namespaces: BTreeSet<&str> = own.filter(|name| !name.is_empty()).collect();
        let known_namespaces = KnownNames::new(namespaces.iter().copied());
        Self {
            gateways,
            sidecars,
            hosts,
            by_name,
            by_service,
            by_address,
            services,
            entries,
            namespaces,
            known_namespaces,
            defining,
        }
    }

    /// The objects that define a host, which may be a pattern: by its name, else by the most specific pattern.
    pub(crate) fn hosts(&self, name: &str) -> Vec<&Host<'a>> {
        let exact = self.by_name.get(name).into_iter().chain(self.by_service.get(name)).flatten();
        let exact: Vec<_> = exact.filter_map(|at| self.hosts.get(*at)).collect();
        if !exact.is_empty() || name.starts_with('*') {
            return exact;
        }
        let pattern = patterns_over(name).find_map(|pattern| self.by_name.get(pattern.as_str()));
        pattern.into_iter().flatten().filter_map(|at| self.hosts.get(*at)).collect()
    }

    /// The ServiceEntries that have this as an address.
    pub(crate) fn at_address(&self, address: &str) -> Vec<&Host<'a>> {
        self.by_address.get(address).into_iter().flatten().filter_map(|at| self.hosts.get(*at)).collect()
    }

    /// The Service of the same namespace that was probably meant by a host for which there is none.
    pub(crate) fn meant_service(&self, host: &str) -> Option<String> {
        let home = host::service_namespace(host).filter(|_| self.hosts(host).is_empty())?;
        let written = host.split('.').next()?;
        let service = self.services.get(home)?.meant(written, |_| true)?;
        Some(service_host(service, home))
    }

    /// The host of a ServiceEntry that was probably meant by one for which there is none.
    pub(crate) fn meant_entry(&self, host: &str) -> Option<&'a str> {
        self.entries.meant(host, |_| true)
    }

    /// The names of all hosts.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().map(|host| host.name.as_str())
    }

    /// The namespaces in `exportTo` that are not here and near to one that is, each with that one. The object's own is written
    /// as `.`, so it is not what was meant.
    pub(crate) fn misspelt_exports<'s>(
        &'s self,
        manifest: &'a Manifest,
    ) -> impl Iterator<Item = (&'a Node, &'a str)> + 's {
        let listed = manifest.spec().items_at(&["exportTo"]).iter();
        listed.filter_map(|node| {
            let written = node.text().filter(|text| !matches!(*text, "." | "*" | "~"))?;
            if self.namespaces.contains(written) {
                return None;
            }
            Some((node, self.known_namespaces.meant(written, |name| name != manifest.namespace)?))
        })
    }

    /// Whether objects of this kind in a namespace are here.
    pub(crate) fn defines(&self, kind: Kind, namespace: &str) -> bool {
        self.defining.contains(&(kind == Kind::Service, namespace))
    }

    /// The ports of a host that a destination may lead to: the one that it names, or all.
    pub(crate) fn ports<'s>(&'s self, to: &Destination<'a>) -> Vec<&'s Port<'a>> {
        let ports = self.hosts(&to.host).into_iter().flat_map(|host| host.ports.iter());
        ports.filter(|port| to.port().is_none_or(|(_, number)| number == port.number)).collect()
    }

    /// Who follows a route, as far as it is known: gateways where their pods run, and callers of the VirtualService's own
    /// namespace, unless it is a gateway's.
    pub(crate) fn followers<'s>(&'s self, route: &'s Route<'a>) -> Vec<Follower<'s>> {
        let mut followers = Vec::new();
        for gateway in &route.gateways {
            if gateway == "mesh" {
                let namespace = route.manifest.namespace.as_str();
                if !self.gateways.run_in(namespace) {
                    followers.push(Follower { gateway: "", namespace });
                }
            } else {
                let homes = self.gateways.homes(gateway).into_iter().flatten();
                followers.extend(homes.map(|namespace| Follower { gateway, namespace }));
            }
        }
        followers
    }

    /// Whether a proxy in this namespace uses a DestinationRule for a host: one of its own namespace, of the host's, or of
    /// the mesh's.
    pub(crate) fn uses_rule(&self, namespace: &str, rule: &Manifest, host: &str) -> bool {
        let own = rule.namespace.as_str();
        let is_defined = self.hosts(host).into_iter().any(|host| host.manifest.namespace == own);
        let of_host = is_defined || host::service_namespace(host) == Some(own);
        own == namespace || ((of_host || own == ROOT) && Scope::of(rule).includes(namespace))
    }
}

impl Follower<'_> {
    /// Such as "the gateway `a/b` (pods in `c`)".
    pub(crate) fn title(&self) -> String {
        let namespace = quoted(self.namespace);
        match self.gateway {
            "" => format!("callers in {namespace}"),
            gateway => format!("the gateway {} (pods in {namespace})", quoted(gateway)),
        }
    }
}

#[cfg(test)]
mod tests;
