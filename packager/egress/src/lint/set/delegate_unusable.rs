//! A route delegates to a VirtualService that cannot be delegated to.
//!
//! A delegate has no `hosts` and no `gateways`, and is in the namespace of the route unless `namespace` names
//! another. Istio accepts a route to any name, and leaves the route out if there is no such delegate: requests
//! get 404. It leaves out a match of the delegate, too, that is for paths outside of those of the route.
//!
//! Bad:
//!
//! ```yaml
//! kind: VirtualService
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   hosts: [api.example.com]
//!   http: [{match: [{uri: {prefix: /v1}}], delegate: {name: partner}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: VirtualService
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   hosts: [api.example.com]
//!   http: [{match: [{uri: {prefix: /v1}}], delegate: {name: partner-v1}}]
//! ---
//! kind: VirtualService
//! metadata: {name: partner-v1, namespace: egress}
//! spec: {http: [{route: [{destination: {host: api.example.com}}]}]}
//! ```
//!
//! Fix: Name a VirtualService without `hosts` whose routes lead to destinations, with its namespace, and match
//! paths there that begin as those of the route.

use crate::code::Code;
use crate::import::names::{MOST_COMPARED, meant};
use crate::import::view::Route;
use crate::import::{Kind, Manifest};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::{either, quoted};
use crate::yaml::tree::Node;
use std::collections::{BTreeMap, HashMap, HashSet};

pub(super) const LINT: Lint = Lint { code: Code::DelegateUnusable, run, source: include_str!("delegate_unusable.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut services: HashMap<&str, HashMap<&str, &Manifest>> = HashMap::new();
    let mut named: HashMap<&str, Vec<&Manifest>> = HashMap::new();
    for service in input.set.of(Kind::VirtualService) {
        services.entry(&service.namespace).or_default().entry(&service.name).or_insert(service);
        named.entry(&service.name).or_default().push(service);
    }
    let delegations: Vec<_> = input.set.routes.iter().filter_map(Delegation::of).collect();
    let led_to: HashSet<_> = delegations.iter().map(|one| (one.namespace, one.name)).collect();
    let mut findings = Vec::new();
    let mut roots: BTreeMap<(&str, &str), Vec<&Delegation<'_>>> = BTreeMap::new();
    for one in &delegations {
        let there = services.get(one.namespace);
        let same = named.get(one.name).map_or(&[][..], Vec::as_slice);
        let free = same.iter().filter(|other| is_free(other));
        let unused = free.filter(|other| !led_to.contains(&(other.namespace.as_str(), other.name.as_str())));
        let found = match there.and_then(|there| there.get(one.name)) {
            Some(service) => {
                roots.entry((one.namespace, one.name)).or_default().push(one);
                unfit(one, service)
            }
            None => elsewhere(one, &unused.copied().collect::<Vec<_>>()).or_else(|| misspelt(one, there?)),
        };
        let found = found.map(|(message, help)| finding(one.route.manifest.file, one.node, message, help));
        findings.extend(found);
    }
    for ((namespace, name), roots) in roots {
        let child = services.get(namespace).and_then(|there| there.get(name));
        findings.extend(child.into_iter().filter(|child| is_free(child)).flat_map(|child| outside(child, &roots)));
    }
    findings
}

/// A route that leads to another VirtualService.
struct Delegation<'a> {
    route: &'a Route<'a>,
    /// Where the name is.
    node: &'a Node,
    namespace: &'a str,
    name: &'a str,
}

impl<'a> Delegation<'a> {
    fn of(route: &'a Route<'a>) -> Option<Self> {
        let delegate = route.node.get("delegate")?;
        let own = delegate.text_at(&["namespace"]).filter(|text| !text.is_empty());
        let node = delegate.get("name").unwrap_or(delegate);
        let namespace = own.unwrap_or(&route.manifest.namespace);
        Some(Self { route, node, namespace, name: node.text().unwrap_or_default() })
    }
}

/// The only VirtualService of the name is in another namespace, and no route leads to it.
fn elsewhere(one: &Delegation<'_>, unused: &[&Manifest]) -> Option<(String, String)> {
    let [other] = unused else { return None };
    let message =
        format!("Istio looks for the VirtualService {} in the namespace {}", quoted(one.name), quoted(one.namespace));
    Some((message, format!("write `namespace: {}` beside it", other.namespace)))
}

/// It may be elsewhere in the cluster.
fn misspelt(one: &Delegation<'_>, there: &HashMap<&str, &Manifest>) -> Option<(String, String)> {
    let free = there.values().filter(|other| is_free(other) && !other.is_same_object(one.route.manifest));
    let mut free: Vec<_> = free.map(|other| other.name.as_str()).collect();
    free.sort_unstable();
    let near = meant(one.name, free.iter().copied()).filter(|_| free.len() <= MOST_COMPARED)?;
    let message = format!("there is no VirtualService {} to delegate to", quoted(one.name));
    Some((message, format!("did you mean {}?", quoted(near))))
}

/// What is wrong with the VirtualService that a route delegates to.
fn unfit(one: &Delegation<'_>, service: &Manifest) -> Option<(String, String)> {
    if service.is_same_object(one.route.manifest) {
        let message = "the VirtualService delegates to itself, so this route is left out".to_owned();
        return Some((message, "name another one without `hosts`, or write `route`".to_owned()));
    }
    (!is_free(service)).then(|| {
        let name = quoted(one.name);
        let message = format!("the VirtualService {name} has `hosts`, so it is no delegate and this route is left out");
        (message, "move its routes to one without `hosts` and `gateways`".to_owned())
    })
}

/// Matches of a delegate for paths that no route delegates to it.
fn outside(child: &Manifest, roots: &[&Delegation<'_>]) -> Vec<Finding> {
    let prefixes: Option<Vec<&str>> = roots
        .iter()
        .map(|root| prefixes(root.route.node))
        .collect::<Option<Vec<_>>>()
        .map(|all| all.into_iter().flatten().collect());
    let Some(prefixes) = prefixes else { return Vec::new() };
    let matches = child.spec().items_at(&["http"]).iter().flat_map(|route| route.items_at(&["match"]));
    let dead = matches.filter_map(|one| {
        let uri = one.get("uri").filter(|_| one.text_at(&["ignoreUriCase"]) != Some("true"))?;
        let node = uri.get("prefix").or_else(|| uri.get("exact"))?;
        let path = node.text()?;
        (!prefixes.iter().any(|prefix| path.starts_with(prefix))).then_some(node)
    });
    let shown = either(prefixes.iter().copied());
    dead.map(|node| {
        let message = format!("this match is left out: only paths that begin with {shown} are delegated");
        finding(child.file, node, message, format!("write a path that begins with {shown}"))
    })
    .collect()
}

/// The prefixes of all matches of a route; `None` if one is for other paths.
fn prefixes(route: &Node) -> Option<Vec<&str>> {
    let matches = route.items_at(&["match"]).iter();
    let prefixes: Option<Vec<_>> = matches
        .map(|one| one.text_at(&["uri", "prefix"]).filter(|_| one.text_at(&["ignoreUriCase"]) != Some("true")))
        .collect();
    prefixes.filter(|prefixes| !prefixes.is_empty())
}

fn is_free(service: &Manifest) -> bool {
    service.spec().items_at(&["hosts"]).is_empty()
}
