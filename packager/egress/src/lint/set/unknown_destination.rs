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
use crate::import::set::MOST_COMPARED;
use crate::import::view::{Destination, Route};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::{did_you_mean, quoted};

pub(super) const LINT: Lint =
    Lint { code: Code::UnknownDestination, run, source: include_str!("unknown_destination.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for route in &input.set.routes {
        for to in route.destinations.iter().filter(|to| input.set.mesh.hosts(&to.host).is_empty()) {
            if let Some(help) = help(input, route, to) {
                let message = format!("no ServiceEntry or Service here is for {}", quoted(&to.host));
                findings.push(finding(route.manifest.file, to.place(), message, help));
            }
        }
        for to in &route.destinations {
            if let Some(external) = external_name(input, to) {
                let message = format!("no route can lead to {}, which is only another name", quoted(&to.host));
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
        let message =
            format!("no ServiceEntry, Service or route here is for {}", quoted(node.text().unwrap_or_default()));
        findings.push(finding(rule.file, node, message, format!("did you mean {}?", quoted(meant))));
    }
    findings
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

/// What to write instead. An object may be elsewhere in the cluster, unless those of its namespace are here.
fn help(input: &Input<'_>, route: &Route<'_>, to: &Destination<'_>) -> Option<String> {
    let mesh = &input.set.mesh;
    if let Some(entry) = mesh.at_address(&to.host).first() {
        let is_seen = mesh.followers(route).iter().all(|follower| entry.scope.includes(follower.namespace));
        return is_seen.then(|| format!("write {}, the host that has this address", quoted(&entry.name)));
    }
    let namespace = service_namespace(&to.host);
    if mesh.gateways.served_at(&to.host).is_some() {
        return mesh.meant_service(&to.host).map(|service| format!("did you mean {}?", quoted(service)));
    }
    let (kind, home) = match namespace {
        Some(home) => (Kind::Service, home),
        None => (Kind::ServiceEntry, route.manifest.namespace.as_str()),
    };
    if !mesh.defines(kind, home) || is_made(input, &to.host) {
        return None;
    }
    let all = if mesh.count(kind) > MOST_COMPARED { Vec::new() } else { mesh.hosts_of(kind) };
    let same = all.iter().filter(|host| kind != Kind::Service || host.manifest.namespace == home);
    Some(match did_you_mean(&to.host, same.map(|host| host.name.as_str())) {
        Some(meant) => format!("did you mean {}?", quoted(meant)),
        None => format!("define it with a {kind:?}, or write another host"),
    })
}

/// Whether Istio makes the Service, for a Gateway of Kubernetes.
fn is_made(input: &Input<'_>, service: &str) -> bool {
    input.set.of(Kind::KubernetesGateway).any(|gateway| {
        let own = |name: &str| name == gateway.name || name.starts_with(&format!("{}-", gateway.name));
        service.split('.').next().is_some_and(own) && service_namespace(service) == Some(&gateway.namespace)
    })
}
