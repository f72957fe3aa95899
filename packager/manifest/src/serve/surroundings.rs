//! What differs on a machine that is no pod: everything that `sallyport run` adds to what istiod would give Envoy.
//!
//! - A listener is on a port of this machine, and only those are there that have one.
//! - Routes, addresses and certificates are part of what refers to them, because there is no control plane to ask.
//! - The plugin is a file that Envoy watches, and the module is the one on this machine.
//! - A caller without a certificate reaches the filter, which refuses it, where a gateway would end the handshake.
//! - The access log is a file, and there is one more for the requests that upstreams do not answer.
//! - A name can stand for another address.
//! - A file can change, and then what names it is new.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use sallyport_core::flow::configure::FILTER_VARIABLE;
use serde_json::{Map, Value, json};

use super::listener::name;
use super::tls::{AUTHORITIES, FILE_AUTHORITIES, FILE_PAIR, OWN, SYSTEM};
use super::{Served, access_log};
use crate::message::address;

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// A name or an IP address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// What a machine has in place of a pod's surroundings. Every path is one on this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// For each port of a pod, the port on 127.0.0.1. A port that is not among them is not served.
    pub ports: BTreeMap<u16, u16>,
    /// The gateway's own certificate and its key.
    pub own_certificate: (String, String),
    /// The authorities that callers' certificates are verified with.
    pub authorities: String,
    /// The authorities that this machine trusts.
    pub system_authorities: String,
    /// The authorities that upstreams are verified with, whatever the objects say.
    pub upstream_authorities: Option<String>,
    /// Where the files are that the objects name. A file that is not among them is where its name says.
    pub files: BTreeMap<String, String>,
    /// What some of those files held when they were read, by their path on this machine. Envoy reads a file when a resource
    /// that names it is new, so a resource is another when a file is.
    pub digests: BTreeMap<String, String>,
    /// Where to connect instead of a service's own addresses, by its host.
    pub connect: BTreeMap<String, HostPort>,
    /// Where to ask for external authorization (OPA), if not where a pod has it.
    pub authorization: Option<HostPort>,
    /// The file in which Envoy finds each plugin, by the name of the plugin.
    pub plugins: BTreeMap<String, String>,
    /// The filter's module.
    pub module: String,
    /// The digest of the image that has it, if it is known.
    pub module_digest: Option<String>,
    /// The file of the access log.
    pub access_log: String,
    /// The file of a second log, of the requests that upstreams did not answer: one JSON object each, with `flags`,
    /// `details`, `transport`, `address`, `certificateEnds` and `startMs`.
    pub failure_log: Option<String>,
}

/// The files that the objects name, as they are named there. [`Surroundings::files`] says where they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateFiles {
    /// Certificates to show, each with its private key.
    pub pairs: BTreeSet<(String, String)>,
    /// Authorities to verify with.
    pub authorities: BTreeSet<String>,
}

impl Served {
    /// The files that the objects name: certificates and keys.
    #[must_use]
    pub fn certificate_files(&self) -> CertificateFiles {
        let mut found = CertificateFiles::default();
        for resource in self.clusters.iter().chain(&self.listeners) {
            visit(resource, &mut |value| {
                let Some(name) = value.get("sds_config").and_then(|_| value.get("name")).and_then(Value::as_str) else {
                    return;
                };
                if let Some((certificate, key)) = pair(name) {
                    found.pairs.insert((certificate.to_owned(), key.to_owned()));
                } else if let Some(file) = name.strip_prefix(FILE_AUTHORITIES).filter(|file| *file != SYSTEM) {
                    found.authorities.insert(file.to_owned());
                }
            });
        }
        found
    }

    /// The ports of a pod that callers reach, the first of the file first: those with mutual TLS.
    #[must_use]
    pub fn ports(&self) -> Vec<u16> {
        let is_mutual = |listener: &&Value| listener.pointer("/filter_chains/0/transport_socket").is_some();
        let port = |listener: &Value| listener.pointer("/address/socket_address/port_value")?.as_u64()?.try_into().ok();
        self.listeners.iter().filter(is_mutual).filter_map(port).collect()
    }

