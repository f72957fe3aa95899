//! Callers whose certificate is not one plain SPIFFE identity of a workload, or who show none.

use sallyport_core::policy::source::{RuleSource, SourceSource};

use super::super::caller::Who;
use super::{Pair, is_allow};

/// Rules for examples.
pub(super) const SLEEP: &str = r#"{"from":[{"source":{"principals":["cluster.local/ns/httpbin/sa/sleep"]}}]}"#;
pub(super) const NOT_SLEEP: &str = r#"{"from":[{"source":{"notPrincipals":["cluster.local/ns/httpbin/sa/sleep"]}}]}"#;
pub(super) const IN_HTTPBIN: &str = r#"{"from":[{"source":{"namespaces":["httpbin"]}}]}"#;

/// Which fields of a rule read the certificate.
#[derive(Clone, Copy, Debug, Default)]
struct Reads {
    /// A principal or a trust domain.
    identity: bool,
    /// A namespace or a service account.
    workload: bool,
    /// One of these two, with `not`.
    not_workload: bool,
    /// One of the four, with `not`.
    not: bool,
}

fn reads(rule: &RuleSource) -> Reads {
    let mut reads = Reads::default();
    for from in rule.from.iter().flatten() {
        let SourceSource { principals, not_principals, trust_domains, not_trust_domains, .. } = &from.source;
        let SourceSource { namespaces, not_namespaces, service_accounts, not_service_accounts, .. } = &from.source;
        let written = |lists: &[&Option<Vec<String>>]| lists.iter().any(|list| list.is_some());
        reads.identity |= written(&[principals, not_principals, trust_domains, not_trust_domains]);
        reads.workload |= written(&[namespaces, not_namespaces, service_accounts, not_service_accounts]);
        reads.not_workload |= written(&[not_namespaces, not_service_accounts]);
        reads.not |= written(&[not_principals, not_trust_domains, not_namespaces, not_service_accounts]);
    }
    for condition in rule.when.iter().flatten() {
        let identity = matches!(condition.key.as_str(), "source.principal" | "source.trustDomain");
        let workload = matches!(condition.key.as_str(), "source.namespace" | "source.serviceAccount");
        reads.identity |= identity;
        reads.workload |= workload;
        reads.not_workload |= workload && condition.not_values.is_some();
        reads.not |= (identity || workload) && condition.not_values.is_some();
    }
    reads
}

/// Exactly one URI name and no other, `spiffe://TRUST-DOMAIN/PATH` in plain letters.
fn is_plain(who: &Who) -> bool {
    let [uri] = who.uris else { return false };
    let is_plain_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    who.dns.is_empty() && uri.strip_prefix("spiffe://").is_some_and(|id| id.bytes().all(is_plain_byte))
}

/// `ns/NS/sa/SA` and nothing more.
fn is_workload(who: &Who) -> bool {
    let path = who.uris.first().and_then(|uri| uri.strip_prefix("spiffe://")).and_then(|id| id.split_once('/'));
    let parts: Vec<&str> = path.map(|(_, path)| path.split('/').collect()).unwrap_or_default();
    matches!(parts[..], ["ns", _, "sa", _])
}

pub(super) fn is_no_plain_identity(pair: &Pair<'_>) -> bool {
    let read = |rule: &&RuleSource| reads(rule).identity || reads(rule).workload;
    pair.who.certificate && !is_plain(pair.who) && pair.rules.iter().any(read)
}

pub(super) fn is_no_workload(pair: &Pair<'_>) -> bool {
    // To be in a namespace, or not in one, must be shown: for ALLOW either way, for DENY by those it does not deny.
    let grants = |rule: &&RuleSource| if is_allow(rule) { reads(rule).workload } else { reads(rule).not_workload };
    is_plain(pair.who) && !is_workload(pair.who) && pair.rules.iter().any(grants)
}

pub(super) fn is_missing_under_not(pair: &Pair<'_>) -> bool {
    !pair.who.certificate && pair.rules.iter().any(|rule| is_allow(rule) && reads(rule).not)
}
