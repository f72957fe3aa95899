//! What the user has chosen for a session, which stays the same while it runs.

use std::path::PathBuf;

use super::bootstrap::HostPort;
use super::caller::ServiceAccount;

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The Egress file.
    pub(crate) file: PathBuf,
    /// A Mesh file.
    pub(crate) mesh: Option<PathBuf>,
    /// Of the listener; 0 for any free port.
    pub(crate) port: u16,
    /// Of Envoy's administration interface; 0 for any free port.
    pub(crate) admin_port: u16,
    /// The Envoy to run.
    pub(crate) envoy: Option<PathBuf>,
    /// The filter module to load.
    pub(crate) wasm: Option<PathBuf>,
    /// The directory to keep; `None` for a temporary one.
    pub(crate) directory: Option<PathBuf>,
    /// Callers that get a certificate although the policy does not name them.
    pub(crate) callers: Vec<ServiceAccount>,
    /// Where to connect instead of the upstream's own address.
    pub(crate) connect_to: Option<HostPort>,
    /// The CA certificates for the upstream, instead of those of the file or the machine.
    pub(crate) ca_certificates: Option<PathBuf>,
    /// Worker threads of Envoy.
    pub(crate) concurrency: u16,
}
