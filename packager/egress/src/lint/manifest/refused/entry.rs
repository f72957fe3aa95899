//! ServiceEntries.

use super::{Refusals, is_empty_list};
use crate::import::protocol::Protocol;
use crate::wording::{has_variable, quoted};
use crate::yaml::tree::Node;
use std::collections::BTreeSet;

impl Refusals<'_> {
    pub(super) fn service_entry(&mut self) {
        let manifest = self.manifest;
        let spec = manifest.spec();
        self.export();
        if let Some(hosts) = spec.get("hosts").filter(|hosts| is_empty_list(hosts)) {
            self.add(hosts, "Istio refuses a ServiceEntry without a host", "write the hosts");
        }
        self.hosts(spec.items_at(&["hosts"]));
        self.networks(spec.items_at(&["addresses"]));
        let ports = spec.items_at(&["ports"]);
        ports.iter().for_each(|port| self.protocol(port));
        self.twice(ports, &["name"], "the name of a port");
        self.twice(ports, &["number"], "the number of a port");
        let resolution = spec.text_at(&["resolution"]).unwrap_or("NONE");
        match resolution {
            "NONE" => {
                if let Some(entry) = spec.entry("endpoints").filter(|entry| !entry.value.items().is_empty()) {
                    let message = "Istio refuses `endpoints` without a resolution";
                    self.add_at(
                        entry,
                        message,
                        "write `resolution: STATIC` for addresses, or `resolution: DNS` for names",
                    );
                }
            }
            "DYNAMIC_DNS" => self.dynamic(spec),
            _ => self.endpoints(spec, resolution),
        }
        let mut ranges = spec.items_at(&["addresses"]).iter();
        if let Some(range) = ranges.find(|one| one.text().is_some_and(|text| text.contains('/')))
            && matches!(resolution, "DNS" | "DNS_ROUND_ROBIN")
        {
            let message = format!("Istio refuses a range of addresses with `resolution: {resolution}`");
            self.add(range, message, "write single addresses, or remove `addresses`");
        }
    }

    fn dynamic(&mut self, spec: &Node) {
        let is_name = |host: &&Node| host.text().is_some_and(|text| !text.starts_with('*') && !has_variable(text));
        if let Some(host) = spec.items_at(&["hosts"]).iter().find(is_name) {
            let message = format!("Istio refuses `DYNAMIC_DNS` for {}, which is no pattern", quoted(text_of(host)));
            self.add(host, message, "write it in a ServiceEntry of its own, with `resolution: DNS`");
        }
        for name in ["addresses", "endpoints"] {
            if let Some(entry) = spec.entry(name).filter(|entry| !entry.value.items().is_empty()) {
                self.add_at(entry, format!("Istio refuses {} with `DYNAMIC_DNS`", quoted(name)), "remove it");
            }
        }
        for port in spec.items_at(&["ports"]) {
            let Some(protocol) = port.get("protocol") else { continue };
            let text = text_of(protocol).to_ascii_uppercase();
            let is_wrong =
                Protocol::of(&text) != Protocol::Detected && !["HTTP", "HTTP2", "GRPC", "TLS"].contains(&text.as_str());
            if is_wrong {
                let message = format!("Istio refuses the protocol {} with `DYNAMIC_DNS`", quoted(text_of(protocol)));
                let help = if text == "HTTPS" { "write `TLS`" } else { "write `HTTP`, `HTTP2`, `GRPC` or `TLS`" };
                self.add(protocol, message, help);
            }
        }
    }

    fn endpoints(&mut self, spec: &Node, resolution: &str) {
        let endpoints = spec.items_at(&["endpoints"]);
        let names = spec.items_at(&["ports"]).iter().filter_map(|port| port.text_at(&["name"]));
        let names: BTreeSet<_> = names.collect();
        for endpoint in endpoints {
            if let Some(address) = endpoint.get("address").filter(|_| resolution == "STATIC") {
                let text = text_of(address);
                if !is_ip(address) && !text.is_empty() && !text.starts_with("unix://") && !has_variable(text) {
                    let message = format!("Istio refuses {} with `resolution: STATIC`: it is no address", quoted(text));
                    self.add(address, message, "write `resolution: DNS`, or an address of IP");
                }
            }
            let ports = endpoint.get("ports").map_or(&[][..], Node::entries);
            for port in ports.iter().filter(|port| !names.contains(&port.key.name.as_str()) && port.key.name != "<<") {
                let names = names.iter().copied().collect::<Vec<_>>().join(", ");
                let message = format!("the ServiceEntry has no port of the name {}", quoted(&port.key.name));
                self.add_at(port, message, format!("the names of its ports are {names}"));
            }
        }
        if let Some(second) = endpoints.get(1).filter(|_| resolution == "DNS_ROUND_ROBIN") {
            self.add(second, "Istio refuses several endpoints with `DNS_ROUND_ROBIN`", "write `resolution: DNS`");
        }
    }
}

fn text_of(node: &Node) -> &str {
    node.text().unwrap_or_default()
}

/// Whether the address is one of IP.
fn is_ip(address: &Node) -> bool {
    address.text().is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok())
}
