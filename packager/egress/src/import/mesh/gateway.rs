//! Where the pods of Gateways run, and the Services through which callers reach them.

use crate::import::names::{KnownNames, covers, patterns_over, service_host};
use crate::import::selection::has_labels;
use crate::import::view::{ClientTls, Destination, Route, Server, Workload};
use crate::import::{Kind, Manifest};
use crate::yaml::tree::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The Gateways, their pods and their Services.
#[derive(Default)]
pub(crate) struct Gateways<'a> {
    /// By `NAMESPACE/NAME`.
    by_name: HashMap<String, &'a Manifest>,
    /// By the name alone, in the order of the files.
    by_own_name: HashMap<&'a str, Vec<&'a Manifest>>,
    /// The names of those in a namespace.
    by_namespace: HashMap<&'a str, KnownNames<'a>>,
    /// The namespaces in which the pods of a Gateway run, by `NAMESPACE/NAME`, as far as something shows them.
    homes: HashMap<String, BTreeSet<&'a str>>,
    run_in: BTreeSet<&'a str>,
    /// The hosts that are served behind a Service of gateways, those that routes lead there first.
    served: HashMap<String, Vec<&'a str>>,
    /// The Gateways behind a Service, by their names.
    behind: HashMap<String, BTreeSet<String>>,
}

/// What labels show of Gateways, which no route refutes.
struct Proofs<'a> {
    /// Where the pods of Gateways run.
    by_labels: HashMap<String, BTreeSet<&'a str>>,
    /// By their hosts.
    services: HashMap<String, &'a Manifest>,
}

impl Proofs<'_> {
    /// Whether a Service in this namespace may be a Gateway's though no labels show it.
    fn may_lead(&self, gateway: &Manifest, service: &str, home: Option<&str>) -> bool {
        let is_elsewhere = self
            .by_labels
            .get(&gateway.qualified())
            .is_some_and(|homes| !homes.is_empty() && !home.is_some_and(|home| homes.contains(home)));
        let own = gateway.selected_labels();
        let is_of_others = self.services.get(service).is_some_and(|service| {
            let labels = service.selected_labels();
            let differs = |(key, value): (&str, &str)| texts(own).any(|(own, other)| own == key && other != value);
            labels.is_empty() || texts(labels).any(differs)
        });
        !is_elsewhere && !is_of_others
    }
}

/// The servers of all Gateways, by the hosts that they serve.
struct Servers<'s, 'a> {
    by_host: HashMap<&'a str, Vec<&'s Server<'a>>>,
}

