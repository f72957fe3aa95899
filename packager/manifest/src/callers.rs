//! The namespaces that a gateway's callers can be in, as far as its rules say so.

use std::collections::BTreeSet;

use sallyport_core::policy::key::{IdentityField, WrittenKey};
use sallyport_core::wire::{Action, Condition, FromEntry, Rule, Source, Stage};
use sallyport_egress::model::{Candidate, Egress, Mesh};

/// From where the network lets callers connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CallerNamespaces {
    /// Only from these.
    Only(BTreeSet<String>),
    /// From every namespace, for a reason: `the rule `readers` names no namespace`.
    Any(String),
}

/// A caller that no rule allows is refused in any case, so what is left out here is only what no ALLOW rule can match. When
/// in doubt, the answer is every namespace.
pub(crate) fn caller_namespaces(egress: &Egress, mesh: &Mesh, candidate: Option<&Candidate>) -> CallerNamespaces {
    let spec = &egress.spec;
    let stage = spec.rollout.stage;
    if stage != Stage::Enforce {
        return CallerNamespaces::Any(format!("with `rollout.stage: {stage}` requests of any caller pass"));
    }
    let context = Context { own: &egress.namespace, mesh };
    let mut namespaces = BTreeSet::new();
    // A shadow rule allows nothing, and neither does one of a candidate, but what it would allow must arrive to be counted.
    let rules = spec.authz.rules.iter().chain(candidate.into_iter().flat_map(|candidate| &candidate.rules));
    for rule in rules.filter(|rule| rule.action == Action::Allow) {
        match context.of_rule(rule) {
            Some(found) => namespaces.extend(found),
            None => {
                return CallerNamespaces::Any(format!("the rule `{}` does not name its callers' namespaces", rule.id));
            }
        }
    }
    if namespaces.is_empty() {
        return CallerNamespaces::Any("no rule allows a caller".to_owned());
    }
    for forwarder in &spec.authz.trusted_forwarders {
        match context.of_principal(forwarder) {
            Some(namespace) => namespaces.insert(namespace.to_owned()),
            None => return CallerNamespaces::Any("a trusted forwarder is not in this mesh".to_owned()),
        };
    }
    // The ingress gateway connects in the name of callers outside the mesh.
    namespaces.extend(spec.expose.iter().map(|expose| expose.gateway.namespace().to_owned()));
    CallerNamespaces::Only(namespaces)
}

struct Context<'a> {
    /// The Egress's own namespace.
    own: &'a str,
    mesh: &'a Mesh,
}

impl Context<'_> {
    /// `None`: any namespace. All parts of a rule must match, so the first that names namespaces is enough.
    fn of_rule(&self, rule: &Rule) -> Option<BTreeSet<String>> {
        let Rule { id: _, action: _, stage: _, from, to: _, when } = rule;
        let of_sources = from.as_ref().and_then(|sources| {
            sources.iter().map(|FromEntry { source }| self.of_source(source)).try_fold(BTreeSet::new(), joined)
        });
        of_sources.or_else(|| when.iter().flatten().find_map(|condition| self.of_condition(condition)))
    }

    fn of_source(&self, source: &Source) -> Option<BTreeSet<String>> {
        self.all(source.service_accounts.as_deref(), Self::of_account)
            .or_else(|| self.all(source.namespaces.as_deref(), Self::of_namespace))
            .or_else(|| self.all(source.principals.as_deref(), Self::of_principal))
    }

    fn of_condition(&self, condition: &Condition) -> Option<BTreeSet<String>> {
        let read = match WrittenKey::read(&condition.key)?.key.identity()? {
            IdentityField::ServiceAccount => Self::of_account,
            IdentityField::Namespace => Self::of_namespace,
            IdentityField::Principal => Self::of_principal,
            IdentityField::TrustDomain => return None,
        };
        self.all(condition.values.as_deref(), read)
    }

    fn all(
        &self,
        values: Option<&[String]>,
        read: for<'v> fn(&Self, &'v str) -> Option<&'v str>,
    ) -> Option<BTreeSet<String>> {
        let own = |value: &String| Some(read(self, value)?.to_owned()).map(|name| self.or_own(name));
        values?.iter().map(own).collect()
    }

    fn or_own(&self, name: String) -> String {
        if name.is_empty() { self.own.to_owned() } else { name }
    }

    /// `NAMESPACE/ACCOUNT`, or `ACCOUNT` in the own namespace, for which the name is empty.
    fn of_account<'v>(&self, value: &'v str) -> Option<&'v str> {
        exact(value.split_once('/').map_or("", |(namespace, _)| namespace))
    }

    fn of_namespace<'v>(&self, value: &'v str) -> Option<&'v str> {
        exact(value).filter(|namespace| !namespace.is_empty())
    }

    /// `TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT`. A caller of another trust domain is not in this cluster, and one of a pattern
    /// may not be.
    fn of_principal<'v>(&self, value: &'v str) -> Option<&'v str> {
        let (domain, rest) = value.split_once("/ns/")?;
        let is_ours =
            domain == self.mesh.trust_domain || self.mesh.trust_domain_aliases.iter().any(|alias| alias == domain);
        let (namespace, _) = rest.split_once("/sa/")?;
        exact(namespace).filter(|_| is_ours)
    }
}

fn exact(value: &str) -> Option<&str> {
    (!value.contains('*')).then_some(value)
}

fn joined(mut all: BTreeSet<String>, more: Option<BTreeSet<String>>) -> Option<BTreeSet<String>> {
    all.extend(more?);
    Some(all)
}
