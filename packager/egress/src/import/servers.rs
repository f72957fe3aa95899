//! The servers of Gateways that are for the hosts of VirtualServices.

use super::names::{covers, patterns_over};
use super::view::{Route, Server};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Positions of servers by the VirtualService, as its file and place there, and by the `NAMESPACE/NAME` of a Gateway, so that the
/// routes of one with many hosts need not go through all of them.
pub(super) struct MeantServers {
    by_service: HashMap<(usize, usize), HashMap<String, Vec<usize>>>,
}

/// The servers of one Gateway.
#[derive(Default)]
struct OfGateway<'a> {
    by_host: HashMap<&'a str, Vec<usize>>,
}

impl MeantServers {
    pub(super) fn new(servers: &[Server<'_>], routes: &[Route<'_>]) -> Self {
        let mut gateways: HashMap<String, OfGateway<'_>> = HashMap::new();
        for (at, server) in servers.iter().enumerate() {
            let own = gateways.entry(server.manifest.qualified()).or_default();
            server.hosts.iter().for_each(|(_, host)| own.by_host.entry(host).or_default().push(at));
        }
        let mut by_service: HashMap<(usize, usize), HashMap<String, Vec<usize>>> = HashMap::new();
        let mut done: HashSet<((usize, usize), &str)> = HashSet::new();
        for route in routes {
            for gateway in route.gateways.iter().filter(|gateway| *gateway != "mesh") {
                if !done.insert((place(route), gateway)) {
                    continue;
                }
                let Some(own) = gateways.get(gateway) else { continue };
                let meant: BTreeSet<usize> = route.hosts.iter().flat_map(|(_, host)| own.of(host)).collect();
                by_service.entry(place(route)).or_default().insert(gateway.clone(), meant.into_iter().collect());
            }
        }
        Self { by_service }
    }

    pub(super) fn get(&self, route: &Route<'_>, gateway: &str) -> Option<&[usize]> {
        self.by_service.get(&place(route))?.get(gateway).map(Vec::as_slice)
    }
}

impl OfGateway<'_> {
    /// Those for a host, which may be a pattern.
    fn of(&self, host: &str) -> Vec<usize> {
        if host.starts_with('*') {
            let meant = self.by_host.iter().filter(|(own, _)| **own == host || covers(own, host) || covers(host, own));
            return meant.flat_map(|(_, positions)| positions).copied().collect();
        }
        let patterns: Vec<_> = patterns_over(host).filter_map(|pattern| self.by_host.get(pattern.as_str())).collect();
        self.by_host.get(host).into_iter().chain(patterns).flatten().copied().collect()
    }
}

fn place(route: &Route<'_>) -> (usize, usize) {
    (route.manifest.file, route.manifest.title().span.start)
}
