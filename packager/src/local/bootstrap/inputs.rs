//! What Envoy's configuration is made from.

use std::path::PathBuf;

use sallyport_egress::model::{Egress, Mesh};

use crate::local::files::{Layout, Pair};

/// The name by which the listener refers to the filter.
pub(crate) const PLUGIN: &str = "sallyport";

/// What Envoy's configuration is made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EnvoyInputs<'a> {
    pub(crate) egress: &'a Egress,
    pub(crate) mesh: &'a Mesh,
    pub(crate) layout: &'a Layout,
    /// The listener's port.
    pub(crate) port: u16,
    /// Where to connect instead of the upstream's own address.
    pub(crate) connect_to: Option<&'a HostPort>,
    pub(crate) trust: &'a Trust,
}

/// Certificates on this machine that Envoy needs to connect to servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trust {
    /// CA certificates for the upstream; `None` without TLS.
    pub(crate) upstream: Option<PathBuf>,
    /// CA certificates for servers of key sets; `None` if none of them uses TLS.
    pub(crate) jwks: Option<PathBuf>,
    /// The client certificate for the upstream; `None` unless its TLS mode is MUTUAL.
    pub(crate) client: Option<Pair>,
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostPort {
    pub(crate) host: String,
    pub(crate) port: u16,
}
