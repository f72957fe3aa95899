//! `health.failover` names an Egress that is not among the files.
//!
//! The gateway's route to a standby is made from the standby's own Egress: its host, its TLS, its timeouts. Without that
//! file there is no route, so `sallyport build` refuses to go on without it. `sallyport run` serves one file, and has no
//! standbys.
//!
//! Check and build both files together. A standby is of the same namespace: Istio shows an upstream to its own only.

use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::parse::suggest::quoted;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let namespace = &subject.egress.namespace;
        for (position, name) in subject.egress.spec.health.failover.iter().enumerate() {
            if !input.names.contains(&(namespace.clone(), name.clone())) {
                let message = format!("the Egress {} is not among these files", quoted(&format!("{namespace}/{name}")));
                let help = "check its file together with this one, or leave it out";
                findings.push(subject.at(&format!("health.failover[{position}]"), message, help));
            }
        }
    }
    findings
}