    /// Whether a server is verified with the authorities that the machine trusts. `replaced`: upstreams are verified with
    /// others ([`Surroundings::upstream_authorities`]).
    #[must_use]
    pub fn needs_system_authorities(&self, replaced: bool) -> bool {
        let mut found = false;
        let system = format!("{FILE_AUTHORITIES}{SYSTEM}");
        for resource in self.clusters.iter().filter(|cluster| !replaced || !is_upstream(cluster)) {
            visit(resource, &mut |value| found |= value.get("name").and_then(Value::as_str) == Some(&system));
        }
        found
    }

    /// Where external authorization is asked for, as the pod has it; `None` if nobody is asked.
    #[must_use]
    pub fn authorization(&self) -> Option<HostPort> {
        let asked = self.asked();
        let endpoint = self.endpoints.iter().find(|found| {
            found.get("cluster_name").and_then(Value::as_str).is_some_and(|name| asked.iter().any(|one| one == name))
        })?;
        endpoint.pointer("/endpoints/0/lb_endpoints/0/endpoint/address/socket_address").and_then(host_port)
    }

    /// Where Envoy connects to for a service, by its host. A name is looked up.
    #[must_use]
    pub fn addresses(&self, host: &str) -> Vec<HostPort> {
        let mut found = Vec::new();
        let is_of_host = |cluster: &&Value| {
            cluster.get("name").and_then(Value::as_str).is_some_and(|name| name.rsplit('|').next() == Some(host))
        };
        for cluster in self.clusters.iter().filter(is_of_host) {
            visit(cluster, &mut |value| {
                let socket = value.pointer("/endpoint/address/socket_address").and_then(host_port);
                found.extend(socket.filter(|socket| !found.contains(socket)));
            });
        }
        found
    }

    /// The clusters that are asked for external authorization.
    fn asked(&self) -> Vec<String> {
        let mut found = Vec::new();
        for listener in &self.listeners {
            visit(listener, &mut |value| {
                let name = value.pointer("/envoy_grpc/cluster_name").and_then(Value::as_str);
                found.extend(name.map(str::to_owned));
            });
        }
        found
    }

    /// The same for a machine that is no pod.
    #[must_use]
    pub fn on(mut self, surroundings: &Surroundings) -> Served {
        let asked = self.asked();
        self.listeners.retain_mut(|listener| surroundings.place(listener));
        for listener in &mut self.listeners {
            rewrite(listener, &mut |value| surroundings.adapt(value, &self.routes));
            surroundings.mark(listener);
        }
        for cluster in &mut self.clusters {
            surroundings.connect(cluster, &self.endpoints, &asked);
            rewrite(cluster, &mut |value| surroundings.adapt(value, &[]));
            surroundings.verify(cluster);
            surroundings.mark(cluster);
        }
        for extension in &mut self.extensions {
            rewrite(extension, &mut |value| surroundings.load(value));
        }
        self.routes.clear();
        self.endpoints.clear();
        self
    }
}

impl Surroundings {
    /// Moves a listener to its port on this machine; false if it has none.
    fn place(&self, listener: &mut Value) -> bool {
        let own = listener.pointer("/address/socket_address/port_value").and_then(Value::as_u64);
        let Some((of_pod, port)) = self.ports.iter().find(|(of_pod, _)| own == Some(u64::from(**of_pod))) else {
            return false;
        };
        let here = format!("127.0.0.1_{port}");
        let there = name(*of_pod);
        rewrite(listener, &mut |value| {
            if let Value::String(text) = value
                && (*text == there || *text == format!("outbound_{there};"))
            {
                *text = text.replace(&there, &here);
            }
        });
        if let Value::Object(fields) = listener {
            fields.insert("address".to_owned(), address("127.0.0.1", *port));
        }
        true
    }

