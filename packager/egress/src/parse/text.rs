//! Kinds of strings, and what is wrong with one that is not of its kind.

pub(crate) mod duration;
pub(crate) mod image;
mod names;
mod quantity;

use super::jwks;
use super::suggest::{did_you_mean, quoted};
use crate::code::Code;
use crate::diagnostic::Flaw;
use std::net::IpAddr;

/// A kind of string.
#[derive(Clone, Copy)]
pub(crate) enum Text {
    /// Whatever: the core judges it.
    Free,
    /// As free, and a number may be written without quotes.
    Digits,
    NotEmpty,
    /// The only value of the field of this name.
    Const(&'static str, &'static str),
    /// A DNS label (RFC 1123).
    Label,
    /// A DNS name or IP address.
    Host,
    /// A DNS name.
    ServerName,
    /// A DNS name, IP address or SPIFFE id.
    SubjectAltName,
    Issuer,
    Jwks,
    JwksUri,
    /// The DNS name that outside callers use.
    ExposedHost,
    /// `NAMESPACE/LABEL` of an ingress gateway.
    IngressGateway,
    /// The name of a Kubernetes resource: a DNS subdomain.
    ResourceName,
    /// A length of time, as Istio writes it.
    Duration,
    /// Envoy's retry conditions, comma-separated.
    RetryConditions,
    /// An amount of CPU; a whole number may be written without quotes.
    Cpu,
    /// An amount of memory.
    Memory,
    /// An image without tag or digest.
    ImageRepository,
    /// An image with tag or digest.
    ImageReference,
    Digest,
    /// The name of a header that may be taken away, kept or set, in lower case.
    HeaderName,
    /// What stands before a secret in a header's value; it may be empty.
    HeaderPrefix,
    /// A key of a Secret.
    SecretKey,
    /// The path of a file in the gateway's pods.
    FilePath,
    /// A name without spaces that is compared byte by byte.
    Word,
    /// The path of an OPA decision.
    OpaPath,
    /// The path of an RFC 6902 operation.
    JsonPointer,
}

impl Text {
    pub(crate) fn check(self, text: &str) -> Option<Flaw> {
        if text.is_empty() && !matches!(self, Text::Free | Text::Digits | Text::HeaderPrefix) {
            return Some(
                Flaw::new(Code::EmptyText, "the string is empty").help("write a value, or leave the field out"),
            );
        }
        match self {
            Text::Free | Text::Digits | Text::NotEmpty => None,
            Text::Const(field, value) => (text != value).then(|| wrong_constant(field, text, value)),
            Text::Label => (!is_label(text)).then(|| {
                let flaw = Flaw::new(Code::Name, format!("{} is not a DNS label", quoted(text)));
                match label_of(text) {
                    Some(near) => flaw.help(format!("write {}", quoted(&near))),
                    None => flaw.help("write 1 to 63 of `a-z`, `0-9` and `-`, with a letter or digit at both ends"),
                }
            }),
            Text::Host => host(text, Code::Host),
            Text::ServerName => server_name(text),
            Text::SubjectAltName => subject_alt_name(text),
            Text::Issuer => text.chars().any(|c| c.is_whitespace() || c.is_control()).then(|| {
                Flaw::new(Code::JwtIssuer, format!("the issuer {} has a space or control character", quoted(text)))
                    .help("write the token's `iss` exactly")
            }),
            Text::Jwks => jwks::check(text),
            Text::JwksUri => jwks_uri(text),
            Text::ExposedHost => names::check_exposed_host(text).or_else(|| host(text, Code::Host)),
            Text::IngressGateway => names::check_ingress_gateway(text),
            Text::ResourceName => names::check_resource(text),
            Text::Duration => duration::check(text),
            Text::RetryConditions => names::check_retry_conditions(text),
            Text::Cpu => quantity::check_cpu(text),
            Text::Memory => quantity::check_memory(text),
            Text::ImageRepository => image::check_repository(text),
            Text::ImageReference => image::check_reference(text),
            Text::Digest => image::check_digest(text),
            Text::HeaderName => names::check_header(text),
            Text::HeaderPrefix => names::check_header_prefix(text),
            Text::SecretKey => names::check_secret_key(text),
            Text::FilePath => names::check_file_path(text),
            Text::Word => names::check_word(text),
            Text::OpaPath => names::check_decision(text),
            Text::JsonPointer => names::check_json_pointer(text),
        }
    }
}

