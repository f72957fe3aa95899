//! The Mesh file names an Istio version that gets no more fixes.
//!
//! Istio supports a minor version until about six weeks after the release of its second successor. With
//! 1.31 released, 1.29 is at its end, and vulnerabilities that are found later stay open in its
//! gateways.
//!
//! Bad:
//!
//! ```yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Mesh
//! metadata: {name: mesh}
//! spec: {istioVersion: "1.29"}
//! ```
//!
//! Good:
//!
//! ```yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Mesh
//! metadata: {name: mesh}
//! spec: {istioVersion: "1.31"}
//! ```
//!
//! Fix: Upgrade Istio, then write the version that runs: it decides which resources are emitted.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::model::IstioVersion;

pub(super) const LINT: Lint =
    Lint { code: Code::IstioOutOfSupport, run, source: include_str!("istio_out_of_support.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let Some((file, tree, mesh)) = input.mesh.filter(|(_, _, mesh)| mesh.istio_version == IstioVersion::V1_29) else {
        return Vec::new();
    };
    let message = format!("Istio `{}` is at the end of its support", mesh.istio_version);
    vec![finding(file, tree.nearest("spec.istioVersion"), message, "upgrade Istio to 1.30 or 1.31")]
}