    /// Changes one message; its parts were changed before.
    fn adapt(&self, value: &mut Value, routes: &[Value]) {
        let Value::Object(fields) = value else { return };
        if fields.contains_key("require_client_certificate") {
            fields.insert("require_client_certificate".to_owned(), false.into());
        }
        if let Some(rds) = fields.remove("rds") {
            let wanted = rds.get("route_config_name");
            let config =
                routes.iter().find(|config| config.get("name") == wanted).cloned().unwrap_or_else(|| json!({}));
            fields.insert("route_config".to_owned(), without_type(config));
        }
        if fields.contains_key("config_discovery") {
            let name = fields.get("name").and_then(Value::as_str).unwrap_or_default();
            let path = self.plugins.get(name).map(String::as_str).unwrap_or_default();
            let source = from_file(path);
            if let Some(discovery) = fields.get_mut("config_discovery").and_then(Value::as_object_mut) {
                discovery.insert("config_source".to_owned(), source);
            }
        }
        if fields.get("path").is_some_and(|path| path == "/dev/stdout") {
            fields.insert("path".to_owned(), self.access_log.as_str().into());
        }
        // An upstream's options have filters, too, but no prefix.
        let is_of_callers = fields.contains_key("http_filters") && fields.contains_key("stat_prefix");
        if let (true, Some(path)) = (is_of_callers, &self.failure_log) {
            let logs = fields.entry("access_log").or_insert_with(|| json!([])).as_array_mut();
            logs.into_iter().for_each(|logs| logs.push(access_log::of_failures(path)));
        }
        self.certificates(fields);
    }

    /// The files in place of the names by which the agent is asked.
    fn certificates(&self, fields: &mut Map<String, Value>) {
        if let Some(secrets) = fields.remove("tls_certificate_sds_secret_configs") {
            let names = secrets.as_array().into_iter().flatten().filter_map(|secret| secret.get("name")?.as_str());
            let pairs: Vec<Value> = names.map(|name| self.certificate(name)).collect();
            fields.insert("tls_certificates".to_owned(), pairs.into());
        }
        if let Some(combined) = fields.remove("combined_validation_context") {
            let mut context = combined.get("default_validation_context").cloned().unwrap_or_else(|| json!({}));
            let name = combined.pointer("/validation_context_sds_secret_config/name").and_then(Value::as_str);
            let authorities = match name.map(|name| name.strip_prefix(FILE_AUTHORITIES).unwrap_or(name)) {
                Some(AUTHORITIES) | None => &self.authorities,
                Some(SYSTEM) => &self.system_authorities,
                Some(file) => self.file(file),
            };
            if let Value::Object(context) = &mut context {
                context.insert("trusted_ca".to_owned(), json!({"filename": authorities}));
            }
            fields.insert("validation_context".to_owned(), context);
        }
    }

    fn certificate(&self, name: &str) -> Value {
        let (certificate, key) = match pair(name) {
            Some((certificate, key)) if name != OWN => (self.file(certificate), self.file(key)),
            _ => (self.own_certificate.0.as_str(), self.own_certificate.1.as_str()),
        };
        json!({"certificate_chain": {"filename": certificate}, "private_key": {"filename": key}})
    }

    fn file<'a>(&'a self, name: &'a str) -> &'a str {
        self.files.get(name).map_or(name, String::as_str)
    }

    /// Gives a cluster its addresses. `asked`: the clusters that are asked for external authorization.
    fn connect(&self, cluster: &mut Value, endpoints: &[Value], asked: &[String]) {
        let Value::Object(fields) = cluster else { return };
        let name = fields.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        if let Some(eds) = fields.remove("eds_cluster_config") {
            let wanted = eds.get("service_name");
            let own = endpoints.iter().find(|assignment| assignment.get("cluster_name") == wanted);
            fields.insert("load_assignment".to_owned(), without_type(own.cloned().unwrap_or_else(|| json!({}))));
            fields.insert("type".to_owned(), "STATIC".into());
        }
        let host = name.rsplit_once('|').map_or(name.as_str(), |(_, host)| host);
        let other = if asked.contains(&name) { self.authorization.as_ref() } else { self.connect.get(host) };
        if let Some(HostPort { host, port }) = other {
            let only = json!({"lb_endpoints": [{"endpoint": {"address": address(host, *port)}}]});
            fields.insert("load_assignment".to_owned(), json!({"cluster_name": name, "endpoints": [only]}));
            let kind = if host.parse::<std::net::IpAddr>().is_ok() { "STATIC" } else { "STRICT_DNS" };
            fields.insert("type".to_owned(), kind.into());
        }
        if fields.get("type").is_some_and(|kind| kind != "STATIC") {
            // The resolver of a pod is its cluster's, which has no IPv6 names in an IPv4 cluster; this machine may be another.
            fields.insert("dns_lookup_family".to_owned(), "V4_PREFERRED".into());
        }
    }

