//! What the filter gets of an Egress.

use crate::model::health::ProbedUpstream;
use crate::model::{AccessLog, Authz, Egress, Mesh};
use sallyport_core::wire::{Headers, Policy, Stage, Standby, Tracing, TracingMode, WIRE_VERSION};
use std::collections::HashMap;

/// The policy that the filter gets for one Egress.
#[must_use]
pub fn policy_source(egress: &Egress, mesh: &Mesh, standbys: &[&Egress]) -> Policy {
    let spec = &egress.spec;
    Policy {
        health: spec.health.to_wire(&probed(egress), standbys.iter().map(|standby| wire_standby(standby)).collect()),
        readiness: Some(spec.health.readiness.to_wire()),
        tracing: spec.tracing.to_wire(),
        headers: spec.headers.to_wire(&standbys.iter().map(|standby| &standby.spec.headers).collect::<Vec<_>>()),
        // The JSON access log and spans read it.
        filter_state: mesh.access_log == AccessLog::Json || spec.tracing.mode == TracingMode::Envoy,
        canary: spec.rollout.canary.clone(),
        ..policy(egress.route(), &spec.authz, spec.rollout.stage, spec.gateway.num_trusted_proxies, mesh)
    }
}

fn probed(egress: &Egress) -> ProbedUpstream {
    ProbedUpstream {
        cluster: egress.cluster(egress.probe_subset()),
        scheme: egress.spec.upstream.scheme(),
        authority: egress.upstream_authority().to_string(),
    }
}

fn wire_standby(standby: &Egress) -> Standby {
    let probe = standby.spec.health.probe.as_ref().map(|probe| probe.to_wire(&probed(standby)));
    Standby { upstream: standby.route(), probe }
}

/// The Egresses that `health.failover` names, in its order, as far as they are among these. For the standbys of many, make
/// [`ByName`] once.
#[must_use]
pub fn standbys<'e>(egress: &Egress, all: impl Iterator<Item = &'e Egress>) -> Vec<&'e Egress> {
    if egress.spec.health.failover.is_empty() { Vec::new() } else { ByName::new(all).standbys(egress) }
}

/// Egresses by namespace and name; of two with the same name, the first.
#[derive(Debug)]
pub struct ByName<'e>(HashMap<(&'e str, &'e str), &'e Egress>);

impl<'e> ByName<'e> {
    /// All of these.
    #[must_use]
    pub fn new(all: impl Iterator<Item = &'e Egress>) -> Self {
        let mut by_name = HashMap::new();
        for egress in all {
            by_name.entry((egress.namespace.as_str(), egress.name.as_str())).or_insert(egress);
        }
        Self(by_name)
    }

    /// The Egress of this name.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<&'e Egress> {
        self.0.get(&(namespace, name)).copied()
    }

    /// The Egresses that `health.failover` of this one names, in its order, as far as they are there.
    #[must_use]
    pub fn standbys(&self, egress: &Egress) -> Vec<&'e Egress> {
        egress.spec.health.failover.iter().filter_map(|name| self.get(&egress.namespace, name)).collect()
    }
}

/// The part of the policy that needs no more than a sound `authz` block.
pub(crate) fn policy(upstream: String, authz: &Authz, stage: Stage, num_trusted_proxies: u32, mesh: &Mesh) -> Policy {
    let Authz { trusted_forwarders, tolerate, disclose_rule, rules } = authz;
    Policy {
        version: WIRE_VERSION,
        upstream,
        stage,
        canary: None,
        trust_domain: Some(mesh.trust_domain.clone()),
        trust_domain_aliases: mesh.trust_domain_aliases.clone(),
        trusted_forwarders: trusted_forwarders.clone(),
        tolerate: tolerate.clone(),
        disclose_rule: *disclose_rule,
        filter_state: false,
        num_trusted_proxies,
        health: None,
        readiness: None,
        tracing: Tracing::default(),
        headers: Headers::default(),
        rules: rules.clone(),
        candidate: None,
        automata: Vec::new(),
    }
}
