//! What the gateway's route makes of a request behind the filter.

use super::{Outcome, Scenario, Upstream};
use crate::model::Egress;
use crate::model::deploy::PathRoute;
use crate::model::outbound::Credential;

impl Upstream {
    /// The request as it leaves the gateway by the route of its Egress: with the upstream's own host and path, without the headers
    /// that the route removes, and with the credential, whose value is in a Secret.
    #[must_use]
    pub fn after_route(mut self, egress: &Egress, port: Option<u16>) -> Self {
        let removed = egress.spec.headers.removed_from_requests();
        self.headers.retain(|(name, _)| !removed.contains(name.as_str()));
        let callers_port =
            egress.listening_ports().find(|(_, listening)| Some(*listening) == port).map(|(port, _)| port);
        let upstream_port =
            callers_port.and_then(|port| egress.upstream_port(port)).unwrap_or(egress.spec.upstream.port);
        let authority = egress.upstream_authority_at(upstream_port).to_string();
        for (name, value) in &mut self.headers {
            match name.as_str() {
                ":authority" => *value = authority.clone().into_bytes(),
                ":path" => *value = rewritten(&egress.spec.route.paths_by_rank(), value),
                _ => {}
            }
        }
        if let Some(Credential { name, prefix, secret_name, secret_key }) = &egress.spec.headers.credential {
            self.headers.retain(|(known, _)| known != name.as_str());
            let value = format!("{}<{} of Secret {}>", prefix.as_str(), secret_key.as_str(), secret_name.as_str());
            self.headers.push((name.to_string(), value.into_bytes()));
        }
        self
    }
}

impl Outcome {
    /// The same with what the upstream gets as it leaves the gateway by the route of this Egress.
    #[must_use]
    pub(super) fn after_route(self, egress: &Egress, scenario: &Scenario) -> Self {
        let port = scenario.caller.gateway.map(|gateway| gateway.port());
        Self { upstream: self.upstream.map(|upstream| upstream.after_route(egress, port)), ..self }
    }
}

/// The path by the first of these routes that it takes.
fn rewritten(routes: &[&PathRoute], path: &[u8]) -> Vec<u8> {
    let end = path.iter().position(|byte| *byte == b'?').unwrap_or(path.len());
    let (plain, query) = path.split_at_checked(end).unwrap_or((path, &[]));
    for PathRoute { path: from, rewrite, .. } in routes {
        let rest = match from.prefix() {
            Some(prefix) => plain.strip_prefix(prefix.as_bytes()),
            None => (plain == from.as_bytes()).then_some(&[][..]),
        };
        if let Some(rest) = rest {
            let Some(to) = rewrite else { break };
            return [to.prefix().unwrap_or(to).as_bytes(), rest, query].concat();
        }
    }
    path.to_vec()
}
