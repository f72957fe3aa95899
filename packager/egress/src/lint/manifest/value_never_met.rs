//! A manifest has a value that Istio takes, and that nothing can meet.
//!
//! Istio compares methods, paths and principals of an AuthorizationPolicy as they are written: methods of
//! requests are in capitals, paths begin with `/`, and principals are without `spiffe://`. With such a
//! value an ALLOW rule allows nobody, and a DENY rule denies nobody. A ServiceEntry with `resolution: STATIC`
//! connects to its `endpoints` alone: without any, callers get 503. `caCertificates` is the path of a file,
//! or the word `system`: with another word, no connection is made.
//!
//! Bad:
//!
//! ```yaml
//! kind: AuthorizationPolicy
//! metadata: {name: callers, namespace: egress}
//! spec:
//!   rules: [{to: [{operation: {methods: [get], paths: [v1/books]}}]}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: AuthorizationPolicy
//! metadata: {name: callers, namespace: egress}
//! spec:
//!   rules: [{to: [{operation: {methods: [GET], paths: [/v1/books]}}]}]
//! ```
//!
//! Fix: Write the value as requests have it.

use crate::code::Code;
use crate::import::view::entry_hosts;
use crate::import::{Kind, Manifest};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::value::method::METHODS;
use crate::wording::{did_you_mean, has_variable, quoted};
use crate::yaml::tree::Node;
use std::collections::HashSet;
use std::net::IpAddr;

pub(super) const LINT: Lint = Lint { code: Code::ValueNeverMet, run, source: include_str!("value_never_met.rs") };

/// What is wrong, and what to write.
type Flaw = (String, String);

fn run(input: &Input<'_>) -> Vec<Finding> {
    let policies = input.set.of(Kind::AuthorizationPolicy).flat_map(of_policy);
    let files = input.set.client_tls.iter().filter_map(|tls| {
        let node = tls.node.get("caCertificates")?;
        let (message, help) = of_file(node.text()?)?;
        Some(finding(tls.manifest.file, node, message, help))
    });
    policies.chain(files).chain(without_endpoints(input)).collect()
}

fn of_policy(policy: &Manifest) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut each = |part: &Node, lists: [&str; 2], flaw: fn(&str) -> Option<Flaw>| {
        for node in lists.iter().flat_map(|list| part.items_at(&[list])) {
            let text = node.text().filter(|text| !has_variable(text));
            if let Some((message, help)) = text.and_then(flaw) {
                findings.push(finding(policy.file, node, message, help));
            }
        }
    };
    for rule in policy.spec().items_at(&["rules"]) {
        for source in rule.items_at(&["from"]).iter().filter_map(|from| from.get("source")) {
            each(source, ["principals", "notPrincipals"], of_principal);
        }
        for operation in rule.items_at(&["to"]).iter().filter_map(|to| to.get("operation")) {
            each(operation, ["methods", "notMethods"], of_method);
            each(operation, ["paths", "notPaths"], of_path);
        }
    }
    findings
}

fn of_principal(text: &str) -> Option<Flaw> {
    let rest = text.strip_prefix("spiffe://")?;
    Some((format!("no caller has the principal {}", quoted(text)), format!("write {}", quoted(rest))))
}

/// A method of HTTP that is not in capitals. Others may be the upstream's own.
fn of_method(text: &str) -> Option<Flaw> {
    let method = METHODS.iter().find(|method| method.eq_ignore_ascii_case(text) && **method != text)?;
    Some((format!("no request has the method {}", quoted(text)), format!("write {}", quoted(method))))
}

/// A path that begins otherwise than those of requests. `*` alone is that of `OPTIONS`.
fn of_path(text: &str) -> Option<Flaw> {
    let is_one = text.is_empty() || text.starts_with(['/', '*', '{']);
    let help = || match text.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("/".to_owned(), |(_, path)| format!("/{path}")),
        None => format!("/{text}"),
    };
    (!is_one).then(|| (format!("no request has the path {}", quoted(text)), format!("write {}", quoted(&help()))))
}

/// A word that is nearly `system`.
fn of_file(text: &str) -> Option<Flaw> {
    if text.contains(['/', '.']) || text == "system" {
        return None;
    }
    let system = did_you_mean(text, ["system"].into_iter())?;
    Some((format!("there is no file {} at the proxy", quoted(text)), format!("did you mean {}?", quoted(system))))
}

/// ServiceEntries that have no address, while routes lead to their hosts, unless another one of the host may have some. One whose
/// requests are all led elsewhere needs none.
fn without_endpoints(input: &Input<'_>) -> Vec<Finding> {
    let (mut elsewhere, mut without) = (HashSet::new(), Vec::new());
    for entry in input.set.of(Kind::ServiceEntry) {
        let spec = entry.spec();
        let is_static = spec.text_at(&["resolution"]) == Some("STATIC");
        let names_pods = ["endpoints", "workloadSelector"].iter().any(|name| spec.get(name).is_some());
        match spec.get("resolution").filter(|_| is_static && !names_pods) {
            Some(node) => without.push((entry, node)),
            None => elsewhere.extend(entry_hosts(entry)),
        }
    }
    let mut findings = Vec::new();
    for (entry, node) in without {
        let is_name = |host: &&str| host.parse::<IpAddr>().is_err() && !has_variable(host);
        let mut hosts = entry_hosts(entry);
        let is_reached = |host: &&str| is_name(host) && input.set.leading_to(host).next().is_some();
        if let Some(host) = hosts.find(is_reached).filter(|_| entry_hosts(entry).all(|host| !elsewhere.contains(host)))
        {
            let message = format!("no proxy finds an address for {}: there are no `endpoints`", quoted(host));
            let help = match host.starts_with('*') {
                true => "add `endpoints: [{address: ADDRESS}]`",
                false => "write `resolution: DNS`, or add `endpoints: [{address: ADDRESS}]`",
            };
            findings.push(finding(entry.file, node, message, help));
        }
    }
    findings
}
