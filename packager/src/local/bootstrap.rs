//! Envoy's configuration as JSON: what istiod and the agent would give a gateway, but in files.
//!
//! # Design
//! The static part refers to three files, which Envoy watches: clusters, listener, and the filter with its policy. Each is
//! replaced separately, so a new policy affects neither the listener nor its connections. Istio does the same: it sends the
//! filter by extension discovery (ECDS), and the listener refers to it by name.
//!
//! # Where this differs from a gateway in a mesh
//! - A client certificate is requested and verified, but a caller without one still reaches the filter, which answers 401.
//!   A gateway with `tls.mode: ISTIO_MUTUAL` ends the handshake instead.
//! - The listener accepts any server name, so that `https://127.0.0.1` works too.
//! - There is no tracing and no Istio telemetry.

mod access_log;
mod cluster;
mod inputs;
mod jwt;
mod listener;
mod message;
mod plugin;
#[cfg(test)]
pub(crate) mod tests;

use sallyport_egress::model::Egress;
use serde_json::{Value, json};

use super::files::Layout;
use message::{address, from_file};

pub(crate) use cluster::clusters;
pub(crate) use inputs::{EnvoyInputs, HostPort, PLUGIN, Trust};
pub(crate) use listener::listener;
pub(crate) use plugin::plugin;

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
