//! What rules say of callers: principals, service accounts, namespaces, trust domains.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::string::StringPattern;
use crate::dns;
use crate::problem::{Flaw, PolicyCode};
use crate::request::usage::Use;
use crate::text::{split, split_once};

/// The names of the mesh's own trust domain.
#[derive(Clone, Debug)]
pub struct TrustDomains {
    /// Its name, then its aliases.
    own: Box<[Box<str>]>,
}

/// The default trust domain, and the name that stands for the mesh's own trust domain in principals whatever
/// its name is.
pub const DEFAULT_TRUST_DOMAIN: &str = "cluster.local";

impl TrustDomains {
    /// The trust domain and its other names.
    #[must_use]
    pub fn new(own: &str, aliases: &[String]) -> Self {
        Self { own: core::iter::once(own).chain(aliases.iter().map(String::as_str)).map(Into::into).collect() }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.own.iter().map(|name| &**name)
    }

    /// The mesh's names, if one of them, or the name that always stands for them, passes the test.
    fn own_if(&self, test: impl Fn(&str) -> bool) -> impl Iterator<Item = &str> {
        let found = self.names().chain([DEFAULT_TRUST_DOMAIN]).any(test);
        self.names().filter(move |_| found)
    }
}

/// Reads a trust domain pattern. For a use that permits it stands for the mesh's aliases exactly where Istio has it stand
/// for them (`ExpandTrustDomainAliases` in its `trustdomain/bundle.go`); for one that restricts wherever it matches one of
/// the mesh's names.
#[inline(never)]
pub fn parse_trust_domain(text: &str, domains: &TrustDomains, by: Use) -> Result<Vec<StringPattern>, Flaw> {
    let pattern = StringPattern::parse(text)?;
    check_trust_domain(text.trim_matches('*'))?;
    let is_alike = |name: &str| match by {
        Use::Permissive => name == text && domains.names().any(|own| own == name),
        Use::Restrictive => pattern.matches(name.as_bytes()),
    };
    let mut patterns: Vec<StringPattern> = domains.own_if(is_alike).map(exact).collect();
    patterns.push(pattern.clone());
    Ok(patterns)
}

/// Whether a name is a SPIFFE trust domain: `[a-z0-9._-]`, at most 255 bytes (SPIFFE-ID, 2.1).
pub fn check_trust_domain(name: &str) -> Result<(), Flaw> {
    let valid = name.len() <= 255
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte));
    if valid {
        return Ok(());
    }
    Err(Flaw::new(PolicyCode::TrustDomain, format_args!("`{name}` is not a trust domain"))
        .help(format_args!("a trust domain has lower-case letters, digits, `.`, `_` and `-`")))
}

fn exact(text: &str) -> StringPattern {
    StringPattern::Exact(text.as_bytes().into())
}

/// Reads a principal pattern: `TD/ns/NS/sa/SA`, any other `TD/PATH`, with Istio's wildcards. It becomes several where it
/// stands for the mesh's aliases, too.
pub fn parse_principal(text: &str, domains: &TrustDomains, by: Use) -> Result<Vec<StringPattern>, Flaw> {
    let help = "write `TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT`";
    if let Some(rest) = text.strip_prefix("spiffe://") {
        return Err(Flaw::new(PolicyCode::Principal, format_args!("the principal `{text}` has a scheme"))
            .help(format_args!("did you mean `{rest}`?")));
    }
    let pattern = StringPattern::parse(text)?;
    let is_principal_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    let literal = text.trim_matches('*');
    if !literal.bytes().all(is_principal_byte) || literal.as_bytes().windows(2).any(|pair| pair == b"//") {
        return Err(Flaw::new(PolicyCode::Principal, format_args!("`{text}` is not a principal"))
            .help(format_args!("{}", help)));
    }
    if let StringPattern::Exact(_) = pattern {
        check_exact_principal(text).map_err(|message| {
            Flaw::new(PolicyCode::Principal, format_args!("{}", message)).help(format_args!("{}", help))
        })?;
    }
    let mut patterns = Vec::new();
    for name in expanded(text, domains) {
        patterns.push(StringPattern::parse(&name)?);
    }
    if by == Use::Restrictive {
        patterns.push(pattern.clone());
        patterns.extend(names_of_the_mesh(&pattern, literal, domains));
    }
    Ok(patterns)
}

