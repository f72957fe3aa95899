//! What rules say of callers: principals, service accounts, namespaces, trust domains.

use super::Flaw;
use super::string::StringPattern;
use crate::policy::error::Code;

/// The names of the mesh's own trust domain.
#[derive(Clone, Debug)]
pub struct TrustDomains {
    own: Box<str>,
    aliases: Box<[Box<str>]>,
}

/// What a trust domain is called when nobody said otherwise, and what it may be called in rules whatever its name is.
pub const DEFAULT_TRUST_DOMAIN: &str = "cluster.local";

impl TrustDomains {
    /// The trust domain and its other names.
    #[must_use]
    pub fn new(own: &str, aliases: &[String]) -> Self {
        Self { own: own.into(), aliases: aliases.iter().map(|alias| alias.as_str().into()).collect() }
    }

    /// The one name that stands for all names of the mesh's own trust domain.
    #[must_use]
    pub fn canonical<'a>(&'a self, name: &'a str) -> &'a str {
        if self.aliases.iter().any(|alias| **alias == *name) { &self.own } else { name }
    }

    /// The mesh's own name, if one of its names passes the test.
    fn own_if(&self, test: impl Fn(&str) -> bool) -> Option<&str> {
        let mut names = self.aliases.iter().map(|alias| &**alias).chain([&*self.own, DEFAULT_TRUST_DOMAIN]);
        names.any(test).then_some(&*self.own)
    }

    /// As [`Self::canonical`], for a name in a rule: `cluster.local` means the mesh's own, as in Istio.
    fn canonical_in_rule<'a>(&'a self, name: &'a str) -> &'a str {
        if name == DEFAULT_TRUST_DOMAIN { &self.own } else { self.canonical(name) }
    }
}

/// Reads a trust domain pattern. It becomes two where it holds for a name of the mesh that callers do not carry.
pub fn parse_trust_domain(text: &str, domains: &TrustDomains) -> Result<Vec<StringPattern>, Flaw> {
    let pattern = StringPattern::parse(text)?;
    check_trust_domain(text.trim_matches('*'))?;
    if let StringPattern::Exact(_) = pattern {
        return Ok(vec![exact(domains.canonical_in_rule(text))]);
    }
    let own = domains.own_if(|name| pattern.matches(name.as_bytes())).map(exact);
    Ok([Some(pattern), own].into_iter().flatten().collect())
}

/// Whether a name is a SPIFFE trust domain: `[a-z0-9._-]`, at most 255 bytes (SPIFFE-ID, 2.1).
pub fn check_trust_domain(name: &str) -> Result<(), Flaw> {
    let valid = name.len() <= 255
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte));
    if valid {
        return Ok(());
    }
    Err(Flaw::new(Code::TrustDomain, format_args!("`{name}` is not a trust domain"))
        .help(format_args!("a trust domain has lower-case letters, digits, `.`, `_` and `-`")))
}

fn exact(text: &str) -> StringPattern {
    StringPattern::Exact(text.as_bytes().into())
}

/// Reads a principal pattern: `TD/ns/NS/sa/SA`, any other `TD/PATH`, with Istio's wildcards. It becomes two where a
/// wildcard cuts a name of the mesh that callers do not carry.
pub fn parse_principal(text: &str, domains: &TrustDomains) -> Result<Vec<StringPattern>, Flaw> {
    let help = "write `TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT`";
    if let Some(rest) = text.strip_prefix("spiffe://") {
        return Err(Flaw::new(Code::Principal, format_args!("the principal `{text}` has a scheme"))
            .help(format_args!("did you mean `{rest}`?")));
    }
    let pattern = StringPattern::parse(text)?;
    let is_principal_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    let literal = text.trim_matches('*');
    if !literal.bytes().all(is_principal_byte) || literal.as_bytes().windows(2).any(|pair| pair == b"//") {
        return Err(
            Flaw::new(Code::Principal, format_args!("`{text}` is not a principal")).help(format_args!("{}", help))
        );
    }
    let canonical = |text: &str| match text.split_once('/') {
        Some((domain, path)) => format!("{}/{path}", domains.canonical_in_rule(domain)),
        None => text.to_owned(),
    };
    match pattern {
        StringPattern::Exact(_) => {
            check_exact_principal(text).map_err(|message| {
                Flaw::new(Code::Principal, format_args!("{}", message)).help(format_args!("{}", help))
            })?;
            Ok(vec![exact(&canonical(text))])
        }
        StringPattern::Prefix(_) => {
            let cut = !literal.contains('/');
            let own = domains.own_if(|name| cut && name.starts_with(literal));
            let own = own.map(|own| StringPattern::Prefix(format!("{own}/").into_bytes().into()));
            let written = StringPattern::Prefix(canonical(literal).into_bytes().into());
            Ok([Some(written), own].into_iter().flatten().collect())
        }
        StringPattern::Suffix(_) => {
            let own = literal.split_once('/').and_then(|(tail_of_domain, path)| {
                domains.own_if(|name| name.ends_with(tail_of_domain)).map(|own| exact(&format!("{own}/{path}")))
            });
            Ok([Some(pattern), own].into_iter().flatten().collect())
        }
        StringPattern::Present => Ok(vec![pattern]),
    }
}

