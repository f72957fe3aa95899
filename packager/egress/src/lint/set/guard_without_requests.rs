//! A filter, or a policy about requests, is at a gateway that only passes connections on.
//!
//! A server with `PASSTHROUGH`, or of a protocol that is not HTTP, sees no requests. An HTTP plugin
//! never runs there, so every connection bypasses it. Of an ALLOW, Istio drops each rule that needs a
//! request: one with no other rules denies every connection. Of a rule of a DENY, it drops only the
//! fields that need a request: one with no other fields denies every connection, on all ports that are
//! not HTTP.
//!
//! Bad:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   selector: {app: partner-egress}
//!   servers: [{port: {number: 443, name: tls, protocol: TLS}, hosts: [api.example.com], tls: {mode: PASSTHROUGH}}]
//! ---
//! kind: AuthorizationPolicy
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   selector: {matchLabels: {app: partner-egress}}
//!   rules: [{to: [{operation: {methods: [GET]}}]}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   selector: {app: partner-egress}
//!   servers: [{port: {number: 443, protocol: HTTPS}, hosts: [api.example.com], tls: {mode: ISTIO_MUTUAL}}]
//! ---
//! kind: AuthorizationPolicy
//! metadata: {name: partner, namespace: egress}
//! spec:
//!   selector: {matchLabels: {app: partner-egress}}
//!   rules: [{to: [{operation: {methods: [GET]}}]}]
//! ```
//!
//! Fix: End TLS at the gateway (`ISTIO_MUTUAL`, `SIMPLE` or `MUTUAL`), or write a policy about
//! connections: `principals`, `namespaces`, `ports`, `connection.sni`.

use crate::code::Code;
use crate::import::view::{Plugin, Server, Serves};
use crate::import::{Kind, Manifest};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding, of_manifest};
use crate::lint::input::Input;
use crate::wording::quoted;
use crate::yaml::tree::{Entry, Node};
use sallyport_core::policy::key::{Topic, topic_of};
use std::collections::HashSet;

pub(super) const LINT: Lint =
    Lint { code: Code::GuardWithoutRequests, run, source: include_str!("guard_without_requests.rs") };

/// Fields of `operation` and of `source` that need a request.
const FIELDS: [&str; 8] =
    ["methods", "paths", "hosts", "requestPrincipals", "notMethods", "notPaths", "notHosts", "notRequestPrincipals"];

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for plugin in &input.set.plugins {
        let is_network = plugin.wasm.text_at(&["type"]) == Some("NETWORK");
        let matches = plugin.manifest.spec().items_at(&["match"]).iter();
        let ports = matches.flat_map(|one| one.items_at(&["ports"])).filter_map(|port| port.text_at(&["number"]));
        let gateway = if is_network { None } else { passing(input, plugin.manifest, &ports.collect::<Vec<_>>()) };
        let help = "end TLS at the gateway: only then are there requests";
        if let Some(gateway) = gateway {
            let message = format!("the plugin never runs: the Gateway {gateway} only passes connections on");
            findings.push(of_manifest(plugin.manifest, message, help));
        } else if let Some((host, port)) = bypass(input, plugin).filter(|_| !is_network) {
            let message = format!("the plugin does not run for {host} on port {port}, where TLS is passed on");
            findings.push(of_manifest(plugin.manifest, message, help));
        }
    }
    let is_policy = |manifest: &&Manifest| manifest.kind == Kind::AuthorizationPolicy;
    for policy in input.set.policies.all().filter(is_policy) {
        let Some((rule, field)) = of_requests(policy) else { continue };
        if let Some(gateway) = passing(input, policy, &[]) {
            let effect = match policy.spec().text_at(&["action"]) {
                Some("DENY") if is_of_requests_alone(rule) => "denies every connection",
                Some("DENY") => "denies every connection that its other fields match",
                _ => "never applies",
            };
            let message =
                format!("the rule {effect}: the Gateway {gateway} only passes connections on and sees no requests");
            let help = "end TLS at the gateway, or write a rule about connections";
            findings.push(finding(policy.file, field, message, help));
        }
    }
    findings
}

/// A host that the plugin guards at one server, and its port at another server that only passes TLS on.
fn bypass<'a>(input: &Input<'a>, plugin: &Plugin<'a>) -> Option<(String, String)> {
    if !plugin.decides_access() || !plugin.manifest.selects_some_pods() {
        return None;
    }
    let servers = input.set.servers_under(plugin.manifest);
    let of = |kind: Serves| servers.iter().filter(move |server| server.serves() == Some(kind));
    let guarded: HashSet<&str> = of(Serves::Requests)
        .filter(|server| !server.redirects_to_https())
        .flat_map(|server| server.hosts.iter().map(|(_, host)| *host))
        .collect();
    let mut passed = of(Serves::PassedTls).flat_map(|server| server.hosts.iter().map(|(_, host)| (*host, server.port)));
    passed.find(|(host, _)| guarded.contains(host)).map(|(host, port)| (quoted(host), quoted(port)))
}

/// A Gateway that a manifest is for, if none of the servers there reads requests.
fn passing<'a>(input: &Input<'a>, manifest: &'a Manifest, ports: &[&str]) -> Option<String> {
    // One for all pods is for sidecars, too.
    manifest.selects_some_pods().then_some(())?;
    let servers = input.set.servers_under(manifest);
    let mut servers = servers.iter().filter(|server| ports.is_empty() || ports.contains(&server.port));
    let first = servers.next()?;
    let passes = |server: &&Server<'_>| server.serves().is_some_and(|serves| serves != Serves::Requests);
    let all = passes(&first) && servers.all(|server| passes(&server));
    all.then(|| quoted(&first.manifest.qualified()))
}

/// The first rule that needs a request, and the place where it does.
fn of_requests(policy: &Manifest) -> Option<(&Node, &Node)> {
    policy.rules().iter().find_map(|rule| {
        let field = fields(rule).find(|entry| is_field_of_requests(entry)).map(|entry| &entry.value);
        let place = field.or_else(|| keys(rule).find(|key| is_key_of_requests(key)))?;
        Some((rule, place))
    })
}

/// Whether nothing is left of a rule without what needs a request.
fn is_of_requests_alone(rule: &Node) -> bool {
    fields(rule).all(is_field_of_requests) && keys(rule).all(is_key_of_requests)
}

/// The fields of the operations and of the sources of a rule.
fn fields(rule: &Node) -> impl Iterator<Item = &Entry> {
    let operations = rule.items_at(&["to"]).iter().filter_map(|to| to.get("operation"));
    let sources = rule.items_at(&["from"]).iter().filter_map(|from| from.get("source"));
    operations.chain(sources).flat_map(Node::entries)
}

/// The keys of the conditions of a rule.
fn keys(rule: &Node) -> impl Iterator<Item = &Node> {
    rule.items_at(&["when"]).iter().filter_map(|condition| condition.get("key"))
}

fn is_field_of_requests(entry: &Entry) -> bool {
    FIELDS.contains(&entry.key.name.as_str())
}

fn is_key_of_requests(key: &Node) -> bool {
    matches!(key.text().and_then(topic_of), Some(Topic::Token | Topic::Header | Topic::QueryParameter))
}
