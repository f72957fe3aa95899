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
    groups: Vec<Group>,
}

/// Callers that a rule means without naming them: of a namespace, a trust domain or a pattern.
#[derive(Debug)]
pub struct Group {
    /// What the rule says: `namespace `a``.
    words: String,
    /// The principals as a pattern; a `*` stands for any text.
    pattern: String,
    engine: Engine,
}

impl Group {
    /// What the rule says, for people.
    #[must_use]
    pub fn words(&self) -> &str {
        &self.words
    }

    /// Its principals as a pattern; a `*` stands for any text.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Callers that it may mean, as it is not known where in a principal a pattern ends.
    fn samples(&self, domain: &str) -> Vec<String> {
        let own = self.pattern.replacen('*', domain, 1).replace('*', ANYONE);
        let any = self.pattern.replace('*', ANYONE);
        let begin = self.pattern.trim_start_matches('*').replace('*', ANYONE);
        vec![
            format!("{any}/sa/{ANYONE}"),
            format!("{domain}/ns/{ANYONE}{begin}"),
            format!("{domain}/ns/{ANYONE}/sa/{ANYONE}{begin}"),
            own,
            any,
        ]
    }

    /// Whether the rule means this caller there.
    #[must_use]
    pub fn means(&self, who: &Counted) -> bool {
        passes(&self.engine, who)
    }
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
            reach.groups.extend(groups(&callers, &base));
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
        // One of which the region lets nobody in is none.
        let groups = std::mem::take(&mut reach.groups);
        let could = |group: &Group| {
            let is_in = |name: &String| {
                let anyone = Counted::Principal(name.clone());
                group.means(&anyone) && reach.could(&anyone)
            };
            group.samples(&mesh.trust_domain).iter().any(is_in)
        };
        let groups: Vec<Group> = groups.into_iter().filter(could).collect();
        reach.groups = groups;
        reach.groups.sort_by(|one, two| one.words.cmp(&two.words));
        reach.groups.dedup_by(|one, two| one.words == two.words);
        reach
    }

    /// Whether requests of these callers could be in the region.
    #[must_use]
    pub fn could(&self, who: &Counted) -> bool {
        // Any of the others might be one that could.
        let is_other = *who == Counted::Others;
        is_other
            || self.all.iter().all(|engine| passes(engine, who)) && !self.none.iter().any(|engine| passes(engine, who))
    }

    /// The namespaces, trust domains and patterns of the region's rules, of which a caller could enter it.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The callers that the region's rules name one by one, and that could enter it.
    #[must_use]
    pub fn named(&self) -> &[String] {
        &self.named
    }
}

/// A name that stands for anyone's.
const ANYONE: &str = "anyone";

/// Whether an engine lets a caller through; of the others nothing is known.
fn passes(engine: &Engine, who: &Counted) -> bool {
    let caller = match who {
        Counted::Others => return false,
        Counted::Anonymous => Caller::anonymous(),
        Counted::Principal(principal) => Caller::of_principal(principal),
    };
    let scenario = Scenario { caller, request: Request::new("GET", "any", "/") };
    scenario.decide(engine).effect.is_allowed()
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

/// The namespaces, trust domains and patterns of a rule: each is a rule with the same callers, of which this alone is left.
fn groups(rule: &Rule, base: &Policy) -> Vec<Group> {
    let mut found = Vec::new();
    let mut add = |(field, value): (IdentityField, &String), rule: Rule| {
        let Some((words, pattern)) = group(field, value) else { return };
        found.extend(engine(base, rule).map(|engine| Group { words, pattern, engine }));
    };
    for entry in rule.from.iter().flatten() {
        let source = &entry.source;
        let with = |change: &dyn Fn(&mut Source)| {
            let mut source = source.clone();
            change(&mut source);
            Rule { from: Some(vec![FromEntry { source }]), ..rule.clone() }
        };
        for value in source.namespaces.iter().flatten() {
            add((IdentityField::Namespace, value), with(&|source| source.namespaces = Some(vec![value.clone()])));
        }
        for value in source.principals.iter().flatten() {
            add((IdentityField::Principal, value), with(&|source| source.principals = Some(vec![value.clone()])));
        }
        for value in source.trust_domains.iter().flatten() {
            add((IdentityField::TrustDomain, value), with(&|source| source.trust_domains = Some(vec![value.clone()])));
        }
    }
    for (position, condition) in rule.when.iter().flatten().enumerate() {
        let Some(field) = identity(condition) else { continue };
        for value in condition.values.iter().flatten() {
            let mut rule = rule.clone();
            if let Some(one) = rule.when.iter_mut().flatten().nth(position) {
                one.values = Some(vec![value.clone()]);
            }
            add((field, value), rule);
        }
    }
    found
}

/// What a value of a rule is called, and the principals that it means; `None`: it names one.
fn group(field: IdentityField, value: &str) -> Option<(String, String)> {
    match field {
        IdentityField::Namespace => Some((format!("namespace `{value}`"), format!("*/ns/{value}/sa/*"))),
        IdentityField::TrustDomain => Some((format!("trust domain `{value}`"), format!("{value}/ns/*/sa/*"))),
        IdentityField::Principal if value.contains('*') => Some((format!("`{value}`"), value.to_owned())),
        _ => None,
    }
}
