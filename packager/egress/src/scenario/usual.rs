//! What an ordinary client of a gateway has.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use sallyport_core::flow::Needs;

use super::{Caller, Scenario, usual_server_name};
use crate::model::Egress;

/// The port of a gateway without ports.
const PORT: u16 = 8443;

impl Caller {
    /// A client without a certificate, which connects to the first port of this gateway, and asks for this host in TLS 1.3.
    #[must_use]
    pub fn usual(egress: &Egress, host: String) -> Self {
        let port = egress.listening_ports().next().map_or(PORT, |(_, port)| port);
        Self {
            gateway: Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)),
            server_name: Some(host),
            tls_version: Some("TLSv1.3".to_owned()),
            ..Self::anonymous()
        }
    }
}

impl Scenario {
    /// The same with a usual connection, as far as a policy with these needs does not look at it.
    #[must_use]
    pub fn on_usual_connection(mut self, egress: &Egress, needs: Needs) -> Self {
        let authority = String::from_utf8_lossy(&self.request.authority);
        let usual = Caller::usual(egress, usual_server_name(egress, &authority));
        let caller = &mut self.caller;
        if !needs.contains(Needs::SNI) {
            caller.server_name = usual.server_name;
        }
        if !needs.contains(Needs::TLS_VERSION) {
            caller.tls_version = usual.tls_version;
        }
        if !needs.contains(Needs::DESTINATION_PORT) && !needs.contains(Needs::DESTINATION_ADDRESS) {
            caller.gateway = usual.gateway;
        }
        self
    }
}
