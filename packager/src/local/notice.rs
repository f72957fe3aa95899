//! What a gateway in the mesh does, and one on this machine does not.

use sallyport_egress::model::health::Readiness;
use sallyport_manifest::{HostPort, Plan, Served};

/// One line each, for this Egress. What is so for every Egress is in the help of the command.
pub(crate) fn notices(plan: &Plan<'_>, served: &Served, opa: Option<&HostPort>) -> Vec<String> {
    let spec = &plan.egress.spec;
    let mut notices = Vec::new();
    if let Some(own) = served.authorization() {
        notices.push(match opa {
            Some(HostPort { host, port }) => format!("OPA is not started: {host}:{port} is asked (--opa)"),
            None => format!(
                "OPA is not started: {}:{} is asked, and requests are refused if it does not answer; --opa names another",
                own.host, own.port
            ),
        });
    }
    if let Some(expose) = &spec.expose {
        notices.push(format!("the ingress gateway for {} (expose): call the gateway itself", expose.host));
    }
    if spec.health.readiness == Readiness::Upstream {
        notices.push("pods that become unready (health.readiness: upstream)".to_owned());
    }
    notices.extend(served.not_served.iter().cloned());
    notices
}
