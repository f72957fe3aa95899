//! Policies by chance, over every field of an AuthorizationPolicy, from pools small enough that requests often meet them.

use fastrand::Rng;
use sallyport_core::wire::{self, WIRE_VERSION};

use super::case::{NAMESPACE, everything};
use super::pool::{
    self, ACCOUNTS, BLOCKS, CLAIMS, HEADERS, HOSTS, METADATA, METHODS, NAMESPACES, PATHS, PRINCIPALS,
    REQUEST_PRINCIPALS, SNIS, TRUST_DOMAINS,
};

/// The names of the mesh's trust domain that policies are written under.
const MESHES: &[(Option<&str>, &[&str])] = &[
    (None, &[]),
    (None, &["old.test"]),
    (Some("cluster.local"), &["old.test", "elsewhere.test"]),
    (Some("prod.test"), &["old.test"]),
    (Some("prod.test"), &["cluster.local"]),
];

/// Values on a field, values on its `not` twin.
type Both = (Option<Vec<String>>, Option<Vec<String>>);

/// A policy; it may be one that does not compile.
pub(crate) fn draw(random: &mut Rng, number: usize, gate_ports: [u16; 2]) -> wire::Policy {
    let (trust_domain, aliases) = MESHES[random.usize(..MESHES.len())];
    let hops = u32::from(random.u8(..6) == 0);
    let port = gate_ports[hops as usize].to_string();
    let mut rules: Vec<wire::Rule> =
        (0..few(random)).map(|number| rule(random, format!("rule-{number}"), &port)).collect();
    if rules.iter().all(|rule| rule.action == wire::Action::Deny) {
        rules.push(everything());
    }
    wire::Policy {
        version: WIRE_VERSION,
        upstream: format!("{NAMESPACE}/case-{number}"),
        trust_domain: trust_domain.map(str::to_owned),
        trust_domain_aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        disclose_rule: true,
        num_trusted_proxies: hops,
        rules,
        ..wire::Policy::default()
    }
}

fn rule(random: &mut Rng, id: String, port: &str) -> wire::Rule {
    let action = if random.u8(..5) < 2 { wire::Action::Deny } else { wire::Action::Allow };
    let mut rule = wire::Rule { id, action, ..wire::Rule::default() };
    for _ in 0..few(random) {
        match random.u8(..10) {
            0..4 => {
                let sources = rule.from.get_or_insert_default();
                if sources.is_empty() || random.u8(..4) == 0 {
                    sources.push(wire::FromEntry::default());
                }
                if let Some(last) = sources.last_mut() {
                    source(random, &mut last.source);
                }
            }
            4..6 => {
                let operations = rule.to.get_or_insert_default();
                if operations.is_empty() || random.u8(..4) == 0 {
                    operations.push(wire::ToEntry::default());
                }
                if let Some(last) = operations.last_mut() {
                    operation(random, &mut last.operation, port);
                }
            }
            _ => rule.when.get_or_insert_default().push(condition(random, port)),
        }
    }
    rule
}

/// Mostly one or two: what few fields decide is seen more often, and understood sooner.
fn few(random: &mut Rng) -> usize {
    [1, 1, 1, 2, 2, 3][random.usize(..6)]
}

fn source(random: &mut Rng, source: &mut wire::Source) {
    match random.u8(..10) {
        0..2 => (source.principals, source.not_principals) = both(random, PRINCIPALS),
        2..4 => (source.request_principals, source.not_request_principals) = both(random, REQUEST_PRINCIPALS),
        4..6 => (source.namespaces, source.not_namespaces) = both(random, NAMESPACES),
        6 => (source.service_accounts, source.not_service_accounts) = both(random, ACCOUNTS),
        7 => (source.trust_domains, source.not_trust_domains) = both(random, TRUST_DOMAINS),
        8 => (source.ip_blocks, source.not_ip_blocks) = both(random, BLOCKS),
        _ => (source.remote_ip_blocks, source.not_remote_ip_blocks) = both(random, BLOCKS),
    }
}

fn operation(random: &mut Rng, operation: &mut wire::Operation, port: &str) {
    match random.u8(..8) {
        0..2 => (operation.hosts, operation.not_hosts) = both(random, HOSTS),
        2 => (operation.ports, operation.not_ports) = both(random, &[port, "443", "0"]),
        3..5 => (operation.methods, operation.not_methods) = both(random, METHODS),
        _ => (operation.paths, operation.not_paths) = both(random, PATHS),
    }
}

fn condition(random: &mut Rng, port: &str) -> wire::Condition {
    let (key, pool): (String, &[&str]) = match random.u8(..24) {
        0..6 => {
            let (name, pool) = HEADERS[random.usize(..HEADERS.len())];
            (format!("request.headers[{name}]"), pool)
        }
        6..12 => {
            let (path, pool) = CLAIMS[random.usize(..CLAIMS.len())];
            (format!("request.auth.claims{path}"), pool)
        }
        12 => ("request.auth.principal".to_owned(), REQUEST_PRINCIPALS),
        13 => ("request.auth.audiences".to_owned(), pool::AUDIENCES),
        14 => ("request.auth.presenter".to_owned(), pool::PRESENTERS),
        15 => ("source.principal".to_owned(), PRINCIPALS),
        16 => ("source.namespace".to_owned(), NAMESPACES),
        17 => ("source.serviceAccount".to_owned(), ACCOUNTS),
        18 => ("source.trustDomain".to_owned(), TRUST_DOMAINS),
        19 => ("source.ip".to_owned(), BLOCKS),
        20 => (["remote.ip", "destination.ip"][random.usize(..2)].to_owned(), BLOCKS),
        21 => {
            let (values, not_values) = both(random, &[port, "443"]);
            return wire::Condition {
                key: "destination.port".to_owned(),
                values,
                not_values,
                ..wire::Condition::default()
            };
        }
        22 => ("connection.sni".to_owned(), SNIS),
        _ => (format!("experimental.{}[{}]", pool::METADATA_FILTER, pool::METADATA_KEY), METADATA),
    };
    let (values, not_values) = both(random, pool);
    wire::Condition { key, values, not_values, ..wire::Condition::default() }
}

fn both(random: &mut Rng, pool: &[&str]) -> Both {
    match random.u8(..10) {
        0..6 => (Some(some(random, pool)), None),
        6..9 => (None, Some(some(random, pool))),
        _ => (Some(some(random, pool)), Some(some(random, pool))),
    }
}

fn some(random: &mut Rng, pool: &[&str]) -> Vec<String> {
    (0..random.usize(1..4)).map(|_| pool[random.usize(..pool.len())].to_owned()).collect()
}
