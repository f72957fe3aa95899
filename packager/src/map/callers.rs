//! The callers that a rule names.

use sallyport_core::outline::StringPattern;
use sallyport_core::policy::key::{IdentityField, WrittenKey};
use sallyport_core::wire::{Condition, Rule, Source};

use super::model::{Caller, CallerKind, Map};
use crate::report::words::{condition, fields};

/// How the group of callers without a namespace is called.
const NO_NAMESPACE: &str = "(any namespace)";

/// Where accounts without a namespace and principals without a trust domain belong.
pub(super) struct Surroundings<'a> {
    /// The Egress's own namespace.
    pub(super) own: &'a str,
    pub(super) trust_domain: &'a str,
    pub(super) aliases: &'a [String],
}

/// Callers, and what must hold beside who they are.
pub(super) struct Named {
    pub(super) callers: Vec<Caller>,
    pub(super) conditions: Vec<String>,
}

impl Surroundings<'_> {
    /// All callers of a rule, a set for each of its sources.
    pub(super) fn of_rule(&self, rule: &Rule) -> Vec<Named> {
        let conditions: Vec<_> = rule.when.iter().flatten().map(condition).collect();
        match rule.from.as_deref() {
            Some(sources) => {
                let of_source = |source| {
                    let mut named = self.of_source(source);
                    named.conditions.extend(conditions.iter().cloned());
                    named
                };
                sources.iter().map(|entry| of_source(&entry.source)).collect()
            }
            None => vec![self.of_conditions(rule.when.as_deref().unwrap_or_default())],
        }
    }

    /// The field that says most about who it is; the others are conditions.
    fn of_source(&self, source: &Source) -> Named {
        let mut rest = source.clone();
        let callers = if let Some(values) = rest.service_accounts.take() {
            values.iter().map(|value| self.account(value)).collect()
        } else if let Some(values) = rest.principals.take() {
            values.iter().map(|value| self.principal(value)).collect()
        } else if let Some(values) = rest.namespaces.take() {
            values.iter().map(|value| self.namespace(value)).collect()
        } else if let Some(values) = rest.trust_domains.take() {
            values.iter().map(|value| self.trust_domain(value)).collect()
        } else if let Some(values) = rest.request_principals.take() {
            values.iter().map(|value| of_token(value)).collect()
        } else if let Some(values) = rest.ip_blocks.take() {
            values.iter().map(|value| without_namespace(CallerKind::Address, value)).collect()
        } else if let Some(values) = rest.remote_ip_blocks.take() {
            values.iter().map(|value| without_namespace(CallerKind::Address, value)).collect()
        } else {
            vec![anyone()]
        };
        let rest = fields(&rest);
        Named { callers, conditions: if rest.is_empty() { Vec::new() } else { vec![rest] } }
    }

    /// The callers of a rule without `from`: those of its first condition on who they are.
    fn of_conditions(&self, conditions: &[Condition]) -> Named {
        let found = conditions.iter().enumerate().find_map(|(position, one)| {
            let values = one.values.as_ref()?;
            let read: fn(&Self, &str) -> Caller = match WrittenKey::read(&one.key)?.key.identity()? {
                IdentityField::ServiceAccount => Self::account,
                IdentityField::Namespace => Self::namespace,
                IdentityField::Principal => Self::principal,
                IdentityField::TrustDomain => Self::trust_domain,
            };
            Some((position, values.iter().map(|value| read(self, value)).collect::<Vec<_>>()))
        });
        let (taken, callers) = found.map_or((None, vec![anyone()]), |(position, callers)| (Some(position), callers));
        // What else the condition says, such as `notValues`, stays.
        let is_all = |one: &Condition| one.not_values.is_none() && one.regex.is_none() && one.not_regex.is_none();
        let rest = conditions.iter().enumerate();
        let rest = rest.filter(|(position, one)| taken != Some(*position) || !is_all(one));
        Named { callers, conditions: rest.map(|(_, one)| condition(one)).collect() }
    }

    fn account(&self, value: &str) -> Caller {
        let (namespace, account) = value.split_once('/').unwrap_or((self.own, value));
        if namespace.contains('*') || account.contains('*') {
            return without_namespace(CallerKind::Principal, value);
        }
        Caller {
            group: namespace.to_owned(),
            kind: CallerKind::Account,
            name: format!("{namespace}/{account}"),
            namespace: namespace.to_owned(),
            principal: Some(format!("{}/ns/{namespace}/sa/{account}", self.trust_domain)),
        }
    }

    fn namespace(&self, value: &str) -> Caller {
        if value == "*" {
            return identified();
        }
        if value.contains('*') {
            return without_namespace(CallerKind::Principal, &format!("namespaces {value}"));
        }
        Caller {
            group: value.to_owned(),
            kind: CallerKind::Namespace,
            name: format!("{value}/*"),
            namespace: value.to_owned(),
            principal: Some(format!("{}/ns/{value}/sa/*", self.trust_domain)),
        }
    }

    fn principal(&self, value: &str) -> Caller {
        if value == "*" {
            return identified();
        }
        let is_ours = |domain: &str| domain == self.trust_domain || self.aliases.iter().any(|alias| alias == domain);
        let parts = value.split_once("/ns/").filter(|(domain, _)| is_ours(domain));
        match parts.and_then(|(_, rest)| rest.split_once("/sa/")) {
            Some((namespace, "*")) if !namespace.contains('*') => self.namespace(namespace),
            Some((namespace, account)) if !value.contains('*') => self.account(&format!("{namespace}/{account}")),
            _ => Caller { principal: Some(value.to_owned()), ..without_namespace(CallerKind::Principal, value) },
        }
    }

    fn trust_domain(&self, value: &str) -> Caller {
        if value == "*" {
            return identified();
        }
        let name = format!("trust domain {value}");
        let principal = (!value.contains('*')).then(|| format!("{value}/*"));
        Caller { principal, ..without_namespace(CallerKind::Principal, &name) }
    }
}

