//! The probe's path has a query that the policy denies to everybody.
//!
//! A probe needs no rule: it is the gateway's own request. But where a DENY rule forbids a parameter whoever asks, the
//! upstream is not to see it, and so not from the probe either.
//!
//! Ask without that parameter, or say in the rule's `from` whom it is meant for.

use super::{Finding, Input, Subject};
use crate::check::policy_source;
use crate::model::Mesh;
use crate::model::health::Probe;
use crate::parse::suggest::quoted;
use sallyport_core::policy::key::{Topic, topic_of};
use sallyport_core::wire;
use sallyport_core::{Engine, RequestView};
use std::collections::HashSet;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let unwritten = Mesh::default();
    let mesh = input.mesh.as_ref().map_or(&unwritten, |(_, _, mesh)| *mesh);
    for subject in &input.egresses {
        let Some(probe) = &subject.egress.spec.health.probe else { continue };
        let Some((path, _)) = probe.path.split_once('?') else { continue };
        let Some(engine) = engine(subject, mesh) else { continue };
        let without = denied(&engine, subject, probe, path);
        if let Some(rule) = denied(&engine, subject, probe, &probe.path).difference(&without).next() {
            let message = format!("the rule {} denies this query to everybody", quoted(rule));
            let help = "ask without that parameter, or write in the rule's `from` whom it is meant for";
            findings.push(subject.at("health.probe.path", message, help));
        }
    }
    findings
}

/// The policy, as far as it speaks of nobody.
fn engine(subject: &Subject<'_>, mesh: &Mesh) -> Option<Engine> {
    let mut policy = policy_source(subject.egress, mesh, &[]);
    policy.rules.retain(denies_everybody);
    Engine::compile(&policy).ok()
}

fn denies_everybody(rule: &wire::Rule) -> bool {
    let wire::Rule { id: _, action, mode, from, to: _, when } = rule;
    let of_the_request = |key: &str| matches!(topic_of(key), Some(Topic::QueryParameter | Topic::Header));
    let conditions = when.as_deref().unwrap_or_default();
    *action == wire::Action::Deny
        && *mode == wire::Mode::Enforce
        && from.is_none()
        && conditions.iter().all(|condition| of_the_request(&condition.key))
}

/// The rules that match the probe's request with this path.
fn denied<'e>(engine: &'e Engine, subject: &Subject<'_>, probe: &Probe, path: &str) -> HashSet<&'e str> {
    let headers = headers(subject, probe, path);
    let view = RequestView { headers: &headers, ..RequestView::default() };
    engine.explain(&view).rules.iter().filter(|rule| rule.matched).map(|rule| rule.id).collect()
}

/// The probe's request as a caller would send it.
pub(super) fn headers<'a>(subject: &Subject<'a>, probe: &'a Probe, path: &'a str) -> [(&'a [u8], &'a [u8]); 4] {
    [
        (b":method", probe.method.as_bytes()),
        (b":path", path.as_bytes()),
        (b":authority", subject.egress.spec.host.as_bytes()),
        (b"user-agent", b"sallyport-probe"),
    ]
}
