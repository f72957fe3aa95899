//! The callers that a policy names, which get a certificate.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use sallyport_core::policy::key::{IdentityField, WrittenKey};
use sallyport_core::wire;
use sallyport_egress::model::{Egress, Mesh};

/// A workload's identity in a mesh.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Caller {
    pub(crate) trust_domain: String,
    pub(crate) namespace: String,
    pub(crate) service_account: String,
}

impl Caller {
    pub(crate) fn new(trust_domain: &str, namespace: &str, service_account: &str) -> Self {
        Caller {
            trust_domain: trust_domain.to_owned(),
            namespace: namespace.to_owned(),
            service_account: service_account.to_owned(),
        }
    }

    /// A caller that no policy names.
    pub(crate) fn stranger(mesh: &Mesh) -> Self {
        Caller::new(&mesh.trust_domain, "elsewhere", "stranger")
    }

    /// As in a rule's `principals`.
    pub(crate) fn principal(&self) -> String {
        format!("{}/ns/{}/sa/{}", self.trust_domain, self.namespace, self.service_account)
    }

    /// As in a certificate.
    pub(crate) fn spiffe_id(&self) -> String {
        format!("spiffe://{}", self.principal())
    }

    /// The name of its files, without an extension. A namespace has no dot, so each caller has a name of its own.
    pub(crate) fn file_stem(&self, mesh: &Mesh) -> String {
        let name = format!("{}.{}", self.namespace, self.service_account);
        if self.trust_domain == mesh.trust_domain { name } else { format!("{name}@{}", self.trust_domain) }
    }

    /// From an exact principal; `None` for one with a wildcard, which does not name a single caller.
    fn from_principal(principal: &str) -> Option<Self> {
        let mut parts = principal.split('/');
        let caller = match (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?) {
            (trust_domain, "ns", namespace, "sa", service_account) => {
                Caller::new(trust_domain, namespace, service_account)
            }
            _ => return None,
        };
        let exact = [&caller.trust_domain, &caller.namespace, &caller.service_account].into_iter().all(|p| is_name(p));
        (parts.next().is_none() && exact).then_some(caller)
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.service_account)
    }
}

/// `NS/SA`, the value of `--caller`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceAccount {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl FromStr for ServiceAccount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some((namespace, name)) if is_name(namespace) && is_name(name) && !namespace.contains('.') => {
                Ok(ServiceAccount { namespace: namespace.to_owned(), name: name.to_owned() })
            }
            _ => Err("expected NAMESPACE/SERVICE-ACCOUNT, such as httpbin/sleep".to_owned()),
        }
    }
}

/// How many callers of a policy get a certificate. A policy may name ten thousand, and creating a key takes time.
pub(crate) const MOST_NAMED: usize = 50;

/// The first [`MOST_NAMED`] callers that the policy names, and those in `extra`, sorted and without duplicates.
///
/// A namespace stands for its `default` service account. Negative conditions are ignored, because they name callers that do
/// not match.
pub(crate) fn callers(egress: &Egress, mesh: &Mesh, extra: &[ServiceAccount]) -> Vec<Caller> {
    let authz = &egress.spec.authz;
    let mut found: BTreeSet<Caller> =
        authz.trusted_forwarders.iter().filter_map(|p| Caller::from_principal(p)).collect();
    for rule in &authz.rules {
        found.extend(named_by(rule, egress, mesh));
    }
    let mut found: BTreeSet<Caller> = found.into_iter().take(MOST_NAMED).collect();
    found.extend(extra.iter().map(|account| Caller::new(&mesh.trust_domain, &account.namespace, &account.name)));
    found.into_iter().collect()
}

fn named_by(rule: &wire::Rule, egress: &Egress, mesh: &Mesh) -> Vec<Caller> {
    let sources = rule.from.iter().flatten().flat_map(|from| named_by_source(&from.source, egress, mesh));
    let conditions = rule.when.iter().flatten().flat_map(|condition| {
        let values = condition.values.iter().flatten();
        values.filter_map(|value| named_by_condition(&condition.key, value, egress, mesh)).collect::<Vec<_>>()
    });
    sources.chain(conditions).collect()
}

fn named_by_source(source: &wire::Source, egress: &Egress, mesh: &Mesh) -> Vec<Caller> {
    let principals = source.principals.iter().flatten().filter_map(|p| Caller::from_principal(p));
    let accounts = source.service_accounts.iter().flatten().filter_map(|a| from_service_account(a, egress, mesh));
    let namespaces = source.namespaces.iter().flatten().filter_map(|n| from_namespace(n, mesh));
    principals.chain(accounts).chain(namespaces).collect()
}

