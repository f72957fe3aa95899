//! What the engine says of the requests of a log.

use std::collections::BTreeMap;

use sallyport_core::policy::key::{Topic, topic_of};
use sallyport_core::request::{Tolerance, canonical};
use sallyport_core::verdict::Reason;
use sallyport_core::wire::{Action, FromEntry, Operation, Policy, Rule, Source, Stage, ToEntry};
use sallyport_core::{Ambiguity, Engine, InvalidPolicy};

use crate::model::{Authz, Egress, Mesh};
use crate::policy::{policy, policy_source};
use crate::scenario::{Caller, Certificate, Effect, Request, Scenario, normalized};

/// The Egress whose policy is to be completed.
#[derive(Clone, Debug)]
pub struct Base {
    /// The Egress.
    pub egress: Egress,
    /// Its standbys.
    pub standbys: Vec<Egress>,
}

impl Base {
    /// What the gateway gets of it, as if it were enforced.
    pub(super) fn policy(&self, mesh: &Mesh) -> Policy {
        let source = policy_source(&self.egress, mesh, &self.standbys.iter().collect::<Vec<_>>());
        Policy { stage: Stage::Enforce, ..source }
    }

    /// Whether callers use this host.
    pub(super) fn is_called(&self, host: &str) -> bool {
        let mut exposed = self.egress.spec.expose.iter().flat_map(|expose| expose.hosts());
        self.egress.hosts().any(|own| own.eq_ignore_ascii_case(host))
            || exposed.any(|own| own.eq_ignore_ascii_case(host))
    }

    /// Whether the upstream gets this host.
    pub(super) fn is_upstream(&self, host: &str) -> bool {
        let ports = self.egress.listening_ports().filter_map(|(port, _)| self.egress.upstream_port(port));
        let mut authorities = ports.map(|port| self.egress.upstream_authority_at(port).to_string());
        authorities.any(|authority| plain_host(&authority) == host)
    }
}

/// What a policy says of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// Rules may be learned from it.
    Open,
    /// A rule of the file allows it.
    Allowed,
    /// It is ambiguous, in this way.
    Ambiguous(String),
    /// A DENY rule of the file refuses it.
    Denied(String),
    /// This rule of the file allows it, if conditions hold of which a log says nothing.
    Conditional(String),
}

/// Asks the engine.
pub(super) struct Judge {
    engine: Engine,
    /// Of a policy that needs to know who calls, which one without rules does not.
    identity: Engine,
    base: Option<Base>,
    /// Whether a rule looks at something of which a log says nothing: an explanation looks at every rule, and is slow.
    has_conditions: bool,
    tolerance: Tolerance,
    mesh: Mesh,
}

impl Judge {
    pub(super) fn new(base: Option<Base>, mesh: &Mesh) -> Result<Self, InvalidPolicy> {
        let (source, tolerate) = match &base {
            Some(base) => (base.policy(mesh), base.egress.spec.authz.tolerate.clone()),
            None => (policy("learn/learn".to_owned(), &Authz::default(), Stage::Enforce, 0, mesh), Vec::new()),
        };
        let identity = Engine::compile(&policy_of("*", mesh))?;
        let has_conditions = source.rules.iter().any(may_look_further);
        let engine = Engine::compile(&source)?;
        Ok(Self { engine, identity, base, has_conditions, tolerance: Tolerance::new(&tolerate), mesh: mesh.clone() })
    }

    /// The host that callers use.
    pub(super) fn host(&self) -> &str {
        self.base.as_ref().map_or("clear", |base| &*base.egress.spec.host)
    }