/// As Istio has it (`ReplaceTrustDomainAliases`): a principal of five parts whose trust domain is the mesh's, or
/// `cluster.local`, stands for each of the mesh's names; any other for itself.
fn expanded(text: &str, domains: &TrustDomains) -> Vec<String> {
    let own = split_once(text, "/").filter(|(domain, _)| split(text, "/").count() == 5 && *domain != "*");
    let Some((domain, path)) = own else { return vec![text.to_owned()] };
    let is_cut = |name: &str| domain.strip_prefix('*').is_some_and(|tail| name.ends_with(tail));
    if domain != DEFAULT_TRUST_DOMAIN && !domains.names().any(|name| name == domain || is_cut(name)) {
        return vec![text.to_owned()];
    }
    let replaced = |name: &str| if is_cut(name) { text.to_owned() } else { format!("{name}/{path}") };
    domains.names().map(replaced).collect()
}

/// For a use that restricts, a pattern that matches one name of the mesh's trust domain speaks of callers by all of them.
fn names_of_the_mesh(pattern: &StringPattern, literal: &str, domains: &TrustDomains) -> Vec<StringPattern> {
    let (head, path) = split_once(literal, "/").map_or((literal, None), |(head, path)| (head, Some(path)));
    let is_named = |name: &str| match (pattern, path) {
        (StringPattern::Exact(_) | StringPattern::Prefix(_), Some(_)) => name == head,
        (StringPattern::Prefix(_), None) => name.starts_with(head),
        (StringPattern::Suffix(_), Some(_)) => name.ends_with(head),
        (StringPattern::Exact(_) | StringPattern::Suffix(_) | StringPattern::Present, _) => false,
    };
    let under = |own: &str| {
        let text = format!("{own}/{}", path.unwrap_or_default()).into_bytes().into();
        if matches!(pattern, StringPattern::Prefix(_)) {
            StringPattern::Prefix(text)
        } else {
            StringPattern::Exact(text)
        }
    };
    domains.own_if(is_named).map(under).collect()
}

/// An exact principal has a trust domain and a path; one that speaks of `ns` and `sa` does so in Istio's form.
fn check_exact_principal(text: &str) -> Result<(), String> {
    let not_one = || format!("`{text}` is not a principal");
    let (domain, path) = split_once(text, "/").ok_or_else(not_one)?;
    check_trust_domain(domain).map_err(|flaw| flaw.message)?;
    let mut parts = split(path, "/");
    let is_istio = matches!(
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()),
        (Some("ns"), Some(namespace), Some("sa"), Some(account), None) if !namespace.is_empty() && !account.is_empty()
    );
    let looks_like_istio = path == "ns" || path.starts_with("ns/");
    let other_spiffe = !looks_like_istio && split(path, "/").all(|part| !matches!(part, "" | "." | ".."));
    if domain.is_empty() || !(is_istio || other_spiffe) {
        return Err(not_one());
    }
    Ok(())
}

/// Reads a service account, `NS/SA` or `SA`, as the path of a principal: `ns/NS/sa/SA`.
#[inline(never)]
pub fn parse_service_account(text: &str, own_namespace: &str) -> Result<StringPattern, Flaw> {
    let flaw = |message: String| {
        Err(Flaw::new(PolicyCode::ServiceAccount, format_args!("{}", message))
            .help(format_args!("write `NAMESPACE/SERVICE_ACCOUNT`, without wildcards")))
    };
    if text.is_empty() {
        return Err(Flaw::new(PolicyCode::EmptyValue, format_args!("the service account is empty")));
    }
    if text.contains('*') {
        return flaw(format!("the service account `{text}` has a wildcard"));
    }
    let (namespace, account) = split_once(text, "/").unwrap_or((own_namespace, text));
    if !dns::is_label(namespace) || !dns::is_subdomain(account) {
        return flaw(format!("`{text}` is not a service account"));
    }
    Ok(StringPattern::Exact(format!("ns/{namespace}/sa/{account}").into_bytes().into()))
}

