//! The probe's path can be read in two ways.
//!
//! It may stand for another path at the upstream: `//health`, `/a;b/health`, `/a/../health`. To a caller the filter refuses
//! such a path, or Envoy has resolved its `..` before; a probe passes neither. What it learns need not be what callers will
//! find.
//!
//! Write the path as the upstream reads it in the end, or the kind of ambiguity in `authz.tolerate`.

use super::probe_query_denied::headers;
use super::{Finding, Input};
use crate::check::policy_source;
use crate::model::Mesh;
use crate::parse::suggest::quoted;
use sallyport_core::{Ambiguity, Engine, Reason, Refusal, RequestView, Verdict, wire};

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let Some(probe) = &subject.egress.spec.health.probe else { continue };
        // How a path is read is no matter of rules, and none of the mesh.
        let policy = policy_source(subject.egress, &Mesh::default(), &[]);
        let policy = wire::Policy { rules: Vec::new(), mode: wire::Mode::Enforce, ..policy };
        let headers = headers(subject, probe, &probe.path);
        if let Some(kind) = ambiguity(&policy, &RequestView { headers: &headers, ..RequestView::default() }) {
            let message = format!("the path {} can be read in two ways: `{}`", quoted(&probe.path), kind.as_str());
            let help = "write it as the upstream reads it in the end, as callers must";
            findings.push(subject.at("health.probe.path", message, help));
        }
    }
    findings
}

fn ambiguity(policy: &wire::Policy, view: &RequestView<'_>) -> Option<Ambiguity> {
    match Engine::compile(policy).ok()?.on_request(view).verdict {
        Verdict::Refuse(Refusal { reason: Reason::Ambiguous(kind), .. }) => Some(kind),
        _ => None,
    }
}