pub(crate) const KINDS: [&str; 2] = ["Egress", "Mesh"];

fn wrong_constant(field: &str, text: &str, value: &str) -> Flaw {
    if field == "kind" {
        let flaw = Flaw::new(Code::Kind, format!("unknown kind {}", quoted(text)));
        return match did_you_mean(text, KINDS.into_iter()) {
            Some(near) => flaw.help(format!("did you mean `{near}`?")),
            None => flaw.help("write `Egress` or `Mesh`"),
        };
    }
    Flaw::new(Code::ApiVersion, format!("the {field} {} is not one that this build reads", quoted(text)))
        .help(format!("write `{value}`"))
}

fn is_label(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c != '-');
    (1..=63).contains(&text.len())
        && text.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-'))
        && edge(text.chars().next())
        && edge(text.chars().next_back())
}

fn label_of(text: &str) -> Option<String> {
    let near: String =
        text.to_ascii_lowercase().chars().map(|c| if matches!(c, '_' | '.' | ' ') { '-' } else { c }).collect();
    is_label(&near).then_some(near)
}

/// A DNS name in lower case: labels of letters, digits and hyphens, the last not all digits (that is a bad address).
fn is_dns_name(text: &str) -> bool {
    let last_is_number = text.rsplit('.').next().is_some_and(|last| last.chars().all(|c| c.is_ascii_digit()));
    text.len() <= 253 && text.split('.').all(is_label) && !last_is_number
}

fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

fn host(text: &str, code: Code) -> Option<Flaw> {
    if is_address(text) || is_dns_name(text) {
        return None;
    }
    let shown = quoted(text);
    let (problem, near) = if let Some((_, rest)) = text.split_once("://") {
        (format!("{shown} is a URL, not a host"), plain_host(rest))
    } else if text.contains(['/', '?', '#']) {
        (format!("{shown} has a path, which is no part of a host"), plain_host(text))
    } else if text.contains('@') {
        (format!("{shown} has a user, which is no part of a host"), plain_host(text))
    } else if text.starts_with('[') {
        (format!("{shown} has brackets, which are no part of an address"), plain_host(text))
    } else if text.contains(':') {
        (format!("{shown} has a port, which is no part of a host"), plain_host(text))
    } else if text.contains('*') {
        return Some(Flaw::new(code, format!("{shown} is a pattern, not a host")).help("write each name out"));
    } else if text.ends_with('.') {
        (format!("{shown} ends with a dot"), plain_host(text))
    } else if text.chars().any(|c| c.is_ascii_uppercase()) {
        (format!("{shown} has upper-case letters"), plain_host(text))
    } else if text.chars().all(|c| c.is_ascii_digit() || c == '.') {
        (format!("{shown} is not an IP address"), None)
    } else {
        (format!("{shown} is not a DNS name"), None)
    };
    let flaw = Flaw::new(code, problem);
    Some(match near {
        Some(near) => flaw.help(format!("write `{near}`")),
        None => flaw.help("write a name such as `httpbin.org`, or an IP address"),
    })
}

/// The host within a URL, an authority, or a badly written host.
fn plain_host(text: &str) -> Option<String> {
    let authority = text.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit('@').next()?;
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None => authority.split(':').next()?,
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    (is_address(&host) || is_dns_name(&host)).then_some(host)
}

fn server_name(text: &str) -> Option<Flaw> {
    if is_address(text) {
        let flaw =
            Flaw::new(Code::ServerName, format!("{} is an IP address, which cannot be a server name", quoted(text)));
        return Some(flaw.help("leave `sni` out, and write the address in `subjectAltNames`"));
    }
    host(text, Code::ServerName)
}

fn subject_alt_name(text: &str) -> Option<Flaw> {
    match text.strip_prefix("spiffe://") {
        Some(rest) if rest.split('/').all(|part| !part.is_empty()) && rest.bytes().all(|b| b.is_ascii_graphic()) => {
            None
        }
        Some(_) => Some(
            Flaw::new(Code::SubjectAltName, format!("{} is not a SPIFFE id", quoted(text)))
                .help("write `spiffe://TRUST_DOMAIN/PATH`"),
        ),
        None => host(text, Code::SubjectAltName),
    }
}