    /// The path as the filter gets it, and in the form in which rules are written; or how it is ambiguous.
    pub(super) fn canonical(&self, path: &str) -> Result<(String, String), &'static str> {
        let received = normalized(path.as_bytes()).ok_or(Ambiguity::MalformedPath.as_str())?;
        let (found, _) = canonical(&received, self.tolerance).map_err(Ambiguity::as_str)?;
        // What is tolerated may not be text; no rule could be written for it.
        let text = |bytes| String::from_utf8(bytes).map_err(|_| Ambiguity::InvalidUtf8.as_str());
        let found = text(found.text.into_owned())?;
        Ok((text(received)?, found))
    }

    /// The principal of a caller, as rules see it; `None`: it has none, or one that no rule can name.
    pub(super) fn principal(&self, caller: &Caller) -> Option<String> {
        let scenario = Scenario { caller: caller.clone(), request: Request::new("GET", "clear", "/") };
        let principal = scenario.decide(&self.identity).principal?;
        Engine::compile(&policy_of(&principal, &self.mesh)).is_ok().then_some(principal)
    }

    /// How a method or a host is ambiguous, if it is.
    pub(super) fn ambiguity(&self, method: &str, host: &str) -> Option<String> {
        let scenario = Scenario { caller: Caller::anonymous(), request: Request::new(method, host, "/") };
        ambiguity(&scenario.decide(&self.engine).effect)
    }

    /// Whether the file allows a request.
    pub(super) fn allows(&self, scenario: Scenario) -> bool {
        let scenario = match &self.base {
            Some(base) => scenario.on_usual_connection(&base.egress, self.engine.needs()),
            None => scenario,
        };
        scenario.decide(&self.engine).effect.is_allowed()
    }

    /// What the file says of a request.
    pub(super) fn judge(&self, scenario: Scenario, logged_rule: Option<&str>) -> Judgement {
        let Some(base) = &self.base else { return Judgement::Open };
        let scenario = scenario.on_usual_connection(&base.egress, self.engine.needs());
        let effect = scenario.decide(&self.engine).effect;
        if let Some(kind) = ambiguity(&effect) {
            return Judgement::Ambiguous(kind);
        }
        match effect {
            Effect::Allowed(_) => Judgement::Allowed,
            Effect::Refused(Reason::Denied, rule) => Judgement::Denied(rule.unwrap_or_default()),
            _ if !self.has_conditions => Judgement::Open,
            _ => self.conditional(&scenario, &base.egress.spec.authz.rules, logged_rule),
        }
    }

    /// A log has no headers, queries, tokens and few addresses: a rule that fails by these alone may have allowed the request.
    fn conditional(&self, scenario: &Scenario, rules: &[Rule], logged_rule: Option<&str>) -> Judgement {
        let found = scenario.with_explanation(&self.engine, |explanation| {
            let by_conditions = explanation.rules.iter().zip(rules).filter(|(explained, rule)| {
                rule.action == Action::Allow
                    && explained.enforced
                    && !explained.failed.is_empty()
                    && may_match(&explained.failed, rule)
            });
            let ids: Vec<&str> = by_conditions.map(|(_, rule)| &*rule.id).collect();
            let logged = ids.iter().find(|id| logged_rule == Some(**id));
            logged.or(ids.first()).map(|id| (*id).to_owned())
        });
        match found {
            // The log says that it was this rule, so the conditions held.
            Some(rule) if logged_rule == Some(&rule) => Judgement::Allowed,
            Some(rule) => Judgement::Conditional(rule),
            None => Judgement::Open,
        }
    }
}

/// A policy that lets callers with this principal through.
fn policy_of(principal: &str, mesh: &Mesh) -> Policy {
    let source = Source { principals: Some(vec![principal.to_owned()]), ..Source::default() };
    let from = Some(vec![FromEntry { source }]);
    let authz = Authz { rules: vec![Rule { id: "any".to_owned(), from, ..Rule::default() }], ..Authz::default() };
    policy("learn/learn".to_owned(), &authz, Stage::Enforce, 0, mesh)
}

