//! Envoy's configuration, as JSON: what istiod and the agent would give a gateway, from files.
//!
//! # Design
//! The static part names three files and watches them: clusters, listener, and the filter with its policy. Each is
//! replaced alone, so a new policy touches neither the listener nor a connection. That is also how Istio does it: the
//! filter comes by extension discovery (ECDS), under a name that the listener refers to.
//!
//! # Where this differs from a gateway in a mesh
//! - A client certificate is asked for and verified, but a caller without one gets as far as the filter, which answers
//!   401. A gateway with `tls.mode: ISTIO_MUTUAL` ends the handshake instead.
//! - The listener takes any server name, so that `https://127.0.0.1` works too.
//! - There is no tracing and no Istio telemetry.

mod access_log;
mod cluster;
mod jwt;
mod listener;
mod plugin;

use std::path::{Path, PathBuf};

use sallyport_egress::model::{Egress, Mesh};
use serde_json::{Value, json};

use super::files::{Layout, Pair};

pub(crate) use cluster::clusters;
pub(crate) use listener::listener;
pub(crate) use plugin::plugin;

/// Under which name the listener asks for the filter.
pub(crate) const PLUGIN: &str = "sallyport";

/// All that Envoy's configuration is made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) egress: &'a Egress,
    pub(crate) mesh: &'a Mesh,
    pub(crate) layout: &'a Layout,
    /// Of the listener.
    pub(crate) port: u16,
    /// Where to connect instead of the upstream's own address.
    pub(crate) connect_to: Option<&'a HostPort>,
    pub(crate) trust: &'a Trust,
}

/// Certificates on this machine that Envoy needs for its own connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trust {
    /// Who may sign the upstream's certificate; `None` without TLS.
    pub(crate) upstream: Option<PathBuf>,
    /// Who may sign that of a server of key sets; `None` when none is asked over TLS.
    pub(crate) jwks: Option<PathBuf>,
    /// What the upstream asks for; `None` unless its TLS mode is MUTUAL.
    pub(crate) client: Option<Pair>,
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostPort {
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// The static part.
pub(crate) fn bootstrap(egress: &Egress, layout: &Layout, admin_port: u16) -> Value {
    let Egress { name, namespace, .. } = egress;
    json!({
        "node": {
            "id": format!("router~127.0.0.1~{name}-egress.{namespace}~{namespace}.svc.cluster.local"),
            "cluster": format!("{name}-egress.{namespace}"),
            "metadata": {"NAME": format!("{name}-egress"), "NAMESPACE": namespace},
        },
        "admin": {"address": address("127.0.0.1", admin_port)},
        "dynamic_resources": {
            "cds_config": from_file(&layout.discovery("cds")),
            "lds_config": from_file(&layout.discovery("lds")),
        },
    })
}

/// A resource that Envoy reads from a file, again whenever the file is replaced. It waits for it as long as it takes.
fn from_file(path: &Path) -> Value {
    json!({
        "path_config_source": {"path": path, "watched_directory": {"path": path.parent()}},
        "resource_api_version": "V3",
        "initial_fetch_timeout": "0s",
    })
}

fn address(host: &str, port: u16) -> Value {
    json!({"socket_address": {"address": host, "port_value": port}})
}

/// A message of Envoy's, with its type.
fn typed(name: &str, mut message: Value) -> Value {
    if let Value::Object(fields) = &mut message {
        fields.insert("@type".to_owned(), Value::String(format!("type.googleapis.com/{name}")));
    }
    message
}

#[cfg(test)]
pub(crate) mod tests;