/// An exact principal has a trust domain and a path; one that speaks of `ns` and `sa` does so in Istio's form.
fn check_exact_principal(text: &str) -> Result<(), String> {
    let not_one = || format!("`{text}` is not a principal");
    let (domain, path) = text.split_once('/').ok_or_else(not_one)?;
    check_trust_domain(domain).map_err(|flaw| flaw.message)?;
    let mut parts = path.split('/');
    let is_istio = matches!(
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()),
        (Some("ns"), Some(namespace), Some("sa"), Some(account), None) if !namespace.is_empty() && !account.is_empty()
    );
    let looks_like_istio = path == "ns" || path.starts_with("ns/");
    let other_spiffe = !looks_like_istio && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if domain.is_empty() || !(is_istio || other_spiffe) {
        return Err(not_one());
    }
    Ok(())
}

/// Reads a service account, `NS/SA` or `SA`, as the path of a principal: `ns/NS/sa/SA`.
pub fn parse_service_account(text: &str, own_namespace: &str) -> Result<StringPattern, Flaw> {
    let flaw = |message: String| {
        Err(Flaw::new(Code::ServiceAccount, format_args!("{}", message))
            .help(format_args!("write `NAMESPACE/SERVICE_ACCOUNT`, without wildcards")))
    };
    if text.is_empty() {
        return Err(Flaw::new(Code::EmptyValue, format_args!("the service account is empty")));
    }
    if text.contains('*') {
        return flaw(format!("the service account `{text}` has a wildcard"));
    }
    let (namespace, account) = text.split_once('/').unwrap_or((own_namespace, text));
    if !is_dns_label(namespace) || !is_dns_subdomain(account) {
        return flaw(format!("`{text}` is not a service account"));
    }
    Ok(StringPattern::Exact(format!("ns/{namespace}/sa/{account}").into_bytes().into()))
}

/// Reads a namespace pattern.
pub fn parse_namespace(text: &str) -> Result<StringPattern, Flaw> {
    let pattern = StringPattern::parse(text)?;
    let literal = text.trim_matches('*');
    let is_label_byte = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let valid = match pattern {
        StringPattern::Exact(_) => is_dns_label(literal),
        _ => literal.len() <= 63 && literal.bytes().all(is_label_byte),
    };
    if !valid {
        return Err(Flaw::new(Code::Namespace, format_args!("`{text}` is not a namespace"))
            .help(format_args!("a namespace has lower-case letters, digits and `-`")));
    }
    Ok(pattern)
}

/// RFC 1123 label.
pub(crate) fn is_dns_label(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 63
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains() -> TrustDomains {
        TrustDomains::new("prod.example", &["old.example".to_owned()])
    }

    #[test]
    fn principals_are_canonical() {
        for (text, expected) in [
            ("prod.example/ns/a/sa/b", "prod.example/ns/a/sa/b"),
            ("cluster.local/ns/a/sa/b", "prod.example/ns/a/sa/b"),
            ("old.example/ns/a/sa/b", "prod.example/ns/a/sa/b"),
            ("other/ns/a/sa/b", "other/ns/a/sa/b"),
            ("other/some/path", "other/some/path"),
        ] {
            assert_eq!(
                parse_principal(text, &domains()).unwrap(),
                [StringPattern::Exact(expected.as_bytes().into())],
                "{text}"
            );
        }
        for (text, principal, expected) in [
            ("old.example/ns/a/*", "prod.example/ns/a/sa/x", true),
            ("*/ns/a/sa/b", "any/ns/a/sa/b", true),
            ("old*", "prod.example/ns/a/sa/x", true),
            ("old*", "other/ns/a/sa/x", false),
            ("*d.example/ns/a/sa/b", "prod.example/ns/a/sa/b", true),
            ("*d.example/ns/a/sa/b", "prod.example/ns/a/sa/c", false),
            ("*x/ns/a/sa/b", "prod.example/ns/a/sa/b", false),
        ] {
            let patterns = parse_principal(text, &domains()).unwrap();
            let matches = patterns.iter().any(|pattern| pattern.matches(principal.as_bytes()));
            assert_eq!(matches, expected, "{text} on {principal}");
        }
    }

    #[test]
    fn bad_principals_are_refused() {
        for (text, code) in [
            ("spiffe://a/ns/b/sa/c", Code::Principal),
            ("sleep", Code::Principal),
            ("a/ns/b", Code::Principal),
            ("a/ns/b/sa/", Code::Principal),
            ("a/ns//sa/c", Code::Principal),
            ("a/ns/b/sa/c/d", Code::Principal),
            ("A/ns/b/sa/c", Code::Principal),
            ("a/ns/b c/sa/d", Code::Principal),
            ("a/*/b", Code::Wildcard),
            ("", Code::EmptyValue),
        ] {
            assert_eq!(parse_principal(text, &domains()).unwrap_err().code, code, "{text}");
        }
    }

    #[test]
    fn service_accounts_and_namespaces() {
        assert_eq!(
            parse_service_account("sleep", "httpbin").unwrap(),
            StringPattern::Exact((*b"ns/httpbin/sa/sleep").into())
        );
        for text in ["a/*", "a/b/c", "A/b", "a/", "/b", "a/b_c"] {
            assert_eq!(parse_service_account(text, "x").unwrap_err().code, Code::ServiceAccount, "{text}");
        }
        assert!(parse_namespace("team-*").unwrap().matches(b"team-a"));
        for text in ["Team", "a.b", "-a", "a/b"] {
            assert_eq!(parse_namespace(text).unwrap_err().code, Code::Namespace, "{text}");
        }
    }
}
