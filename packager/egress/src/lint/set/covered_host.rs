//! A host pattern of one manifest covers a host of another.
//!
//! The pattern also matches what the other host does not: another port, a misspelled host, and the host
//! itself after its manifest is removed. Those requests reach the wrong upstream, under the wrong
//! policy. A pattern that leads where the host leads is not meant, nor one of a ServiceEntry, where the
//! more specific host always wins.
//!
//! Bad:
//!
//! ```yaml
//! kind: VirtualService
//! metadata: {name: all, namespace: egress}
//! spec: {hosts: ["*.internal"], http: [{route: [{destination: {host: all-egress}}]}]}
//! ---
//! kind: VirtualService
//! metadata: {name: httpbin, namespace: egress}
//! spec: {hosts: [httpbin.internal], http: [{route: [{destination: {host: httpbin-egress}}]}]}
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: VirtualService
//! metadata: {name: ledger, namespace: egress}
//! spec: {hosts: [ledger.internal], http: [{route: [{destination: {host: ledger-egress}}]}]}
//! ---
//! kind: VirtualService
//! metadata: {name: httpbin, namespace: egress}
//! spec: {hosts: [httpbin.internal], http: [{route: [{destination: {host: httpbin-egress}}]}]}
//! ```
//!
//! Fix: Write the hosts instead of the pattern.

use crate::code::Code;
use crate::import::names::{host_in, patterns_over, without_namespace};
use crate::import::view::{Route, Server, routed_at};
use crate::import::{Kind, Manifest};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use crate::yaml::tree::Node;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

pub(super) const LINT: Lint = Lint { code: Code::CoveredHost, run, source: include_str!("covered_host.rs") };

/// Where a host is served, the host, its manifest and its place in it.
type Host<'a> = (String, String, &'a Manifest, &'a Node);

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for kind in [Kind::Gateway, Kind::VirtualService] {
        let hosts: Vec<Host<'_>> = input.set.of(kind).flat_map(hosts).collect();
        // A `*` alone is asked for: it is what serves everything else.
        let patterns = hosts.iter().filter(|(_, host, ..)| host.starts_with('*') && host != "*");
        let mut patterns: HashMap<_, _> =
            patterns.map(|(place, host, of, node)| ((place.as_str(), host.clone()), (*of, *node))).collect();
        for (place, host, manifest, _) in &hosts {
            for pattern in patterns_over(host) {
                let Entry::Occupied(covering) = patterns.entry((place.as_str(), pattern)) else { continue };
                let (other, node) = *covering.get();
                if !other.is_same_object(manifest) && !lead_to_the_same(other, manifest) {
                    let ((_, pattern), _) = covering.remove_entry();
                    let message = format!("{} also matches {} of another manifest", quoted(&pattern), quoted(host));
                    findings.push(finding(other.file, node, message, "write the hosts instead of the pattern"));
                }
            }
        }
    }
    findings
}

/// Whether two VirtualServices send requests to the same hosts.
fn lead_to_the_same(one: &Manifest, other: &Manifest) -> bool {
    let hosts = |manifest| -> BTreeSet<String> {
        Route::of(manifest).iter().flat_map(|route| route.destinations.iter().map(|to| to.host.clone())).collect()
    };
    one.kind == Kind::VirtualService && hosts(one) == hosts(other)
}

fn hosts(manifest: &Manifest) -> Vec<Host<'_>> {
    let own = manifest.spec().items_at(&["hosts"]);
    let lists: Vec<(String, &[Node])> = match manifest.kind {
        Kind::Gateway => Server::of(manifest)
            .map(|server| (format!("{} {}", manifest.selector_text(), server.port), server.node.items_at(&["hosts"])))
            .collect(),
        Kind::VirtualService => routed_at(manifest).into_iter().map(|place| (place, own)).collect(),
        _ => Vec::new(),
    };
    lists
        .into_iter()
        .flat_map(|(place, list)| {
            list.iter().filter_map(move |node| {
                let host = host_in(&manifest.namespace, without_namespace(node.text()?));
                Some((place.clone(), host, manifest, node))
            })
        })
        .collect()
}
