//! What the user has chosen for a session, which stays the same while it runs.

use std::path::PathBuf;

use sallyport_egress::model::Egress;
use sallyport_manifest::HostPort;

use super::caller::ServiceAccount;

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The Egress files, and folders with them.
    pub(crate) files: Vec<PathBuf>,
    /// Of the first listener; 0 for any free ports.
    pub(crate) port: u16,
    /// Of the first Envoy's administration interface; 0 for any free port.
    pub(crate) admin_port: u16,
    /// The Envoy to run.
    pub(crate) envoy: Option<PathBuf>,
    /// The filter module to load.
    pub(crate) wasm: Option<PathBuf>,
    /// The directory to keep; `None` for a temporary one.
    pub(crate) directory: Option<PathBuf>,
    /// Callers that get a certificate although the policy does not name them.
    pub(crate) callers: Vec<ServiceAccount>,
    /// Where to connect instead of the only upstream's own address.
    pub(crate) upstream: Option<HostPort>,
    /// Where to connect instead of the address of an upstream, by the name of its Egress.
    pub(crate) connect: Vec<Connect>,
    /// The CA certificates for upstreams, instead of those of the file or the machine.
    pub(crate) ca_certificates: Option<PathBuf>,
    /// A folder per Secret, with a file per key.
    pub(crate) secrets: Option<PathBuf>,
    /// Where OPA is.
    pub(crate) opa: Option<HostPort>,
    /// Worker threads of each Envoy, instead of those of its Egress.
    pub(crate) concurrency: Option<u32>,
}

/// `NAME=HOST:PORT`: where to connect instead of an upstream's own address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Connect {
    /// `NAME` or `NAMESPACE/NAME` of the Egress.
    pub(crate) egress: String,
    pub(crate) address: HostPort,
}

impl Settings {
    /// Worker threads of the Envoy of an Egress.
    pub(crate) fn workers(&self, egress: &Egress) -> u32 {
        self.concurrency.unwrap_or(egress.spec.gateway.concurrency)
    }

    /// Where to connect instead of this upstream's own address.
    pub(crate) fn address_of(&self, egress: &Egress) -> Option<&HostPort> {
        let is_named = |connect: &&Connect| connect.egress == *egress.name || connect.egress == egress.route();
        self.connect.iter().find(is_named).map(|connect| &connect.address).or(self.upstream.as_ref())
    }
}
