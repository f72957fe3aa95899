//! The upstream's port is that of another protocol than HTTP.
//!
//! A gateway of Sallyport understands HTTP and nothing else: it decides about requests, and a database, a
//! mail server or a message broker has none. Callers would get 503, or their bytes would be refused with
//! 400. Other protocols can leave the mesh through Istio alone, without a decision per request.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! upstream: {host: db.corp.example, port: 5432, tls: {mode: NONE}}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! upstream: {host: db-api.corp.example, port: 8443}
//! ```
//!
//! Fix: Remove the Egress and write Istio's own ServiceEntry for the host, with `location: MESH_EXTERNAL`,
//! `resolution: DNS` and a port with `protocol: TCP`, or `protocol: TLS` if callers begin with TLS; a
//! NetworkPolicy says which pods may connect. Or call an HTTP API in front of the server. If the port
//! really is that of an HTTP server, leave the file as it is.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::{Input, Subject};
use crate::model::upstream::NOT_HTTP;
use sallyport_core::wire;
use std::collections::HashSet;

pub(super) const LINT: Lint = Lint { code: Code::UpstreamNotHttp, run, source: include_str!("upstream_not_http.rs") };

/// Ports on which HTTP is not to be expected.
const PORTS: &[(u16, &str)] = &[
    (21, "FTP"),
    (22, "SSH"),
    (23, "Telnet"),
    (25, "SMTP"),
    (53, "DNS"),
    (88, "Kerberos"),
    (110, "POP3"),
    (143, "IMAP"),
    (389, "LDAP"),
    (445, "SMB"),
    (465, "SMTP"),
    (587, "SMTP"),
    (636, "LDAP"),
    (990, "FTP"),
    (993, "IMAP"),
    (995, "POP3"),
    (1080, "SOCKS"),
    (1414, "IBM MQ"),
    (1433, "SQL Server"),
    (1521, "Oracle Database"),
    (1883, "MQTT"),
    (2049, "NFS"),
    (2181, "ZooKeeper"),
    (2484, "Oracle Database"),
    (3306, "MySQL"),
    (3389, "RDP"),
    (4222, "NATS"),
    (5432, "PostgreSQL"),
    (5671, "AMQP"),
    (5672, "AMQP"),
    (6379, "Redis"),
    (8883, "MQTT"),
    (9042, "Cassandra"),
    (9092, "Kafka"),
    (11211, "memcached"),
    (27017, "MongoDB"),
    (61616, "ActiveMQ"),
];
/// Squid's: other proxies use ports that servers use too.
const PROXY: u16 = 3128;

fn run(input: &Input<'_>) -> Vec<Finding> {
    input.egresses.iter().flat_map(|subject| of_ports(subject).chain(of_method(subject))).collect()
}

/// Every port of the upstream, with its place: the first one of each number.
fn of_ports<'a>(subject: &'a Subject<'_>) -> impl Iterator<Item = Finding> + 'a {
    let spec = &subject.egress.spec;
    let endpoints = spec.upstream.endpoints.iter().enumerate();
    let endpoints =
        endpoints.filter_map(|(position, to)| Some((to.port?, format!("upstream.endpoints[{position}].port"))));
    let others = spec.ports.iter().enumerate();
    let others = others.map(|(position, port)| (port.upstream_port, format!("ports[{position}].upstreamPort")));
    let mut seen = HashSet::new();
    std::iter::once((spec.upstream.port, "upstream.port".to_owned()))
        .chain(endpoints)
        .chain(others)
        .filter(move |(port, _)| seen.insert(*port))
        .filter_map(|(port, path)| of_port(subject, port, &path))
}

fn of_port(subject: &Subject<'_>, port: u16, path: &str) -> Option<Finding> {
    if port == PROXY {
        return Some(subject.at(path, format!("port {port} is that of HTTP proxies"), NO_PROXY));
    }
    let (_, protocol) = PORTS.iter().find(|(known, _)| *known == port)?;
    Some(subject.at(path, format!("port {port} is that of {protocol}, which is not HTTP"), NOT_HTTP))
}

const NO_PROXY: &str = "a gateway sends no CONNECT to a proxy: write the server itself as the upstream, or let callers use the \
     proxy through Istio's own ServiceEntry with `protocol: TCP`";

/// Only a proxy takes CONNECT. At a port that says so already, it is not said again.
fn of_method(subject: &Subject<'_>) -> Option<Finding> {
    if subject.egress.spec.upstream.port == PROXY {
        return None;
    }
    let at = subject.rules(wire::Action::Allow).find_map(|(path, rule)| {
        rule.to.iter().flatten().enumerate().find_map(|(to, entry)| {
            let method = entry.operation.methods.as_ref()?.iter().position(|method| method == "CONNECT")?;
            Some(format!("{path}.to[{to}].operation.methods[{method}]"))
        })
    })?;
    Some(subject.at(&at, "the upstream seems to be a proxy: a rule allows CONNECT", NO_PROXY))
}
