//! Who could enter a region.

use sallyport_core::Engine;
use sallyport_core::policy::key::{IdentityField, WrittenKey};
use sallyport_core::wire::{Action, Condition, FromEntry, Policy, Rule, Source, Stage};

use super::observed::Counted;
use crate::meaning::Region;
use crate::model::{Egress, Mesh};
use crate::policy::policy_source;
use crate::scenario::{Caller, Request, Scenario, principal_of};

/// Who could enter a region, as far as that depends on who calls: addresses, tokens, paths and headers are not known of callers.
#[derive(Debug, Default)]
pub struct Reach {
    /// Each lets through the callers of one rule; an enterer passes all.
    all: Vec<Engine>,
    /// None of those that these let through enters.
    none: Vec<Engine>,
    /// Callers that the rules name.
    named: Vec<String>,
}

impl Reach {
    /// Who could enter this region of a gateway.
    #[must_use]
    pub fn of(region: &Region, egress: &Egress, mesh: &Mesh) -> Self {
        let base = policy_source(egress, mesh, &[]);
        let mut reach = Self::default();
        for rule in [&region.scope.rule, &region.scope.and].into_iter().flatten() {
            let callers = callers_of(rule);
            reach.named.extend(named(&callers, egress, mesh));
            reach.all.extend(engine(&base, callers));
        }
        // What a rule says beside its callers may let a request of one of them through.
        if let Some(rule) = region.scope.fails.as_ref().filter(|rule| says_callers_alone(rule)) {
            reach.none.extend(engine(&base, callers_of(rule)));
        }
        let named = std::mem::take(&mut reach.named);
        reach.named = named.into_iter().filter(|name| reach.could(&Counted::Principal(name.clone()))).collect();
        reach.named.sort();
        reach.named.dedup();
        reach
    }

    /// Whether requests of these callers could be in the region.
    #[must_use]
    pub fn could(&self, who: &Counted) -> bool {
        let caller = match who {
            // Any of them might be one that could.
            Counted::Others => return true,
            Counted::Anonymous => Caller::anonymous(),
            Counted::Principal(principal) => Caller::of_principal(principal),
        };
        let scenario = Scenario { caller, request: Request::new("GET", "any", "/") };
        let passes = |engine: &Engine| scenario.decide(engine).effect.is_allowed();
        self.all.iter().all(passes) && !self.none.iter().any(passes)
    }

    /// The callers that the region's rules name one by one, and that could enter it.
    #[must_use]
    pub fn named(&self) -> &[String] {
        &self.named
    }
}

/// The rule with what it says of callers, and nothing else.
fn callers_of(rule: &Rule) -> Rule {
    let from = rule
        .from
        .as_ref()
        .map(|from| from.iter().map(|entry| FromEntry { source: of_identity(&entry.source) }).collect::<Vec<_>>());
    // One that says nothing of identities may be anyone.
    let from = from.filter(|from| from.iter().all(|entry| entry.source != Source::default()));
    let when: Vec<Condition> = rule.when.iter().flatten().filter(|one| identity(one).is_some()).cloned().collect();
    Rule {
        id: "callers".to_owned(),
        action: Action::Allow,
        stage: Stage::Enforce,
        from,
        to: None,
        when: Some(when).filter(|when| !when.is_empty()),
    }
}

fn of_identity(source: &Source) -> Source {
    Source {
        principals: source.principals.clone(),
        not_principals: source.not_principals.clone(),
        namespaces: source.namespaces.clone(),
        not_namespaces: source.not_namespaces.clone(),
        service_accounts: source.service_accounts.clone(),
        not_service_accounts: source.not_service_accounts.clone(),
        trust_domains: source.trust_domains.clone(),
        not_trust_domains: source.not_trust_domains.clone(),
        ..Source::default()
    }
}

fn identity(condition: &Condition) -> Option<IdentityField> {
    WrittenKey::read(&condition.key)?.key.identity()
}

fn says_callers_alone(rule: &Rule) -> bool {
    let callers = callers_of(rule);
    rule.to.is_none() && rule.from == callers.from && rule.when == callers.when
}

/// An engine that lets through the callers of the rule; `None`: it says nothing of them.
fn engine(base: &Policy, rule: Rule) -> Option<Engine> {
    if rule.from.is_none() && rule.when.is_none() {
        return None;
    }
    let alone = Policy {
        upstream: base.upstream.clone(),
        version: base.version,
        trust_domain: base.trust_domain.clone(),
        trust_domain_aliases: base.trust_domain_aliases.clone(),
        rules: vec![rule],
        ..Policy::default()
    };
    Engine::compile(&alone).ok()
}

/// The principals that the rule names one by one.
fn named(rule: &Rule, egress: &Egress, mesh: &Mesh) -> Vec<String> {
    let account = |value: &String| {
        let full = if value.contains('/') { value.clone() } else { format!("{}/{value}", egress.namespace) };
        principal_of(&full, &mesh.trust_domain)
    };
    let exact = |value: &String| (!value.contains('*')).then(|| value.clone());
    let sources = rule.from.iter().flatten().map(|entry| &entry.source);
    let mut found = Vec::new();
    for source in sources {
        found.extend(source.service_accounts.iter().flatten().filter_map(account));
        found.extend(source.principals.iter().flatten().filter_map(exact));
    }
    for condition in rule.when.iter().flatten() {
        let values = condition.values.iter().flatten();
        match identity(condition) {
            Some(IdentityField::ServiceAccount) => found.extend(values.filter_map(account)),
            Some(IdentityField::Principal) => found.extend(values.filter_map(exact)),
            _ => {}
        }
    }
    found
}
