//! What a gateway in the mesh does, and one on this machine does not.

use sallyport_egress::model::health::Readiness;
use sallyport_egress::model::{Egress, TlsMode};
use sallyport_egress::value::file_path::{CERTIFICATES, FileSource};
use sallyport_manifest::{Plan, Served, tls_secret_name};

use super::settings::Settings;

/// One line each, for this Egress. What is so for every Egress is in the help of the command.
pub(crate) fn notices(plan: &Plan<'_>, served: &Served, settings: &Settings) -> Vec<String> {
    let spec = &plan.egress.spec;
    let mut notices = Vec::new();
    if let Some(own) = served.authorization() {
        notices.push(match &settings.opa {
            Some(given) => format!("OPA is not started: {given} is asked (--opa)"),
            None => format!(
                "OPA is not started: {own} is asked, and requests are refused if it does not answer; --opa names another"
            ),
        });
    }
    if settings.ca_certificates.is_some() {
        notices.extend(authorities(plan.egress));
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

/// What the gateway in the mesh does about the authorities that `--ca-certificates` replaces here.
fn authorities(egress: &Egress) -> Option<String> {
    let tls = &egress.spec.upstream.tls;
    if tls.mode == TlsMode::None {
        return Some("--ca-certificates has no effect: the upstream has no TLS (upstream.tls.mode: NONE)".to_owned());
    }
    let is_of_system = tls.ca_certificates.as_ref().is_none_or(|path| path.source() == FileSource::Bundle);
    is_of_system.then(|| {
        let folder = tls.mounted_folders().first().copied().unwrap_or(CERTIFICATES).to_owned();
        format!(
            "the system's authorities, with which the gateway in the mesh verifies the upstream: --ca-certificates replaces \
             them here alone. For a private authority write `upstream.tls.caCertificates: {folder}/ca.crt`, and put it into \
             the Secret `{}` as `ca.crt`",
            tls_secret_name(egress),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::example::tests::egress_with;

    #[test]
    fn authorities_that_the_mesh_does_not_have_are_named() {
        let mut egress = egress_with(Vec::new());
        let expected = "`upstream.tls.caCertificates: /etc/sallyport/upstream/ca.crt`, and put it into the Secret \
                        `httpbin-upstream-tls` as `ca.crt`";
        for path in [None, Some("system"), Some("/etc/ssl/certs/ca-certificates.crt")] {
            egress.spec.upstream.tls.ca_certificates = path.and_then(|path| path.parse().ok());
            let notice = authorities(&egress).unwrap_or_default();
            assert!(notice.ends_with(expected), "{path:?}: {notice}");
        }
        egress.spec.upstream.tls.client_certificate = "/etc/own/tls.crt".parse().ok();
        assert!(authorities(&egress).unwrap_or_default().contains("`upstream.tls.caCertificates: /etc/own/ca.crt`"));
        for path in ["/etc/own/ca.crt", "beside/ca.pem"] {
            egress.spec.upstream.tls.ca_certificates = path.parse().ok();
            assert_eq!(authorities(&egress), None, "{path}");
        }
        egress.spec.upstream.tls.mode = TlsMode::None;
        assert!(authorities(&egress).unwrap_or_default().starts_with("--ca-certificates has no effect"));
    }
}
