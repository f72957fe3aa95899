//! A caller lives in the gateway's namespace, where the gateway's client certificate is.
//!
//! With `mode: MUTUAL` the upstream knows the gateway by a certificate in a Secret, and every pod of a namespace may mount
//! its Secrets and use its service accounts. Such a caller can go to the upstream as the gateway, past every rule.
//!
//! Give the gateway a namespace of its own: `metadata: {namespace: egress-NAME}`.

use super::{Finding, Input};
use crate::model::TlsMode;
use crate::parse::suggest::quoted;
use sallyport_core::wire;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in input.egresses.iter().filter(|subject| subject.egress.spec.upstream.tls.mode == TlsMode::Mutual) {
        let namespace = &subject.egress.namespace;
        for (path, rule) in subject.rules(wire::Action::Allow) {
            for (position, _) in
                rule.from.iter().flatten().enumerate().filter(|(_, from)| names(&from.source, namespace))
            {
                let message =
                    format!("the rule {} allows callers of {}, the gateway's namespace", quoted(&rule.id), quoted(namespace));
                let help = "give the gateway a namespace of its own: its Secrets are open to every pod of this one";
                findings.push(subject.at(&format!("{path}.from[{position}].source"), message, help));
            }
        }
    }
    findings
}

/// Whether the source speaks of this namespace by name.
fn names(source: &wire::Source, namespace: &str) -> bool {
    let has = |field: &Option<Vec<String>>, test: &dyn Fn(&str) -> bool| {
        field.iter().flatten().any(|value| test(value))
    };
    has(&source.namespaces, &|value| value == namespace)
        || has(&source.service_accounts, &|value| value.split_once('/').is_none_or(|(of, _)| of == namespace))
        || has(&source.principals, &|value| value.contains(&format!("/ns/{namespace}/")))
}
