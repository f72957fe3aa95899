//! The name of an image in a registry.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::digest::Digest;

/// `REGISTRY/REPOSITORY`, and a tag or a digest, never both.
///
/// # Design
/// The registry is required: for a name without one Istio's agent would use `docker.io`, which is rarely intended. A tag
/// together with a digest is an error, because the agent would silently ignore the tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) registry: String,
    pub(crate) repository: String,
    pub(crate) selector: Selector,
}

/// Which image of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selector {
    /// `latest` by default.
    Tag(String),
    Digest(Digest),
}

/// Why a text is not an image reference.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum InvalidReference {
    Scheme,
    NoRepository,
    NoRegistry(String),
    Registry(String),
    UpperCase(String),
    Repository(String),
    Tag(String),
    Digest(String),
    TagAndDigest,
}

impl Reference {
    /// Registry and repository, without tag or digest.
    pub(crate) fn image(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// Whether the registry is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.registry)
    }

    pub(crate) fn digest(&self) -> Option<&Digest> {
        match &self.selector {
            Selector::Digest(digest) => Some(digest),
            Selector::Tag(_) => None,
        }
    }
}

/// Whether `host` or `host:port` is a loopback name or address.
pub(crate) fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => authority.split(':').next().unwrap_or(authority),
    };
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        if text.contains("://") {
            return Err(InvalidReference::Scheme);
        }
        let (named, digest) = match text.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (text, None),
        };
        let (registry, rest) =
            named.split_once('/').filter(|(_, rest)| !rest.is_empty()).ok_or(InvalidReference::NoRepository)?;
        if !registry.contains(['.', ':']) && registry != "localhost" {
            return Err(InvalidReference::NoRegistry(named.to_owned()));
        }
        if !is_registry(registry) {
            return Err(InvalidReference::Registry(registry.to_owned()));
        }
        let (repository, tag) = match rest.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (rest, None),
        };
        check_repository(repository)?;
        let selector = match (tag, digest) {
            (Some(_), Some(_)) => return Err(InvalidReference::TagAndDigest),
            (None, Some(digest)) => {
                Selector::Digest(digest.parse().map_err(|_| InvalidReference::Digest(digest.to_owned()))?)
            }
            (tag, None) => Selector::Tag(checked_tag(tag.unwrap_or("latest"))?.to_owned()),
        };
        Ok(Reference { registry: registry.to_owned(), repository: repository.to_owned(), selector })
    }
}

/// A host name or address with an optional port.
fn is_registry(registry: &str) -> bool {
    let (host, port) = match registry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (registry, None),
    };
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte)),
    };
    is_host && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0))
}

/// Lower-case words, joined by `.`, `_`, `__` or dashes, and those by `/`.
fn check_repository(repository: &str) -> Result<(), InvalidReference> {
    if repository.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(InvalidReference::UpperCase(repository.to_owned()));
    }
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_component = |component: &str| {
        let joints = component.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        component.bytes().all(|byte| is_word(byte) || b"._-".contains(&byte))
            && component.bytes().next().is_some_and(is_word)
            && component.bytes().last().is_some_and(is_word)
            && joints
                .into_iter()
                .all(|joint| matches!(joint, "" | "." | "_" | "__") || joint.bytes().all(|b| b == b'-'))
    };
    if repository.split('/').all(is_component) && repository.len() <= 255 {
        Ok(())
    } else {
        Err(InvalidReference::Repository(repository.to_owned()))
    }
}

fn checked_tag(tag: &str) -> Result<&str, InvalidReference> {
    let is_tag = tag.len() <= 128
        && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        && !tag.is_empty()
        && !tag.starts_with(['.', '-']);
    if is_tag { Ok(tag) } else { Err(InvalidReference::Tag(tag.to_owned())) }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Selector::Tag(tag) => f.write_str(tag),
            Selector::Digest(digest) => digest.fmt(f),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joint = if self.digest().is_some() { '@' } else { ':' };
        write!(f, "{}/{}{joint}{}", self.registry, self.repository, self.selector)
    }
}