fn of_token(value: &str) -> Caller {
    match value {
        "*" => without_namespace(CallerKind::Token, "any verified token"),
        _ => without_namespace(CallerKind::Token, &format!("token {value}")),
    }
}

fn identified() -> Caller {
    Caller { principal: Some("*".to_owned()), ..without_namespace(CallerKind::Identified, "any identity") }
}

fn anyone() -> Caller {
    without_namespace(CallerKind::Anyone, "any caller")
}

fn without_namespace(kind: CallerKind, name: &str) -> Caller {
    let (group, namespace) = (NO_NAMESPACE.to_owned(), String::new());
    Caller { group, kind, name: name.to_owned(), namespace, principal: None }
}

/// Whether one principal is among those of a pattern.
fn covers(pattern: &Caller, caller: &Caller) -> bool {
    let (Some(pattern), Some(principal)) = (&pattern.principal, &caller.principal) else { return false };
    let pattern = match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(suffix), _) => StringPattern::Suffix(suffix.as_bytes().into()),
        (None, Some(prefix)) => StringPattern::Prefix(prefix.as_bytes().into()),
        (None, None) => StringPattern::Exact(pattern.as_bytes().into()),
    };
    caller.kind == CallerKind::Account && pattern.matches(principal.as_bytes())
}

impl Map {
    /// The callers that are among others: those of which a rule also speaks when it speaks of `caller`.
    pub(crate) fn wider(&self, caller: &Caller) -> Vec<usize> {
        let is_wider = |other: &Caller| match other.kind {
            _ if other == caller => false,
            CallerKind::Anyone => true,
            CallerKind::Identified => caller.principal.is_some(),
            CallerKind::Namespace => caller.kind == CallerKind::Account && other.namespace == caller.namespace,
            CallerKind::Principal => covers(other, caller),
            CallerKind::Account | CallerKind::Token | CallerKind::Address => false,
        };
        let wider = self.callers.iter().enumerate().filter(|(_, other)| is_wider(other));
        wider.map(|(index, _)| index).collect()
    }
}
