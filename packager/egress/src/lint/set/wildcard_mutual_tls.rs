//! A DestinationRule applies the mesh's mutual TLS to an upstream outside the mesh.
//!
//! A rule with `ISTIO_MUTUAL` for `*.example.com` applies to every host below it that has no rule of
//! its own. An upstream outside the mesh then gets a certificate that it does not know and a server
//! name that it does not serve. So does a rule for the host itself.
//!
//! Bad:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: upstream, namespace: egress}
//! spec: {hosts: [api.example.com], location: MESH_EXTERNAL}
//! ---
//! kind: DestinationRule
//! metadata: {name: mesh, namespace: egress}
//! spec: {host: "*.example.com", trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}}
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: upstream, namespace: egress}
//! spec: {hosts: [api.example.com], location: MESH_EXTERNAL}
//! ---
//! kind: DestinationRule
//! metadata: {name: mesh, namespace: egress}
//! spec: {host: "*.mesh.example.com", trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}}
//! ```
//!
//! Fix: Write a DestinationRule for the upstream, or a narrower one for the mesh.

use crate::code::Code;
use crate::import::names::patterns_over;
use crate::import::{Kind, Manifest};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use std::collections::{BTreeMap, HashMap, HashSet};

pub(super) const LINT: Lint =
    Lint { code: Code::WildcardMutualTls, run, source: include_str!("wildcard_mutual_tls.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let own: HashSet<&str> = input.set.client_tls.iter().map(|tls| tls.host.as_str()).collect();
    let wide = input.set.client_tls.iter().enumerate();
    let wide = wide.filter(|(_, tls)| tls.mode == "ISTIO_MUTUAL" && tls.host.starts_with('*'));
    let wide: HashMap<&str, usize> = wide.map(|(at, tls)| (tls.host.as_str(), at)).collect();
    // The alphabetically first host per rule.
    let mut covered: BTreeMap<usize, &str> = BTreeMap::new();
    for host in input.set.external_hosts().filter(|host| !own.contains(host)) {
        for at in patterns_over(host).filter_map(|pattern| wide.get(pattern.as_str()).copied()) {
            let first = covered.entry(at).or_insert(host);
            *first = (*first).min(host);
        }
    }
    let rules = covered.into_iter().filter_map(|(at, host)| Some((input.set.client_tls.get(at)?, host)));
    let of_patterns = rules.map(|(tls, host)| {
        let message = format!("this rule applies to {}, which is outside the mesh", quoted(host));
        let place = tls.node.get("mode").unwrap_or(tls.node);
        finding(tls.manifest.file, place, message, "write a DestinationRule for the upstream, or a narrower one")
    });
    let of_hosts = input.set.client_tls.iter().filter(|tls| tls.mode == "ISTIO_MUTUAL" && is_outside(input, &tls.host));
    let of_hosts = of_hosts.map(|tls| {
        let message = format!("{} is outside the mesh, and knows no certificates of it", quoted(&tls.host));
        let help = "write `mode: SIMPLE`, `sni` and `subjectAltNames`; for an upstream of the mesh, `location: MESH_INTERNAL` in its ServiceEntry";
        finding(tls.manifest.file, tls.node.get("mode").unwrap_or(tls.node), message, help)
    });
    of_patterns.chain(of_hosts).collect()
}

/// Whether the host is resolved by DNS, and every ServiceEntry for it says that it is outside. Endpoints may be gateways.
fn is_outside(input: &Input<'_>, host: &str) -> bool {
    let hosts = input.set.mesh.hosts(host);
    let is_resolved = |entry: &Manifest| {
        let spec = entry.spec();
        let is_dns = spec.text_at(&["resolution"]).is_some_and(|resolution| resolution.starts_with("DNS"));
        is_dns && spec.get("endpoints").is_none() && spec.get("workloadSelector").is_none()
    };
    let is_entry = |entry: &Manifest| entry.kind == Kind::ServiceEntry && is_resolved(entry);
    !host.starts_with('*')
        && !hosts.is_empty()
        && hosts.iter().all(|own| own.name == host && is_entry(own.manifest))
        && input.set.is_external(host)
}
