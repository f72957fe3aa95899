//! The probe's query is denied by a rule that applies to all callers.
//!
//! A probe is the gateway's own request and needs no rule. But if a DENY rule forbids a query parameter
//! for every caller, the upstream should not receive it from the probe either.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! health: {probe: {path: "/status/200?debug=1"}}
//! authz:
//!   rules:
//!   - id: no-debug
//!     action: DENY
//!     when: [{key: "request.query[debug]", values: ["*"]}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! health: {probe: {path: /status/200}}
//! authz:
//!   rules:
//!   - id: no-debug
//!     action: DENY
//!     when: [{key: "request.query[debug]", values: ["*"]}]
//! ```
//!
//! Fix: Probe without that parameter, or name in the rule's `from` the callers that it is for.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::{Input, Subject};
use crate::model::Mesh;
use crate::policy::policy_source;
use crate::wording::quoted;
use sallyport_core::health::Probe;
use sallyport_core::policy::key::{Topic, topic_of};
use sallyport_core::wire;
use sallyport_core::{Engine, RequestView};
use std::collections::HashSet;

pub(super) const LINT: Lint = Lint { code: Code::ProbeQueryDenied, run, source: include_str!("probe_query_denied.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let unwritten = Mesh::default();
    let mesh = input.mesh.as_ref().map_or(&unwritten, |(_, _, mesh)| *mesh);
    for subject in &input.egresses {
        let Some(probe) = &subject.egress.spec.health.probe else { continue };
        let Some((path, _)) = probe.path.split_once('?') else { continue };
        let Some(engine) = engine(subject, mesh) else { continue };
        let without = denied(&engine, subject, path);
        if let Some(rule) = denied(&engine, subject, &probe.path).difference(&without).next() {
            let message = format!("the rule {} denies this query to all callers", quoted(rule));
            let help = "probe without that parameter, or name in the rule's `from` the callers that it is for";
            findings.push(subject.at("health.probe.path", message, help));
        }
    }
    findings
}

/// The policy's rules that deny without looking at the caller.
fn engine(subject: &Subject<'_>, mesh: &Mesh) -> Option<Engine> {
    let mut policy = policy_source(subject.egress, mesh, &[]);
    policy.rules.retain(denies_all_callers);
    Engine::compile(&policy).ok()
}

fn denies_all_callers(rule: &wire::Rule) -> bool {
    let wire::Rule { id: _, action, stage, from, to: _, when } = rule;
    let is_about_request = |key: &str| matches!(topic_of(key), Some(Topic::QueryParameter | Topic::Header));
    let conditions = when.as_deref().unwrap_or_default();
    *action == wire::Action::Deny
        && *stage == wire::Stage::Enforce
        && from.is_none()
        && conditions.iter().all(|condition| is_about_request(&condition.key))
}

/// The rules that match the probe's request with this path.
fn denied<'e>(engine: &'e Engine, subject: &Subject<'_>, path: &str) -> HashSet<&'e str> {
    let host = subject.egress.spec.host.authority();
    let headers = headers(engine, &host, path);
    let view = RequestView { headers: &headers, ..RequestView::default() };
    engine.explain(&view).rules.iter().filter(|rule| rule.matched).map(|rule| rule.id).collect()
}

/// The probe's request, as if a caller had sent it to this host.
pub(super) fn headers<'a>(engine: &'a Engine, host: &'a str, path: &'a str) -> Vec<(&'a [u8], &'a [u8])> {
    let sent = engine.health().and_then(|health| health.probe(0)).map(Probe::headers);
    let as_caller = |(name, value)| match name {
        ":path" => (name, path),
        ":authority" => (name, host),
        _ => (name, value),
    };
    sent.into_iter().flatten().map(as_caller).map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect()
}
