//! The image of OPA is named by a tag.
//!
//! OPA decides here who may pass, and a tag can be moved: pods that start tomorrow may run another decider than those of
//! today, and nobody changed a file.
//!
//! Write the digest: `REPOSITORY@sha256:...`.

use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::parse::suggest::quoted;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let Some(opa) = &subject.egress.spec.gateway.opa else { continue };
        if !opa.image.contains("@sha256:") {
            let message = format!("the tag of {} can be moved to another image", quoted(&opa.image));
            findings.push(subject.at("gateway.opa.image", message, "write `REPOSITORY@sha256:DIGEST`"));
        }
    }
    findings
}