impl fmt::Display for InvalidReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use InvalidReference::*;
        match self {
            Scheme => f.write_str("an image reference has no scheme: remove everything up to `://`"),
            NoRepository => f.write_str("the repository is missing: expected REGISTRY/REPOSITORY[:TAG|@DIGEST]"),
            NoRegistry(name) => {
                let name = name.escape_debug();
                write!(f, "the registry is missing: expected REGISTRY/REPOSITORY, such as `docker.io/{name}`")
            }
            Registry(registry) => write!(f, "`{}` is not a registry: expected HOST[:PORT]", registry.escape_debug()),
            UpperCase(repository) => {
                let lower = repository.to_ascii_lowercase();
                write!(f, "a repository has no upper-case letters: write `{}`", lower.escape_debug())
            }
            Repository(repository) => write!(
                f,
                "`{}` is not a repository: expected lower-case letters and digits, separated by `/`, `.`, `_` or `-`",
                repository.escape_debug()
            ),
            Tag(tag) => {
                write!(f, "`{}` is not a tag: expected up to 128 letters, digits, `.`, `_` and `-`", tag.escape_debug())
            }
            Digest(digest) => {
                write!(
                    f,
                    "`{}` is not a digest: expected `sha256:` and 64 lower-case hexadecimal digits",
                    digest.escape_debug()
                )
            }
            TagAndDigest => {
                f.write_str("a tag and a digest: write only the digest, because Istio would ignore the tag")
            }
        }
    }
}

impl std::error::Error for InvalidReference {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Reference, InvalidReference> {
        text.parse()
    }

    #[test]
    fn a_reference_is_displayed_as_it_is_parsed() {
        let digest = Digest::of(b"");
        for text in [
            "ghcr.io/acme/filter:1.2.3",
            "localhost/filter:latest",
            "localhost:5000/a/b-c__d.e/f:v_1",
            "[::1]:5000/filter:latest",
            &format!("127.0.0.1:5000/filter@{digest}"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        assert_eq!(parse("ghcr.io/acme/filter").unwrap().selector, Selector::Tag("latest".into()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let digest = Digest::of(b"");
        let check = |text: &str, expected: InvalidReference| assert_eq!(parse(text), Err(expected), "{text}");
        check("oci://ghcr.io/acme/filter", InvalidReference::Scheme);
        check("", InvalidReference::NoRepository);
        check("ghcr.io", InvalidReference::NoRepository);
        check("ghcr.io/", InvalidReference::NoRepository);
        check("acme/filter:1", InvalidReference::NoRegistry("acme/filter:1".into()));
        check("a b.c/filter", InvalidReference::Registry("a b.c".into()));
        check("h:0/filter", InvalidReference::Registry("h:0".into()));
        check("ghcr.io/Acme/filter", InvalidReference::UpperCase("Acme/filter".into()));
        for bad in ["a//b", "-a", "a-", "a..b", "a___b", "ä", "a/../b"] {
            check(&format!("ghcr.io/{bad}"), InvalidReference::Repository(bad.into()));
        }
        check("ghcr.io/a:", InvalidReference::Tag("".into()));
        check("ghcr.io/a:-b", InvalidReference::Tag("-b".into()));
        check("ghcr.io/a@sha256:1", InvalidReference::Digest("sha256:1".into()));
        check(&format!("ghcr.io/a:1@{digest}"), InvalidReference::TagAndDigest);
    }

    #[test]
    fn only_loopback_names_are_this_machine() {
        for here in ["localhost", "localhost:5000", "a.localhost:1", "127.0.0.1:5000", "127.9.9.9", "[::1]:1"] {
            assert!(is_loopback(here), "{here}");
        }
        for there in ["ghcr.io", "localhost.example.com", "10.0.0.1", "127.0.0.1.example.com", "[::2]:1"] {
            assert!(!is_loopback(there), "{there}");
        }
    }
}
