//! A DestinationRule is not used by the proxy that needs it.
//!
//! A proxy uses rules of its own namespace, of the namespace that defines the host, and of Istio's root
//! namespace, if they are exported to it. Without the rule a subset leads nowhere, so requests get 503,
//! and TLS is not originated, so they leave as plaintext.
//!
//! Bad:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: api, namespace: egress}
//! spec: {hosts: [api.example.com], resolution: DNS}
//! ---
//! kind: DestinationRule
//! metadata: {name: api, namespace: apps}
//! spec: {host: api.example.com, trafficPolicy: {tls: {mode: SIMPLE, sni: api.example.com}}}
//! ---
//! kind: Service
//! metadata: {name: partner-egress, namespace: egress}
//! spec: {selector: {app: partner-egress}}
//! ---
//! kind: Gateway
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   selector: {app: partner-egress}
//!   servers: [{port: {number: 80, protocol: HTTP}, hosts: [api.example.com]}]
//! ---
//! kind: VirtualService
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   hosts: [api.example.com]
//!   gateways: [partner]
//!   http: [{route: [{destination: {host: api.example.com}}]}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: api, namespace: egress}
//! spec: {hosts: [api.example.com], resolution: DNS}
//! ---
//! kind: DestinationRule
//! metadata: {name: api, namespace: egress}
//! spec: {host: api.example.com, trafficPolicy: {tls: {mode: SIMPLE, sni: api.example.com}}}
//! ---
//! kind: Service
//! metadata: {name: partner-egress, namespace: egress}
//! spec: {selector: {app: partner-egress}}
//! ---
//! kind: Gateway
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   selector: {app: partner-egress}
//!   servers: [{port: {number: 80, protocol: HTTP}, hosts: [api.example.com]}]
//! ---
//! kind: VirtualService
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   hosts: [api.example.com]
//!   gateways: [partner]
//!   http: [{route: [{destination: {host: api.example.com}}]}]
//! ```
//!
//! Fix: Move the rule to the namespace of the host or of the proxy, and export it there.

use crate::code::Code;
use crate::import::Manifest;
use crate::import::mesh::host::service_namespace;
use crate::import::mesh::scope::Scope;
use crate::import::view::{Destination, Route};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use std::collections::HashSet;

pub(super) const LINT: Lint = Lint { code: Code::RuleNotUsed, run, source: include_str!("rule_not_used.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut named = HashSet::new();
    let mut findings = Vec::new();
    for route in &input.set.routes {
        for to in &route.destinations {
            // Where the host is defined decides which rules are used.
            if input.set.mesh.hosts(&to.host).is_empty() && service_namespace(&to.host).is_none() {
                continue;
            }
            let of_host = input.set.rules_of(&to.host);
            let Some((needed, harm)) = needed(input, route, to, of_host) else { continue };
            let is_used = |namespace| needed.iter().any(|rule| input.set.mesh.uses_rule(namespace, rule, &to.host));
            let followers = input.set.mesh.followers(route).into_iter();
            let mut without = followers.filter(|follower| !is_used(follower.namespace));
            let title = without.next().map(|follower| follower.title());
            let title = title.or_else(|| only_at_gateway(input, route, &needed));
            let Some((rule, title)) = needed.first().zip(title) else { continue };
            let is_misspelt = input.set.mesh.misspelt_exports(rule).next().is_some();
            if !is_misspelt && named.insert(rule.qualified()) {
                let message = format!("{harm} {title}, because this rule is not used there");
                let help = "move the rule to the namespace that defines the host, and export it to the proxy's";
                let place = rule.spec().get("exportTo").unwrap_or(rule.title());
                findings.push(finding(rule.file, place, message, help));
            }
        }
    }
    findings
}

/// Callers, if only the namespace of a gateway's pods sees the rules and the route is for all.
fn only_at_gateway(input: &Input<'_>, route: &Route<'_>, needed: &[&Manifest]) -> Option<String> {
    let own = route.manifest.namespace.as_str();
    let is_hidden = needed.iter().all(|rule| rule.namespace == own && Scope::of(rule).is_only(own));
    let is_for_callers = route.is_in_mesh() && input.set.mesh.gateways.run_in(own);
    let is_for_all = Scope::of(route.manifest) == Scope::All;
    (is_hidden && is_for_callers && is_for_all).then(|| format!("callers outside of {}", quoted(own)))
}

/// The rules of which a route needs one, and what happens without.
fn needed<'a>(
    input: &Input<'a>,
    route: &Route<'a>,
    to: &Destination<'a>,
    of_host: &[&'a Manifest],
) -> Option<(Vec<&'a Manifest>, String)> {
    let host = quoted(&to.host);
    if let Some(subset) = to.node.text_at(&["subset"]) {
        let defines = |rule: &&&Manifest| {
            rule.spec().items_at(&["subsets"]).iter().any(|own| own.text_at(&["name"]) == Some(subset))
        };
        let rules: Vec<_> = of_host.iter().filter(defines).copied().collect();
        let harm = format!("the subset {} of {host} is not seen by", quoted(subset));
        return (!rules.is_empty()).then_some((rules, harm));
    }
    let is_gateway = input.set.mesh.gateways.served_at(&to.host).is_some();
    let tls = input
        .set
        .client_tls_of(&to.host)
        .filter(|tls| tls.may_be_for(to) && (tls.originates() || (tls.mode == "ISTIO_MUTUAL" && is_gateway)));
    let rules: Vec<_> = tls.map(|tls| tls.manifest).collect();
    // Another rule for the host may be used in its place.
    let is_all = rules.len() >= of_host.len();
    (route.is_http() && is_all && !rules.is_empty()).then(|| (rules, format!("plaintext is sent to {host} by")))
}
