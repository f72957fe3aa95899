//! A rule allows callers from the gateway's own namespace, which holds the gateway's client
//! certificate.
//!
//! With `mode: MUTUAL` the upstream identifies the gateway by a certificate in a Secret. Every pod in a
//! namespace may mount its Secrets and use its service accounts, so such a caller could connect to the
//! upstream as the gateway, past every rule.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! upstream:
//!   host: bank.example
//!   port: 443
//!   tls:
//!     mode: MUTUAL
//!     clientCertificate: /etc/sallyport/upstream/tls.crt
//!     privateKey: /etc/sallyport/upstream/tls.key
//! authz:
//!   rules:
//!   - id: readers
//!     action: ALLOW
//!     from: [{source: {serviceAccounts: [httpbin/sleep]}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! upstream:
//!   host: bank.example
//!   port: 443
//!   tls:
//!     mode: MUTUAL
//!     clientCertificate: /etc/sallyport/upstream/tls.crt
//!     privateKey: /etc/sallyport/upstream/tls.key
//! authz:
//!   rules:
//!   - id: readers
//!     action: ALLOW
//!     from: [{source: {serviceAccounts: [payments/sleep]}}]
//! ```
//!
//! Fix: Give the gateway its own namespace, such as `metadata: {namespace: egress-bank}`. In the
//! examples the gateway is in `httpbin`.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::model::TlsMode;
use crate::wording::quoted;
use sallyport_core::wire;

pub(super) const LINT: Lint =
    Lint { code: Code::CallerInGatewayNamespace, run, source: include_str!("caller_in_gateway_namespace.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in input.egresses.iter().filter(|subject| subject.egress.spec.upstream.tls.mode == TlsMode::Mutual) {
        let namespace = &subject.egress.namespace;
        for (path, rule) in subject.rules(wire::Action::Allow) {
            for (position, _) in
                rule.from.iter().flatten().enumerate().filter(|(_, from)| names_namespace(&from.source, namespace))
            {
                let message = format!(
                    "the rule {} allows callers from {}, the gateway's own namespace",
                    quoted(&rule.id),
                    quoted(namespace)
                );
                let help = "give the gateway its own namespace: every pod of a namespace can mount its Secrets";
                findings.push(subject.at(&format!("{path}.from[{position}].source"), message, help));
            }
        }
    }
    findings
}

/// Whether the source names this namespace.
fn names_namespace(source: &wire::Source, namespace: &str) -> bool {
    let has =
        |field: &Option<Vec<String>>, test: &dyn Fn(&str) -> bool| field.iter().flatten().any(|value| test(value));
    has(&source.namespaces, &|value| value == namespace)
        || has(&source.service_accounts, &|value| value.split_once('/').is_none_or(|(of, _)| of == namespace))
        || has(&source.principals, &|value| value.contains(&format!("/ns/{namespace}/")))
}
