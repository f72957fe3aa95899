//! The probe's path is ambiguous.
//!
//! The upstream may read it as another path: `//health`, `/a;b/health`, `/a/../health`. For callers,
//! the filter refuses such a path, or Envoy resolves it first. A probe passes through neither, so its
//! result may differ from what callers get.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! health: {probe: {path: /status/../get}}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! health: {probe: {path: /get}}
//! ```
//!
//! Fix: Write the path as the upstream reads it in the end, or add this kind of ambiguity to
//! `authz.tolerate`.

use super::probe_query_denied::headers;
use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::model::Mesh;
use crate::policy::policy_source;
use crate::wording::quoted;
use sallyport_core::{Ambiguity, Engine, Reason, Refusal, RequestView, Verdict, wire};

pub(super) const LINT: Lint =
    Lint { code: Code::AmbiguousProbePath, run, source: include_str!("ambiguous_probe_path.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let Some(probe) = &subject.egress.spec.health.probe else { continue };
        // Whether a path is ambiguous depends neither on rules nor on the mesh.
        let policy = policy_source(subject.egress, &Mesh::default(), &[]);
        let policy = wire::Policy { rules: Vec::new(), stage: wire::Stage::Enforce, ..policy };
        let Ok(engine) = Engine::compile(&policy) else { continue };
        let host = subject.egress.spec.host.authority();
        let headers = headers(&engine, &host, &probe.path);
        if let Some(kind) = ambiguity(&engine, &RequestView { headers: &headers, ..RequestView::default() }) {
            let message = format!("the path {} is ambiguous: `{}`", quoted(&probe.path), kind.as_str());
            let help = "write the path as the upstream reads it in the end";
            findings.push(subject.at("health.probe.path", message, help));
        }
    }
    findings
}

fn ambiguity(engine: &Engine, view: &RequestView<'_>) -> Option<Ambiguity> {
    match engine.on_request(view).verdict {
        Verdict::Refuse(Refusal { reason: Reason::Ambiguous(kind), .. }) => Some(kind),
        _ => None,
    }
}