fn named_by_condition(key: &str, value: &str, egress: &Egress, mesh: &Mesh) -> Option<Caller> {
    match WrittenKey::read(key)?.key.identity()? {
        IdentityField::Principal => Caller::from_principal(value),
        IdentityField::ServiceAccount => from_service_account(value, egress, mesh),
        IdentityField::Namespace => from_namespace(value, mesh),
        IdentityField::TrustDomain => None,
    }
}

fn from_service_account(account: &str, egress: &Egress, mesh: &Mesh) -> Option<Caller> {
    let (namespace, name) = account.split_once('/').unwrap_or((&egress.namespace, account));
    (is_name(namespace) && is_name(name)).then(|| Caller::new(&mesh.trust_domain, namespace, name))
}

fn from_namespace(namespace: &str, mesh: &Mesh) -> Option<Caller> {
    is_name(namespace).then(|| Caller::new(&mesh.trust_domain, namespace, "default"))
}

/// Whether Kubernetes and SPIFFE allow the name: it has no wildcard and no slash, so it is also safe as a file name.
fn is_name(text: &str) -> bool {
    let first = text.bytes().next();
    first.is_some_and(|byte| byte.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::example::tests::egress_with;
    use sallyport_core::wire;

    fn strings(values: &[&str]) -> Option<Vec<String>> {
        Some(values.iter().map(|value| (*value).to_owned()).collect())
    }

    fn check(source: wire::Source, expected: &[&str]) {
        let rule = wire::Rule { id: "r".into(), from: Some(vec![wire::FromEntry { source }]), ..wire::Rule::default() };
        let found = callers(&egress_with(vec![rule]), &Mesh::default(), &[]);
        assert_eq!(found.iter().map(Caller::principal).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_caller_is_named_by_principal_service_account_or_namespace() {
        let principals = strings(&["cluster.local/ns/a/sa/b", "other.example/ns/a/sa/b", "cluster.local/ns/a/sa/b"]);
        check(
            wire::Source { principals, ..wire::Source::default() },
            &["cluster.local/ns/a/sa/b", "other.example/ns/a/sa/b"],
        );
        check(
            wire::Source { service_accounts: strings(&["sleep", "web/front"]), ..wire::Source::default() },
            &["cluster.local/ns/httpbin/sa/sleep", "cluster.local/ns/web/sa/front"],
        );
        check(
            wire::Source { namespaces: strings(&["batch"]), ..wire::Source::default() },
            &["cluster.local/ns/batch/sa/default"],
        );
    }

    #[test]
    fn a_wildcard_and_a_negative_condition_name_no_caller() {
        let principals = strings(&["*", "cluster.local/ns/a/*", "*/sa/b", "cluster.local/ns/../sa/b", "a/ns/b/sa/c/d"]);
        check(wire::Source { principals, ..wire::Source::default() }, &[]);
        check(wire::Source { namespaces: strings(&["prod-*"]), ..wire::Source::default() }, &[]);
        check(wire::Source { not_service_accounts: strings(&["a/b"]), ..wire::Source::default() }, &[]);
    }

    #[test]
    fn a_condition_names_a_caller_too() {
        let condition = wire::Condition {
            key: "source.serviceAccount".into(),
            values: strings(&["web/front"]),
            ..wire::Condition::default()
        };
        let rule = wire::Rule { id: "r".into(), when: Some(vec![condition]), ..wire::Rule::default() };
        let found = callers(&egress_with(vec![rule]), &Mesh::default(), &["x/y".parse().unwrap()]);
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), ["web/front", "x/y"]);
    }

    #[test]
    fn callers_of_other_trust_domains_have_other_file_names() {
        assert_eq!(Caller::new("cluster.local", "a", "b").file_stem(&Mesh::default()), "a.b");
        assert_eq!(Caller::new("other.example", "a", "b").file_stem(&Mesh::default()), "a.b@other.example");
    }

    #[test]
    fn an_argument_is_a_namespace_and_a_name() {
        for bad in ["", "a", "a/", "/b", "a/b/c", "../b", "a.b/c", "a/*"] {
            assert!(bad.parse::<ServiceAccount>().is_err(), "{bad}");
        }
    }
}