/// Whether all that keeps a rule from matching is something of which a log says nothing. Of several sources or operations one
/// is enough.
fn may_match(failed: &[String], rule: &Rule) -> bool {
    let parts = || failed.iter().map(|path| path.split('.').skip(1).collect::<Vec<_>>());
    let alternatives = |name: &str| {
        let mut by_entry: BTreeMap<String, bool> = BTreeMap::new();
        for part in parts() {
            if let Some(entry) = part.first().filter(|entry| entry.starts_with(name)) {
                let is_unknown = part.last().is_some_and(|field| is_not_logged(field));
                by_entry.entry((*entry).to_owned()).and_modify(|all| *all &= is_unknown).or_insert(is_unknown);
            }
        }
        by_entry.is_empty() || by_entry.values().any(|all| *all)
    };
    let condition = |entry: &str| {
        let index = entry.strip_prefix("when[")?.strip_suffix(']')?.parse::<usize>().ok()?;
        topic_of(&rule.when.as_ref()?.get(index)?.key)
    };
    let conditions = parts().filter_map(|part| condition(part.first()?)).all(|topic| topic != Topic::Caller);
    conditions && alternatives("from[") && alternatives("to[")
}

/// Whether a rule has more than the callers, methods, paths and hosts of which a log says everything.
fn may_look_further(rule: &Rule) -> bool {
    let plain_source = |entry: &FromEntry| {
        let Source { principals, service_accounts, namespaces, trust_domains, .. } = entry.source.clone();
        entry.source == Source { principals, service_accounts, namespaces, trust_domains, ..Source::default() }
    };
    let plain_operation = |entry: &ToEntry| {
        let Operation { methods, paths, not_paths, hosts, .. } = entry.operation.clone();
        entry.operation == Operation { methods, paths, not_paths, hosts, ..Operation::default() }
    };
    rule.when.is_some()
        || !rule.from.iter().flatten().all(plain_source)
        || !rule.to.iter().flatten().all(plain_operation)
}

/// Whether a field of a source or an operation looks at something that a log does not have.
fn is_not_logged(field: &str) -> bool {
    const FIELDS: [&str; 5] = ["requestPrincipals", "ipBlocks", "remoteIpBlocks", "grpc", "ports"];
    let positive = field.strip_prefix("not").map(|rest| rest.to_ascii_lowercase());
    FIELDS.iter().any(|known| field == *known || positive.as_deref() == Some(&known.to_ascii_lowercase()))
}

fn ambiguity(effect: &Effect) -> Option<String> {
    match effect {
        Effect::Refused(Reason::Ambiguous(kind), _) => Some(kind.as_str().to_owned()),
        _ => None,
    }
}

/// The caller of a line: `peer` has the URI names of its certificate.
pub(super) fn caller_of(peer: &str, behind_it: Option<&str>) -> Caller {
    let certificate = Certificate { uris: peer.split(',').map(str::to_owned).collect(), dns: Vec::new() };
    Caller {
        certificate: Some(certificate),
        forwarded: behind_it.map(Certificate::of_principal).into_iter().collect(),
        tls_version: Some("TLSv1.3".to_owned()),
        ..Caller::anonymous()
    }
}

/// In lower case, without port and final dot.
pub(super) fn plain_host(host: &str) -> String {
    let host = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_that_no_rule_can_name_is_none() {
        let judge = Judge::new(None, &Mesh::default()).unwrap();
        let principal = |name: &str| judge.principal(&caller_of(&format!("spiffe://{name}"), None));
        for name in ["cluster.local/ns/shop/sa/a/sa/b", "cluster.local/ns/shop/sa/a/b", "cluster.local/ns/a/b/sa/c"] {
            assert_eq!(principal(name), None, "{name}");
        }
        for name in ["cluster.local/ns/shop/sa/a", "elsewhere/ns/shop/sa/a", "cluster.local/x"] {
            assert_eq!(principal(name).as_deref(), Some(name));
        }
    }

    #[test]
    fn hosts_are_compared_without_port_and_case() {
        for host in ["h.example", "H.Example:443", "h.example."] {
            assert_eq!(plain_host(host), "h.example");
        }
        assert_eq!(plain_host("[::1]:80"), "[::1]");
        assert_eq!(plain_host("[::1]"), "[::1]");
    }
}
