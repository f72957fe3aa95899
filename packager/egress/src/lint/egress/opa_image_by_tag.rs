//! The OPA image is named by a tag.
//!
//! OPA decides who may pass, and a tag can be moved: pods that start tomorrow may run another version
//! than those of today, although no file has changed.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! gateway: {opa: {image: "openpolicyagent/opa:1.9.0-envoy", policyConfigMap: policy}}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! gateway:
//!   opa:
//!     image: openpolicyagent/opa@sha256:abababababababababababababababababababababababababababababababab
//!     policyConfigMap: policy
//! ```
//!
//! Fix: Write the digest: `REPOSITORY@sha256:DIGEST`.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::value::image::Selector;
use crate::wording::quoted;

pub(super) const LINT: Lint = Lint { code: Code::OpaImageByTag, run, source: include_str!("opa_image_by_tag.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let Some(opa) = &subject.egress.spec.gateway.opa else { continue };
        if matches!(opa.image.selector(), Selector::Tag(_)) {
            let message = format!("the tag of {} can be moved to another image", quoted(&opa.image));
            findings.push(subject.at("gateway.opa.image", message, "write `REPOSITORY@sha256:DIGEST`"));
        }
    }
    findings
}