fn jwks_uri(text: &str) -> Option<Flaw> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let good = rest.is_some_and(|rest| {
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        !authority.contains('@')
            && !rest.contains('#')
            && rest.bytes().all(|byte| byte.is_ascii_graphic())
            && has_good_port(authority)
            && plain_host(authority).is_some()
    });
    (!good).then(|| {
        Flaw::new(Code::JwksUri, format!("{} is not an http or https URL", quoted(text)))
            .help("write a URL such as `https://issuer.example.com/.well-known/jwks.json`")
    })
}

fn has_good_port(authority: &str) -> bool {
    let after_host = match authority.split_once(']') {
        Some((_, rest)) => rest,
        None => authority.find(':').and_then(|colon| authority.get(colon..)).unwrap_or_default(),
    };
    after_host.is_empty()
        || after_host.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Span;

    fn complaint(kind: Text, text: &str) -> Option<String> {
        let diagnostic = kind.check(text)?.at(0, Span { start: 0, end: 0 });
        Some(format!("{} {} -> {}", diagnostic.code, diagnostic.message, diagnostic.help.unwrap_or_default()))
    }

    #[test]
    fn hosts() {
        for good in ["httpbin.org", "a", "a-b.c1", "10.0.0.1", "::1", "fe80::1", "1a.example"] {
            assert_eq!(complaint(Text::Host, good), None);
        }
        for (bad, says) in [
            ("https://httpbin.org/get", "SP0302 `https://httpbin.org/get` is a URL, not a host -> write `httpbin.org`"),
            (
                "httpbin.org/get",
                "SP0302 `httpbin.org/get` has a path, which is no part of a host -> write `httpbin.org`",
            ),
            (
                "httpbin.org:443",
                "SP0302 `httpbin.org:443` has a port, which is no part of a host -> write `httpbin.org`",
            ),
            ("[::1]:80", "SP0302 `[::1]:80` has brackets, which are no part of an address -> write `::1`"),
            ("HTTPBIN.org", "SP0302 `HTTPBIN.org` has upper-case letters -> write `httpbin.org`"),
            ("httpbin.org.", "SP0302 `httpbin.org.` ends with a dot -> write `httpbin.org`"),
            ("*.org", "SP0302 `*.org` is a pattern, not a host -> write each name out"),
            (
                "10.0.0.256",
                "SP0302 `10.0.0.256` is not an IP address -> write a name such as `httpbin.org`, or an IP address",
            ),
            ("a_b.c", "SP0302 `a_b.c` is not a DNS name -> write a name such as `httpbin.org`, or an IP address"),
            ("a..b", "SP0302 `a..b` is not a DNS name -> write a name such as `httpbin.org`, or an IP address"),
        ] {
            assert_eq!(complaint(Text::Host, bad).as_deref(), Some(says));
        }
    }

    #[test]
    fn labels() {
        assert_eq!(complaint(Text::Label, "a-1"), None);
        assert_eq!(
            complaint(Text::Label, "My_App").as_deref(),
            Some("SP0301 `My_App` is not a DNS label -> write `my-app`")
        );
        for bad in ["-a", "a-", "é", &"a".repeat(64)] {
            assert!(complaint(Text::Label, bad).is_some_and(|says| says.starts_with("SP0301")), "{bad}");
        }
    }

    #[test]
    fn names_in_certificates() {
        for good in ["httpbin.org", "10.0.0.1", "spiffe://td/ns/a/sa/b"] {
            assert_eq!(complaint(Text::SubjectAltName, good), None);
        }
        for bad in ["*.httpbin.org", "spiffe://", "spiffe://td//x", "https://a.b"] {
            assert!(complaint(Text::SubjectAltName, bad).is_some_and(|says| says.starts_with("SP0304")), "{bad}");
        }
        assert!(complaint(Text::ServerName, "10.0.0.1").is_some_and(|says| says.contains("cannot be a server name")));
    }

    #[test]
    fn key_set_urls() {
        for good in ["https://a.b/jwks", "http://localhost:8080/k?x=y", "http://[::1]:80/", "https://a.b"] {
            assert_eq!(complaint(Text::JwksUri, good), None);
        }
        for bad in
            ["a.b/jwks", "ftp://a.b", "https://", "https://u@a.b/", "https://a.b:0/", "https://a.b:x", "https://a.b/ x"]
        {
            assert!(complaint(Text::JwksUri, bad).is_some(), "{bad}");
        }
    }
}