    /// Replaces the authorities that an upstream is verified with. Servers of key sets are no upstreams.
    fn verify(&self, cluster: &mut Value) {
        let is_upstream = is_upstream(cluster);
        let place = "/transport_socket/typed_config/common_tls_context/validation_context/trusted_ca";
        if let (Some(file), true, Some(authorities)) =
            (&self.upstream_authorities, is_upstream, cluster.pointer_mut(place))
        {
            *authorities = json!({"filename": file});
        }
    }

    /// Notes in a resource what the files held that it names.
    fn mark(&self, resource: &mut Value) {
        let mut held = Map::new();
        visit(resource, &mut |value| {
            let name = value.get("filename").and_then(Value::as_str);
            if let Some((path, digest)) = name.and_then(|name| self.digests.get_key_value(name)) {
                held.insert(path.clone(), digest.as_str().into());
            }
        });
        if let (false, Value::Object(fields)) = (held.is_empty(), resource) {
            let metadata = fields.entry("metadata").or_insert_with(|| json!({}));
            if let Some(all) = metadata.as_object_mut() {
                let by_filter = all.entry("filter_metadata").or_insert_with(|| json!({}));
                by_filter.as_object_mut().map(|by_filter| by_filter.insert("sallyport.files".to_owned(), held.into()));
            }
        }
    }

    /// The module of this machine in place of an image, or of a file in a pod.
    fn load(&self, value: &mut Value) {
        if let Value::Object(fields) = value
            && fields.contains_key("runtime")
            && fields.contains_key("code")
        {
            fields.insert("code".to_owned(), json!({"local": {"filename": self.module}}));
            // Whoever fetches the module would need them. Of which image it is, the filter says itself.
            fields.remove("environment_variables");
            if let Some(digest) = &self.module_digest {
                let variables = json!({"key_values": {FILTER_VARIABLE: digest}});
                fields.insert("environment_variables".to_owned(), variables);
            }
        }
    }
}

/// A resource that Envoy reads from a file, and again whenever the file is replaced. Envoy waits for it without a timeout.
fn from_file(path: &str) -> Value {
    let directory = path.rsplit_once('/').map_or(".", |(directory, _)| directory);
    json!({
        "path_config_source": {"path": path, "watched_directory": {"path": directory}},
        "resource_api_version": "V3",
        "initial_fetch_timeout": "0s",
    })
}

fn host_port(socket: &Value) -> Option<HostPort> {
    let host = socket.get("address")?.as_str()?.to_owned();
    Some(HostPort { host, port: socket.get("port_value")?.as_u64()?.try_into().ok()? })
}

/// Whether a cluster is of a service, as upstreams are.
fn is_upstream(cluster: &Value) -> bool {
    cluster.get("name").and_then(Value::as_str).is_some_and(|name| name.starts_with("outbound|"))
}

/// The certificate and the key in the name of a pair.
fn pair(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix(FILE_PAIR)?.split_once('~')
}

fn without_type(mut message: Value) -> Value {
    if let Value::Object(fields) = &mut message {
        fields.remove("@type");
    }
    message
}

fn visit(value: &Value, look: &mut impl FnMut(&Value)) {
    look(value);
    match value {
        Value::Object(fields) => fields.values().for_each(|value| visit(value, look)),
        Value::Array(items) => items.iter().for_each(|item| visit(item, look)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// From the innermost message outwards.
fn rewrite(value: &mut Value, change: &mut impl FnMut(&mut Value)) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(|value| rewrite(value, change)),
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite(item, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    change(value);
}
