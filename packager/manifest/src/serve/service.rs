//! From ServiceEntries to the services that the gateway knows, and where they are.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::route::cluster_name;
use super::view::View;
use crate::message::address;

/// One host of a ServiceEntry.
#[derive(Clone, Debug)]
pub(super) struct Service<'a> {
    pub(super) host: &'a str,
    pub(super) is_external: bool,
    pub(super) resolution: Resolution,
    pub(super) ports: Vec<Port<'a>>,
    endpoints: Vec<Endpoint<'a>>,
    /// The names in certificates, where a DestinationRule has none.
    pub(super) subject_alt_names: Vec<&'a str>,
}

/// How the addresses of a service are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resolution {
    /// They are written.
    Static,
    /// Envoy looks names up, and connects to every address.
    Dns,
    /// Envoy looks a name up, and connects to one address.
    DnsRoundRobin,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Port<'a> {
    pub(super) number: u16,
    name: &'a str,
    protocol: &'a str,
    target: u16,
}

#[derive(Clone, Debug)]
struct Endpoint<'a> {
    address: &'a str,
    ports: BTreeMap<&'a str, u16>,
    locality: &'a str,
    weight: u64,
}

impl Port<'_> {
    /// Whether Envoy speaks HTTP/2 to it, whatever else is said.
    pub(super) fn is_http2(&self) -> bool {
        ["HTTP2", "GRPC", "GRPC-WEB"].iter().any(|protocol| self.protocol.eq_ignore_ascii_case(protocol))
    }
}

/// The services of a ServiceEntry; none if its addresses are found in a way that Envoy alone cannot.
pub(super) fn services(spec: View<'_>) -> Vec<Service<'_>> {
    let resolution = match spec.text("resolution") {
        Some("STATIC") => Resolution::Static,
        Some("DNS") => Resolution::Dns,
        Some("DNS_ROUND_ROBIN") => Resolution::DnsRoundRobin,
        _ => return Vec::new(),
    };
    let ports: Vec<_> = spec.list("ports").filter_map(port).collect();
    let endpoints: Vec<_> = spec.list("endpoints").filter_map(endpoint).collect();
    let subject_alt_names = spec.texts("subjectAltNames");
    let is_external = spec.text("location") != Some("MESH_INTERNAL");
    // Who else sees it does not matter to the gateway.
    spec.field("exportTo").map(View::whole);
    spec.texts("hosts")
        .into_iter()
        .map(|host| Service {
            host,
            is_external,
            resolution,
            ports: ports.clone(),
            endpoints: endpoints.clone(),
            subject_alt_names: subject_alt_names.clone(),
        })
        .collect()
}

fn port(port: View<'_>) -> Option<Port<'_>> {
    let number = port.port("number")?;
    Some(Port {
        number,
        name: port.text("name").unwrap_or_default(),
        protocol: port.text("protocol").unwrap_or_default(),
        target: port.port("targetPort").unwrap_or(number),
    })
}

fn endpoint(endpoint: View<'_>) -> Option<Endpoint<'_>> {
    let ports = endpoint.field("ports").into_iter().flat_map(View::entries);
    Some(Endpoint {
        address: endpoint.text("address")?,
        ports: ports.filter_map(|(name, port)| Some((name, u16::try_from(port.whole().as_u64()?).ok()?))).collect(),
        locality: endpoint.text("locality").unwrap_or_default(),
        weight: endpoint.number("weight").unwrap_or(1),
    })
}

impl Service<'_> {
    pub(super) fn cluster(&self, subset: &str, port: Port<'_>) -> String {
        cluster_name(subset, self.host, port.number)
    }

    pub(super) fn has_endpoints(&self) -> bool {
        !self.endpoints.is_empty()
    }

    /// Where Envoy connects to, grouped by place. A service that is looked up and has no endpoint is at its own name.
    pub(super) fn load_assignment(&self, cluster: &str, port: Port<'_>) -> Option<Value> {
        let own = Endpoint { address: self.host, ports: BTreeMap::new(), locality: "", weight: 1 };
        let all = match self.resolution {
            Resolution::Static => self.endpoints.clone(),
            Resolution::Dns | Resolution::DnsRoundRobin if self.endpoints.is_empty() => vec![own],
            Resolution::Dns | Resolution::DnsRoundRobin => self.endpoints.clone(),
        };
        let mut places: BTreeMap<&str, Vec<&Endpoint<'_>>> = BTreeMap::new();
        for endpoint in &all {
            places.entry(endpoint.locality).or_default().push(endpoint);
        }
        let places: Vec<Value> = places.into_iter().map(|(name, endpoints)| place(name, &endpoints, port)).collect();
        (!places.is_empty()).then(|| json!({"cluster_name": cluster, "endpoints": places}))
    }
}

fn place(name: &str, endpoints: &[&Endpoint<'_>], port: Port<'_>) -> Value {
    let weight: u64 = endpoints.iter().map(|endpoint| endpoint.weight).fold(0, u64::saturating_add);
    let endpoints: Vec<Value> = endpoints
        .iter()
        .map(|endpoint| {
            let port = endpoint.ports.get(port.name).copied().unwrap_or(port.target);
            json!({
                "endpoint": {"address": address(endpoint.address, port)},
                "metadata": {},
                "load_balancing_weight": endpoint.weight,
            })
        })
        .collect();
    json!({"locality": locality(name), "lb_endpoints": endpoints, "load_balancing_weight": weight})
}

/// `REGION/ZONE/SUB_ZONE`.
fn locality(name: &str) -> Value {
    let parts = name.splitn(3, '/').zip(["region", "zone", "sub_zone"]).filter(|(part, _)| !part.is_empty());
    Value::Object(parts.map(|(part, field)| (field.to_owned(), part.into())).collect::<Map<_, _>>())
}
