//! VirtualServices.

use super::{Refusals, has, is_empty_list, lacks};
use crate::wording::quoted;
use crate::yaml::tree::Node;

impl Refusals<'_> {
    pub(super) fn virtual_service(&mut self) {
        let manifest = self.manifest;
        let spec = manifest.spec();
        self.export();
        let is_delegate = !has(spec, "hosts");
        if let Some(gateways) = spec.entry("gateways").filter(|_| is_delegate && lacks(spec, "hosts")) {
            let message = "Istio refuses a VirtualService with gateways and without hosts";
            self.add_at(gateways, message, "add `hosts`, or remove `gateways` if another delegates to it");
        }
        if manifest.has_spec() && ["http", "tls", "tcp"].iter().all(|list| lacks(spec, list)) {
            let place = spec.get("hosts").unwrap_or_else(|| manifest.title());
            let message = "Istio refuses a VirtualService without a route";
            self.add(place, message, "add `http`, `tls` or `tcp`");
        }
        if !has(spec, "gateways") || spec.items_at(&["gateways"]).iter().all(|name| name.text() == Some("mesh")) {
            let hosts = spec.items_at(&["hosts"]).iter();
            for host in hosts.filter(|host| host.text() == Some("*")) {
                self.add(
                    host,
                    "Istio refuses the host `*` at sidecars",
                    "write the hosts, or the `gateways` it is for",
                );
            }
        }
        self.hosts(spec.items_at(&["hosts"]));
        for route in spec.items_at(&["http"]) {
            self.http(route, is_delegate);
        }
        for route in spec.items_at(&["tls"]) {
            self.tls(route);
        }
        for route in spec.items_at(&["tcp"]) {
            self.led(route, "tcp");
        }
    }

    fn http(&mut self, route: &Node, is_delegate: bool) {
        if has(route, "delegate") {
            let other = ["route", "redirect"].into_iter().find(|name| has(route, name));
            if let Some(entry) = other.and_then(|name| route.entry(name)) {
                let message = format!("Istio refuses {} beside `delegate`", quoted(&entry.key.name));
                self.add_at(entry, message, "remove one of the two");
            }
            if let Some(entry) = route.entry("delegate").filter(|_| is_delegate) {
                let message = "Istio refuses `delegate` in a VirtualService without hosts";
                self.add_at(entry, message, "write the routes here, or add `hosts`");
            }
            return self.destinations(route);
        }
        let answers: Vec<_> =
            ["route", "redirect", "directResponse"].into_iter().filter(|name| has(route, name)).collect();
        match *answers.as_slice() {
            [] if ["route", "redirect", "directResponse", "delegate"].iter().all(|name| lacks(route, name)) => {
                let message = "Istio refuses a route that leads nowhere";
                self.add(route, message, "add `route`, `redirect`, `directResponse` or `delegate`");
            }
            [one, other, ..] => {
                if let Some(entry) = route.entry(other) {
                    let message = format!("Istio refuses {} beside {}", quoted(other), quoted(one));
                    self.add_at(entry, message, "remove one of the two");
                }
            }
            [one] if one != "route" => {
                for entry in ["fault", "rewrite"].iter().filter_map(|name| route.entry(name)) {
                    let message = format!("Istio refuses {} beside {}", quoted(&entry.key.name), quoted(one));
                    self.add_at(entry, message, "remove one of the two");
                }
            }
            _ => {}
        }
        self.destinations(route);
        self.authority(route);
        self.http_values(route);
        let retries = route.get("retries");
        if let Some(retries) = retries.filter(|retries| retries.text_at(&["attempts"]).is_none_or(|text| text == "0")) {
            let given =
                ["perTryTimeout", "retryOn", "retryRemoteLocalities"].into_iter().find(|name| has(retries, name));
            if let Some(entry) = given.filter(|_| is_zero_or_lacks(retries)).and_then(|name| retries.entry(name)) {
                let message = format!("Istio refuses {} without attempts", quoted(&entry.key.name));
                self.add_at(entry, message, "write `attempts: 2`, or remove it");
            }
        }
    }

    /// The `Host` of a request is set once.
    fn authority(&mut self, route: &Node) {
        let rewritten = route.descend(&["rewrite", "authority"]).is_some();
        let written = ["set", "add"].into_iter().filter_map(|what| route.descend(&["headers", "request", what]));
        let is_host = |name: &str| name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case(":authority");
        let set: Vec<_> = written.flat_map(Node::entries).filter(|entry| is_host(&entry.key.name)).collect();
        if let Some(entry) = set.get(usize::from(!rewritten)) {
            self.add_at(entry, "Istio refuses to set the `Host` of a request twice", "remove one of the two");
        }
    }

    fn tls(&mut self, route: &Node) {
        if lacks(route, "match") {
            let message = "Istio refuses a route of `tls` without a match";
            self.add(route, message, "add `match: [{sniHosts: [HOST]}]`");
        }
        // Where it is not written at all, the schema says so.
        let names = route.items_at(&["match"]).iter().filter_map(|one| one.get("sniHosts"));
        for empty in names.filter(|names| is_empty_list(names)) {
            self.add(empty, "Istio refuses a match of `tls` without a server name", "add `sniHosts: [HOST]`");
        }
        self.led(route, "tls");
    }

    /// A route of `tls` or `tcp` has a destination.
    fn led(&mut self, route: &Node, list: &str) {
        for one in route.items_at(&["match"]) {
            self.networks(one.items_at(&["destinationSubnets"]));
        }
        if lacks(route, "route") {
            self.add(route, format!("Istio refuses a route of `{list}` that leads nowhere"), "add `route`");
        }
        self.destinations(route);
    }

    /// Several destinations need weights.
    fn destinations(&mut self, route: &Node) {
        let items = route.items_at(&["route"]);
        items.iter().for_each(|item| self.weight(item));
        let weight = |item: &Node| item.text_at(&["weight"]).map(|text| text.parse::<u64>().unwrap_or(1));
        let without_weights = items.iter().all(|item| weight(item).unwrap_or(0) == 0 && lacks_or_zero(item));
        if let Some(place) = route.get("route").filter(|_| items.len() > 1 && without_weights) {
            let message = "Istio refuses several destinations without weights";
            self.add(place, message, "add `weight` to each, such as `weight: 50`");
        }
        if let Some(empty) = route.get("route").filter(|route| is_empty_list(route)) {
            self.add(empty, "Istio refuses a route without a destination", "add `{destination: {host: HOST}}`");
        }
    }
}

fn lacks_or_zero(item: &Node) -> bool {
    item.get("weight").is_some() || lacks(item, "weight")
}

fn is_zero_or_lacks(retries: &Node) -> bool {
    retries.get("attempts").is_some() || lacks(retries, "attempts")
}