/// Reads a namespace pattern.
#[inline(never)]
pub fn parse_namespace(text: &str) -> Result<StringPattern, Flaw> {
    let pattern = StringPattern::parse(text)?;
    let literal = text.trim_matches('*');
    let is_label_byte = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let valid = match pattern {
        StringPattern::Exact(_) => dns::is_label(literal),
        _ => literal.len() <= 63 && literal.bytes().all(is_label_byte),
    };
    if !valid {
        return Err(Flaw::new(PolicyCode::Namespace, format_args!("`{text}` is not a namespace"))
            .help(format_args!("a namespace has lower-case letters, digits and `-`")));
    }
    Ok(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains() -> TrustDomains {
        TrustDomains::new("prod.example", &["old.example".to_owned()])
    }

    #[test]
    fn principals_stand_for_aliases() {
        let (mesh, alias, other) = ("prod.example/ns/a/sa/b", "old.example/ns/a/sa/b", "other/ns/a/sa/b");
        let default = "cluster.local/ns/a/sa/b";
        for (text, by, matched) in [
            (mesh, Use::Permissive, &[mesh, alias][..]),
            (default, Use::Permissive, &[mesh, alias]),
            (alias, Use::Permissive, &[mesh, alias]),
            (other, Use::Permissive, &[other]),
            ("old.example/ns/a/sa/*", Use::Permissive, &[mesh, alias]),
            // Not of five parts: to the letter.
            ("old.example/ns/a/*", Use::Permissive, &[alias]),
            ("cluster.local/ns/*", Use::Permissive, &[default]),
            ("old*", Use::Permissive, &[alias]),
            ("*d.example/ns/a/sa/b", Use::Permissive, &[mesh, alias]),
            ("*r/ns/a/sa/b", Use::Permissive, &[other]),
            ("*/ns/a/sa/b", Use::Permissive, &[mesh, alias, other, default]),
            ("*", Use::Permissive, &[mesh, alias, other, default]),
            (default, Use::Restrictive, &[mesh, alias, default]),
            ("old.example/ns/a/*", Use::Restrictive, &[mesh, alias]),
            ("cluster.local/ns/*", Use::Restrictive, &[mesh, alias, default]),
            ("old*", Use::Restrictive, &[mesh, alias]),
            ("*ld.example/ns/a/sa/b", Use::Restrictive, &[mesh, alias]),
            ("*x/ns/a/sa/b", Use::Restrictive, &[]),
        ] {
            let patterns = parse_principal(text, &domains(), by).unwrap();
            let all = [mesh, alias, other, default];
            let got: Vec<_> = all
                .into_iter()
                .filter(|name| patterns.iter().any(|pattern| pattern.matches(name.as_bytes())))
                .collect();
            assert_eq!(got, matched, "{text} {by:?}");
        }
    }

    #[test]
    fn trust_domains_stand_for_aliases() {
        for (text, by, matched) in [
            ("prod.example", Use::Permissive, &["prod.example", "old.example"][..]),
            ("old.example", Use::Permissive, &["prod.example", "old.example"]),
            ("cluster.local", Use::Permissive, &["cluster.local"]),
            ("old*", Use::Permissive, &["old.example"]),
            ("cluster.local", Use::Restrictive, &["prod.example", "old.example", "cluster.local"]),
            ("old*", Use::Restrictive, &["prod.example", "old.example"]),
            ("other", Use::Restrictive, &[]),
        ] {
            let patterns = parse_trust_domain(text, &domains(), by).unwrap();
            let all = ["prod.example", "old.example", "cluster.local"];
            let got: Vec<_> = all
                .into_iter()
                .filter(|name| patterns.iter().any(|pattern| pattern.matches(name.as_bytes())))
                .collect();
            assert_eq!(got, matched, "{text} {by:?}");
        }
    }

    #[test]
    fn bad_principals_are_refused() {
        for (text, code) in [
            ("spiffe://a/ns/b/sa/c", PolicyCode::Principal),
            ("sleep", PolicyCode::Principal),
            ("a/ns/b", PolicyCode::Principal),
            ("a/ns/b/sa/", PolicyCode::Principal),
            ("a/ns//sa/c", PolicyCode::Principal),
            ("a/ns/b/sa/c/d", PolicyCode::Principal),
            ("A/ns/b/sa/c", PolicyCode::Principal),
            ("a/ns/b c/sa/d", PolicyCode::Principal),
            ("a/*/b", PolicyCode::Wildcard),
            ("", PolicyCode::EmptyValue),
        ] {
            assert_eq!(parse_principal(text, &domains(), Use::Permissive).unwrap_err().code, code, "{text}");
        }
    }

    #[test]
    fn service_accounts_and_namespaces() {
        assert_eq!(
            parse_service_account("sleep", "httpbin").unwrap(),
            StringPattern::Exact((*b"ns/httpbin/sa/sleep").into())
        );
        for text in ["a/*", "a/b/c", "A/b", "a/", "/b", "a/b_c"] {
            assert_eq!(parse_service_account(text, "x").unwrap_err().code, PolicyCode::ServiceAccount, "{text}");
        }
        assert!(parse_namespace("team-*").unwrap().matches(b"team-a"));
        for text in ["Team", "a.b", "-a", "a/b"] {
            assert_eq!(parse_namespace(text).unwrap_err().code, PolicyCode::Namespace, "{text}");
        }
    }
}
