//! A route or a DestinationRule is for a host that no object defines.
//!
//! Only hosts of ServiceEntries and Services are known to proxies, not addresses. Istio accepts the
//! route, and every request gets 503; a rule for such a host applies to nothing. A Service of type
//! `ExternalName` is only another name of a host: sidecars that know that host take the name for it, but no
//! route can lead to the Service.
//!
//! Bad:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: api, namespace: egress}
//! spec: {hosts: [api.example.com], resolution: DNS}
//! ---
//! kind: VirtualService
//! metadata: {name: api, namespace: egress}
//! spec: {hosts: [api.internal], http: [{route: [{destination: {host: api.exmaple.com}}]}]}
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: api, namespace: egress}
//! spec: {hosts: [api.example.com], resolution: DNS}
//! ---
//! kind: VirtualService
//! metadata: {name: api, namespace: egress}
//! spec: {hosts: [api.internal], http: [{route: [{destination: {host: api.example.com}}]}]}
//! ```
//!
//! Fix: Write a host of a ServiceEntry, or define this one; instead of an `ExternalName`, the host that it
//! stands for.

use crate::code::Code;
use crate::import::Kind;
use crate::import::mesh::host::service_namespace;
use crate::import::names::full_host;
use crate::import::view::{Destination, Route};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use std::collections::{BTreeSet, HashMap, HashSet};

pub(super) const LINT: Lint =
    Lint { code: Code::UnknownDestination, run, source: include_str!("unknown_destination.rs") };

/// The places of the manifests that have a host, besides those that define it.
type Users<'a> = HashMap<&'a str, BTreeSet<(usize, usize)>>;

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut named = HashSet::new();
    let users = users(input);
    for route in &input.set.routes {
        for to in route.destinations.iter().filter(|to| input.set.mesh.hosts(&to.host).is_empty()) {
            if let Some(found) = misspelt_at_entry(input, &users, to) {
                if named.insert((found.file, found.span.start)) {
                    findings.push(found);
                }
            } else if let Some(help) = help(input, route, to) {
                let message = format!("no ServiceEntry or Service here is for {}", shown(&to.host, to));
                findings.push(finding(route.manifest.file, to.place(), message, help));
            }
        }
        for to in &route.destinations {
            if let Some(external) = external_name(input, to) {
                let message = format!("no route can lead to {}, which is only another name", shown(&to.host, to));
                let help = match input.set.mesh.hosts(external).is_empty() {
                    true => format!("write {} here, and a ServiceEntry for it", quoted(external)),
                    false => format!("write {}, the host that it stands for", quoted(external)),
                };
                findings.push(finding(route.manifest.file, to.place(), message, help));
            }
        }
    }
    for (rule, meant) in &input.set.misspelt_rules {
        let Some(node) = rule.spec().get("host") else { continue };
        let written = node.text().unwrap_or_default();
        let message = format!("no ServiceEntry, Service or route here is for {}", quoted(written));
        let help = format!("did you mean {}?", quoted(&full_host(meant, written)));
        findings.push(finding(rule.file, node, message, help));
    }
    findings
}

/// A host in the way in which the destination has its own.
fn shown(host: &str, to: &Destination<'_>) -> String {
    quoted(&full_host(host, to.place().text().unwrap_or_default()))
}

fn users<'a>(input: &'a Input<'_>) -> Users<'a> {
    let set = &input.set;
    let routes = set.routes.iter().flat_map(|route| {
        let to = route.destinations.iter().map(|to| to.host.as_str());
        let hosts = route.hosts.iter().map(|(_, host)| host.as_str()).chain(to);
        hosts.map(|host| (host, route.manifest))
    });
    let servers = set.servers.iter().flat_map(|server| server.hosts.iter().map(|(_, host)| (*host, server.manifest)));
    let rules = set.of(Kind::DestinationRule).filter_map(|rule| Some((rule.spec().text_at(&["host"])?, rule)));
    let names = set.client_tls.iter().filter_map(|tls| Some((tls.node.text_at(&["sni"])?, tls.manifest)));
    let mut users = Users::new();
    for (host, manifest) in routes.chain(servers).chain(rules).chain(names) {
        users.entry(host).or_default().insert((manifest.file, manifest.title().span.start));
    }
    users
}

/// A ServiceEntry whose host is used by nothing, and near to one that several objects use.
fn misspelt_at_entry(input: &Input<'_>, users: &Users<'_>, to: &Destination<'_>) -> Option<Finding> {
    let near = input.set.mesh.meant_entry(&to.host)?;
    let is_right = users.get(to.host.as_str()).is_some_and(|users| users.len() > 1) && !users.contains_key(near);
    let entry = input.set.mesh.hosts(near).first().filter(|_| is_right)?.manifest;
    let node = entry.spec().items_at(&["hosts"]).iter().find(|node| node.text() == Some(near))?;
    let message = format!("routes lead to {}, for which there is no ServiceEntry here", quoted(&to.host));
    Some(finding(entry.file, node, message, format!("did you mean {}?", quoted(&to.host))))
}

/// The host for which a destination is only another name.
fn external_name<'a>(input: &Input<'a>, to: &Destination<'a>) -> Option<&'a str> {
    let hosts = input.set.mesh.hosts(&to.host);
    let names = hosts.iter().map(|host| {
        let spec = host.manifest.spec();
        let is_name = host.manifest.kind == Kind::Service && spec.text_at(&["type"]) == Some("ExternalName");
        spec.text_at(&["externalName"]).filter(|_| is_name)
    });
    let names: Option<Vec<_>> = names.collect();
    names?.first().copied()
}

/// What to write instead. A Service may be elsewhere in the cluster, and a ServiceEntry, too, unless those of the route's
/// namespace are here.
fn help(input: &Input<'_>, route: &Route<'_>, to: &Destination<'_>) -> Option<String> {
    let mesh = &input.set.mesh;
    if let Some(entry) = mesh.at_address(&to.host).first() {
        let is_seen = mesh.followers(route).iter().all(|follower| entry.scope.includes(follower.namespace));
        return is_seen.then(|| format!("write {}, the host that has this address", quoted(&entry.name)));
    }
    if service_namespace(&to.host).is_some() {
        let service = mesh.meant_service(&to.host).filter(|_| !is_made(input, &to.host))?;
        return Some(format!("did you mean {}?", shown(&service, to)));
    }
    if !mesh.defines(Kind::ServiceEntry, &route.manifest.namespace) {
        return None;
    }
    Some(match mesh.meant_entry(&to.host) {
        Some(meant) => format!("did you mean {}?", quoted(meant)),
        None => "define it with a ServiceEntry, or write another host".to_owned(),
    })
}

/// Whether Istio makes the Service, for a Gateway of Kubernetes.
fn is_made(input: &Input<'_>, service: &str) -> bool {
    input.set.of(Kind::KubernetesGateway).any(|gateway| {
        let own = |name: &str| name == gateway.name || name.starts_with(&format!("{}-", gateway.name));
        service.split('.').next().is_some_and(own) && service_namespace(service) == Some(&gateway.namespace)
    })
}
