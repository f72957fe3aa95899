//! Callers whose certificate is not one plain SPIFFE identity of a workload, or who show none.

use sallyport_core::wire;

use super::super::caller::Who;
use super::super::istio::string_matches;
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

fn reads(rule: &wire::Rule) -> Reads {
    let mut reads = Reads::default();
    for from in rule.from.iter().flatten() {
        let wire::Source { principals, not_principals, trust_domains, not_trust_domains, .. } = &from.source;
        let wire::Source { namespaces, not_namespaces, service_accounts, not_service_accounts, .. } = &from.source;
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

/// Exactly one URI name, `spiffe://TRUST-DOMAIN/PATH` in plain letters, whatever other names there are.
fn is_plain(who: &Who) -> bool {
    let [uri] = who.uris else { return false };
    let is_plain_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    uri.strip_prefix("spiffe://").is_some_and(|id| id.bytes().all(is_plain_byte))
}

/// `ns/NS/sa/SA` and nothing more.
fn is_workload(who: &Who) -> bool {
    let path = who.uris.first().and_then(|uri| uri.strip_prefix("spiffe://")).and_then(|id| id.split_once('/'));
    let parts: Vec<&str> = path.map(|(_, path)| path.split('/').collect()).unwrap_or_default();
    matches!(parts[..], ["ns", _, "sa", _])
}

pub(super) fn is_no_plain_identity(pair: &Pair<'_>) -> bool {
    let read = |rule: &&wire::Rule| reads(rule).identity || reads(rule).workload;
    pair.who.certificate && !is_plain(pair.who) && pair.rules.iter().any(read)
}

pub(super) fn is_no_workload(pair: &Pair<'_>) -> bool {
    // To be in a namespace, or not in one, must be shown: for ALLOW either way, for DENY by those it does not deny.
    let grants = |rule: &&wire::Rule| if is_allow(rule) { reads(rule).workload } else { reads(rule).not_workload };
    is_plain(pair.who) && !is_workload(pair.who) && pair.rules.iter().any(grants)
}

pub(super) fn is_missing_under_not(pair: &Pair<'_>) -> bool {
    !pair.who.certificate && pair.rules.iter().any(|rule| is_allow(rule) && reads(rule).not)
}

/// A restrictive use of a principal or trust domain that would match the caller under another name of the mesh's; or,
/// where `cluster.local` is none of them and stands for them in rules, to the letter.
pub(super) fn is_known_by_another_name(pair: &Pair<'_>) -> bool {
    let [uri] = pair.who.uris else { return false };
    let Some((domain, path)) = uri.strip_prefix("spiffe://").and_then(|id| id.split_once('/')) else { return false };
    let is_own = pair.domains.iter().any(|own| own == domain);
    if !is_own && domain != "cluster.local" {
        return false;
    }
    let own = if is_own { pair.domains } else { &[] };
    let others = || own.iter().map(String::as_str).chain(["cluster.local"]);
    let principal = |pattern: &String| others().any(|other| string_matches(pattern, &format!("{other}/{path}")));
    let trust_domain = |pattern: &String| others().any(|other| string_matches(pattern, other));
    let any = |list: &Option<Vec<String>>, test: &dyn Fn(&String) -> bool| list.iter().flatten().any(test);
    pair.rules.iter().any(|rule| {
        let mut sources = rule.from.iter().flatten().map(|from| &from.source);
        let mut conditions = rule.when.iter().flatten();
        let allows = is_allow(rule);
        sources.any(|source| {
            let (principals, domains) = match allows {
                true => (&source.not_principals, &source.not_trust_domains),
                false => (&source.principals, &source.trust_domains),
            };
            any(principals, &principal) || any(domains, &trust_domain)
        }) || conditions.any(|condition| {
            let list = if allows { &condition.not_values } else { &condition.values };
            match condition.key.as_str() {
                "source.principal" => any(list, &principal),
                "source.trustDomain" => any(list, &trust_domain),
                _ => false,
            }
        })
    })
}