impl<'a> Gateways<'a> {
    pub(super) fn new(
        manifests: &'a [Manifest],
        servers: &[Server<'a>],
        routes: &[Route<'a>],
        client_tls: &[ClientTls<'a>],
        workloads: &[Workload<'a>],
    ) -> Self {
        let mut gateways = Self::default();
        let mut by_namespace: HashMap<&str, Vec<&str>> = HashMap::new();
        for gateway in manifests.iter().filter(|manifest| manifest.kind == Kind::Gateway) {
            gateways.by_name.insert(gateway.qualified(), gateway);
            gateways.by_own_name.entry(&gateway.name).or_default().push(gateway);
            by_namespace.entry(gateway.namespace.as_str()).or_default().push(gateway.name.as_str());
        }
        gateways.by_namespace = by_namespace.into_iter().map(|(home, names)| (home, KnownNames::new(names))).collect();
        gateways.find_pods(workloads);
        gateways.find_services(manifests);
        let mut by_host: HashMap<&str, Vec<&Server<'a>>> = HashMap::new();
        // Copies of a Gateway in several files count once.
        let mut known: HashSet<(String, &str)> = HashSet::new();
        for server in servers {
            for (_, host) in &server.hosts {
                if known.insert((server.manifest.qualified(), host)) {
                    by_host.entry(host).or_default().push(server);
                }
            }
        }
        let servers = Servers { by_host };
        let services = manifests.iter().filter(|manifest| manifest.kind == Kind::Service);
        let proofs = Proofs {
            by_labels: gateways.homes.clone(),
            services: services.map(|service| (service.service_host(), service)).collect(),
        };
        gateways.follow_routes(routes, &servers, &proofs);
        for tls in client_tls.iter().filter(|tls| tls.mode == "ISTIO_MUTUAL" && tls.host.ends_with(".svc")) {
            let Some(sni) = tls.node.text_at(&["sni"]) else { continue };
            let serving = servers.of(sni).into_iter();
            for server in serving.filter(|server| server.tls_mode == Some("ISTIO_MUTUAL") && !server.is_for_any()) {
                let home = namespace_in(tls.manifest, tls.manifest.spec().text_at(&["host"]));
                if proofs.may_lead(server.manifest, &tls.host, home) {
                    gateways.add(server.manifest, tls.host.clone(), home);
                }
            }
        }
        gateways.list_served(&servers);
        gateways.run_in = gateways.homes.values().flatten().copied().collect();
        gateways
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a Manifest> {
        self.by_name.get(name).copied()
    }

    /// Those with this name, in all namespaces.
    pub(crate) fn named(&self, name: &str) -> impl Iterator<Item = &'a Manifest> {
        self.by_own_name.get(name).into_iter().flatten().copied()
    }

    /// The name of the Gateway in a namespace that was probably meant by one that is not there.
    pub(crate) fn meant_within(&self, namespace: &str, name: &str) -> Option<&'a str> {
        self.by_namespace.get(namespace)?.meant(name, |_| true)
    }

    fn all(&self) -> impl Iterator<Item = &'a Manifest> + use<'a> {
        self.by_name.values().copied().collect::<Vec<_>>().into_iter()
    }

    /// The namespaces in which the pods of a Gateway run; `None` if nothing shows it.
    pub(crate) fn homes(&self, name: &str) -> Option<&BTreeSet<&'a str>> {
        self.homes.get(name).filter(|homes| !homes.is_empty())
    }

    /// Whether pods of a gateway are known to run in the namespace.
    pub(crate) fn run_in(&self, namespace: &str) -> bool {
        self.run_in.contains(namespace)
    }

    /// The hosts that are served behind this Service, if it is a gateway's.
    pub(crate) fn served_at(&self, service: &str) -> Option<&[&'a str]> {
        self.served.get(service).map(Vec::as_slice)
    }

    /// The Gateways whose pods this Service leads to.
    pub(crate) fn behind(&self, service: &str) -> impl Iterator<Item = &'a Manifest> {
        self.behind.get(service).into_iter().flatten().filter_map(|name| self.get(name))
    }

    fn add(&mut self, gateway: &'a Manifest, service: String, home: Option<&'a str>) {
        let name = gateway.qualified();
        self.homes.entry(name.clone()).or_default().extend(home);
        self.served.entry(service.clone()).or_default();
        self.behind.entry(service).or_default().insert(name);
    }

    /// A workload's Service usually has its name.
    fn find_pods(&mut self, workloads: &[Workload<'a>]) {
        let mut by_label: HashMap<(&str, &str), Vec<&Workload<'a>>> = HashMap::new();
        for workload in workloads {
            self.served.entry(service_host(workload.name, workload.namespace)).or_default();
            for (key, value) in texts(workload.labels) {
                by_label.entry((key, value)).or_default().push(workload);
            }
        }
        for gateway in self.all() {
            let selector = gateway.selected_labels();
            let some: BTreeMap<_, _> = texts(selector)
                .filter_map(|label| by_label.get(&label))
                .flatten()
                .map(|workload| ((workload.namespace, workload.name), *workload))
                .collect();
            for workload in some.into_values().filter(|workload| has_labels(workload.labels, selector)) {
                let service = service_host(workload.name, workload.namespace);
                self.add(gateway, service, Some(workload.namespace));
            }
        }
    }

    /// A Service selects a gateway's pods if one of the two selectors has all labels of the other.
    fn find_services(&mut self, manifests: &'a [Manifest]) {
        let mut by_label: HashMap<(&str, &str), Vec<&'a Manifest>> = HashMap::new();
        for gateway in self.all() {
            texts(gateway.selected_labels()).for_each(|label| by_label.entry(label).or_default().push(gateway));
        }
        for service in manifests.iter().filter(|manifest| manifest.kind == Kind::Service) {
            let labels = service.selected_labels();
            let some: BTreeMap<String, &'a Manifest> = texts(labels)
                .filter_map(|label| by_label.get(&label))
                .flatten()
                .map(|gateway| (gateway.qualified(), *gateway))
                .collect();
            for gateway in some.into_values() {
                let own = gateway.selected_labels();
                if has_labels(labels, own) || has_labels(own, labels) {
                    let name = service.service_host();
                    self.add(gateway, name, Some(service.namespace.as_str()));
                }
            }
        }
    }

    /// A route of callers leads to a gateway if it is for a host that the gateway serves, and the gateway itself sends
    /// those requests out of the cluster; or if the Service has the name that the Gateway selects. A server for any host
    /// shows nothing by itself, nor does a port that the gateway does not have.
    fn follow_routes(&mut self, routes: &[Route<'a>], servers: &Servers<'_, 'a>, proofs: &Proofs<'a>) {
        let of_callers = routes.iter().filter(|route| route.is_in_mesh());
        let led: HashSet<&str> =
            of_callers.flat_map(|route| route.hosts.iter().map(|(_, host)| host.as_str())).collect();
        let mut legs: HashMap<(&str, &str), BTreeSet<&str>> = HashMap::new();
        for route in routes {
            for gateway in route.gateways.iter().filter(|gateway| *gateway != "mesh") {
                for (_, host) in route.hosts.iter().filter(|(_, host)| led.contains(host.as_str())) {
                    let to = route.destinations.iter().map(|to| to.host.as_str());
                    legs.entry((gateway, host)).or_default().extend(to);
                }
            }
        }
        for route in routes.iter().filter(|route| route.is_in_mesh()) {
            for to in route.destinations.iter().filter(|to| to.host.ends_with(".svc")) {
                for (_, host) in route.hosts.iter() {
                    for server in servers.of(host) {
                        let name = server.manifest.qualified();
                        let home = namespace_in(route.manifest, to.node.text_at(&["host"]));
                        let leads_out = match legs.get(&(name.as_str(), host.as_str())) {
                            None => server.tls_mode == Some("ISTIO_MUTUAL") && !server.is_for_any(),
                            Some(onward) => {
                                !onward.contains(to.host.as_str()) && onward.iter().any(|to| !to.ends_with(".svc"))
                            }
                        };
                        let is_led_there = !route.gateways.contains(&name)
                            && leads_out
                            && *host != to.host
                            && may_listen(server, to)
                            && proofs.may_lead(server.manifest, &to.host, home);
                        if is_led_there || is_named(server.manifest, &to.host) {
                            self.add(server.manifest, to.host.clone(), home);
                            let own = server.hosts.iter().map(|(_, host)| *host);
                            let routed = own.filter(|own| *own == host || covers(own, host));
                            self.served.entry(to.host.clone()).or_default().extend(routed);
                        }
                    }
                }
            }
        }
    }

    fn list_served(&mut self, servers: &Servers<'_, 'a>) {
        let mut of_gateway: HashMap<String, BTreeSet<&'a str>> = HashMap::new();
        for (host, servers) in &servers.by_host {
            servers.iter().for_each(|server| {
                of_gateway.entry(server.manifest.qualified()).or_default().insert(host);
            });
        }
        for (service, names) in &self.behind {
            let served = self.served.entry(service.clone()).or_default();
            served.extend(names.iter().filter_map(|name| of_gateway.get(name)).flatten());
            let mut known = HashSet::new();
            served.retain(|host| known.insert(*host));
        }
    }
}

impl<'s, 'a> Servers<'s, 'a> {
    /// Those that serve a host, which may be a pattern: by its name, else by the most specific pattern.
    fn of(&self, host: &str) -> Vec<&'s Server<'a>> {
        let pattern = || patterns_over(host).find_map(|pattern| self.by_host.get(pattern.as_str()));
        self.by_host.get(host).or_else(pattern).cloned().unwrap_or_default()
    }
}

/// Whether a server may get the connections to a destination's port: a Service maps its ports to others, but hardly to those
/// below 1024.
fn may_listen(server: &Server<'_>, to: &Destination<'_>) -> bool {
    let is_high = server.port.parse::<u16>().is_ok_and(|number| number >= 1024);
    is_high || to.port().is_none_or(|(_, number)| number == server.port)
}

/// Whether a label that the Gateway selects has the name of the Service as its value.
fn is_named(gateway: &Manifest, service: &str) -> bool {
    let name = service.split('.').next().unwrap_or_default();
    texts(gateway.selected_labels()).any(|(_, value)| value == name || name.strip_prefix("istio-") == Some(value))
}

fn namespace_in<'a>(manifest: &'a Manifest, host: Option<&'a str>) -> Option<&'a str> {
    let host = host?.trim_end_matches('.');
    match host.split_once(".svc") {
        Some((service, _)) => service.split_once('.').map(|(_, namespace)| namespace),
        None => (!host.contains('.')).then_some(manifest.namespace.as_str()),
    }
}

fn texts(labels: &[Entry]) -> impl Iterator<Item = (&str, &str)> {
    labels.iter().filter_map(|label| Some((label.key.name.as_str(), label.value.text()?)))
}
