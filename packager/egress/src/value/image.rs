//! Names of container images.

use super::digest::Digest;
use super::{FromText, kind, text_value};
use crate::code::Code;
use crate::diagnostic::UnplacedDiagnostic;
use crate::wording::quoted;
use sallyport_core::wire::TextKind;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// A repository, perhaps at a named registry, and perhaps a tag or a digest, never both.
///
/// # Design
/// The first part is a registry where it has a dot or a port, or is `localhost`, as container tools have it. A tag beside a
/// digest is refused: Istio's agent drops the tag without a word, so it says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageName {
    /// `HOST` or `HOST:PORT`.
    pub registry: Option<String>,
    /// Lower-case words joined by `/`.
    pub repository: String,
    /// Which image of the repository.
    pub selector: Option<Selector>,
}

/// Which image of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// A tag, which can be moved to another image.
    Tag(String),
    /// The digest of its manifest.
    Digest(Digest),
}

/// Why a text does not name an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidImage {
    /// It has a scheme, such as `oci://`.
    Scheme,
    /// There is nothing behind the registry.
    NoRepository,
    /// This is not a registry.
    Registry(String),
    /// This repository has upper-case letters.
    UpperCase(String),
    /// This is not a repository.
    Repository(String),
    /// This is not a tag.
    Tag(String),
    /// This is not a digest.
    Digest(String),
    /// It has a tag and a digest.
    TagAndDigest,
}

impl ImageName {
    /// Registry and repository, without tag or digest.
    #[must_use]
    pub fn without_selector(&self) -> String {
        match &self.registry {
            Some(registry) => format!("{registry}/{}", self.repository),
            None => self.repository.clone(),
        }
    }

    /// The port of the registry, if one is written.
    #[must_use]
    pub fn registry_port(&self) -> Option<u16> {
        port(self.registry.as_deref()?)?.parse().ok()
    }

    /// Whether the registry is the machine that reads the name: in a cluster that is each node, or each pod.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.registry.as_deref().is_some_and(is_loopback)
    }
}

/// What is behind the host of `HOST:PORT`; an IPv6 address has colons of its own, within brackets.
fn port(registry: &str) -> Option<&str> {
    let (_, port) = registry.rsplit_once(':')?;
    (!port.ends_with(']')).then_some(port)
}

/// Whether `host` or `host:port` is a loopback name or address.
#[must_use]
pub fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => authority.split(':').next().unwrap_or(authority),
    };
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl FromStr for ImageName {
    type Err = InvalidImage;

    fn from_str(text: &str) -> Result<Self, InvalidImage> {
        if text.contains("://") {
            return Err(InvalidImage::Scheme);
        }
        let (named, digest) = match text.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (text, None),
        };
        let (registry, rest) = match named.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (Some(first), rest),
            _ => (None, named),
        };
        if rest.is_empty() {
            return Err(InvalidImage::NoRepository);
        }
        if let Some(registry) = registry.filter(|registry| !is_registry(registry)) {
            return Err(InvalidImage::Registry(registry.to_owned()));
        }
        let (repository, tag) = match rest.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (rest, None),
        };
        check_repository(repository)?;
        let selector = match (tag, digest) {
            (Some(_), Some(_)) => return Err(InvalidImage::TagAndDigest),
            (Some(tag), None) if is_tag(tag) => Some(Selector::Tag(tag.to_owned())),
            (Some(tag), None) => return Err(InvalidImage::Tag(tag.to_owned())),
            (None, Some(digest)) => {
                Some(Selector::Digest(digest.parse().map_err(|_| InvalidImage::Digest(digest.to_owned()))?))
            }
            (None, None) => None,
        };
        Ok(Self { registry: registry.map(str::to_owned), repository: repository.to_owned(), selector })
    }
}

/// A host name or address, and perhaps a port.
fn is_registry(registry: &str) -> bool {
    let port = port(registry);
    let host = match port {
        Some(port) => registry.strip_suffix(port).and_then(|host| host.strip_suffix(':')).unwrap_or(registry),
        None => registry,
    };
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte)),
    };
    is_host && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0))
}

/// Lower-case words, joined by `.`, `_`, `__` or dashes, and those by `/`.
fn check_repository(repository: &str) -> Result<(), InvalidImage> {
    if repository.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(InvalidImage::UpperCase(repository.to_owned()));
    }
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_component = |component: &str| {
        let mut joints = component.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        component.bytes().next().is_some_and(is_word)
            && component.bytes().last().is_some_and(is_word)
            && joints.all(|joint| matches!(joint, "" | "." | "_" | "__") || joint.bytes().all(|b| b == b'-'))
    };
    match repository.split('/').all(is_component) && repository.len() <= 255 {
        true => Ok(()),
        false => Err(InvalidImage::Repository(repository.to_owned())),
    }
}

fn is_tag(tag: &str) -> bool {
    (1..=128).contains(&tag.len())
        && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        && !tag.starts_with(['.', '-'])
}

impl fmt::Display for InvalidImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme => f.write_str("the name of an image has no scheme: remove everything up to `://`"),
            Self::NoRepository => f.write_str("there is no repository: write REGISTRY/REPOSITORY[:TAG|@DIGEST]"),
            Self::Registry(registry) => {
                write!(f, "`{}` is not a registry: write HOST or HOST:PORT", registry.escape_debug())
            }
            Self::UpperCase(repository) => {
                let lower = repository.to_ascii_lowercase();
                write!(
                    f,
                    "the repository has upper-case letters, which no registry accepts: write `{}`",
                    lower.escape_debug()
                )
            }
            Self::Repository(repository) => write!(
                f,
                "`{}` is not a repository: write lower-case words joined by `/`, `.`, `_` or `-`",
                repository.escape_debug()
            ),
            Self::Tag(tag) => {
                write!(f, "`{}` is not a tag: write up to 128 letters, digits, `.`, `_` and `-`", tag.escape_debug())
            }
            Self::Digest(digest) => {
                write!(f, "`{}` is not a digest: write `sha256:` and 64 hexadecimal digits", digest.escape_debug())
            }
            Self::TagAndDigest => {
                f.write_str("it has a tag and a digest: write the digest alone, because Istio ignores the tag")
            }
        }
    }
}

impl std::error::Error for InvalidImage {}

/// An image's repository, without tag or digest: `registry.example.com/sallyport/filter`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRepository {
    text: String,
    name: ImageName,
}

impl ImageRepository {
    /// A repository of ours, for a default. That defaults are right is tested.
    pub(crate) fn of(registry: &'static str, repository: &'static str) -> Self {
        let name = ImageName { registry: Some(registry.to_owned()), repository: repository.to_owned(), selector: None };
        Self { text: name.without_selector(), name }
    }

    /// The text, as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its parts. There is no selector.
    #[must_use]
    pub fn name(&self) -> &ImageName {
        &self.name
    }
}

text_value!(ImageRepository);

impl FromText for ImageRepository {
    const KIND: TextKind = kind::<Self>("image repository");

    fn from_text(text: &str) -> Result<Self, UnplacedDiagnostic> {
        let flaw =
            |problem: &str| UnplacedDiagnostic::new(Code::ImageRepository, format!("{} {problem}", quoted(text)));
        let digest_apart =
            |name: &ImageName| format!("write {}, and the digest in `digest`", quoted(&name.without_selector()));
        if let Some((_, rest)) = text.split_once("://") {
            let name = rest.parse::<ImageName>().map_or_else(|_| rest.to_owned(), |name| name.without_selector());
            return Err(flaw("is a URL, not a repository").help(format!("write {}", quoted(&name))));
        }
        match text.parse::<ImageName>() {
            Ok(name @ ImageName { selector: None, .. }) => Ok(Self { text: text.to_owned(), name }),
            Ok(name @ ImageName { selector: Some(Selector::Tag(_)), .. }) => {
                Err(flaw("has a tag, which can be moved to another image").help(digest_apart(&name)))
            }
            Ok(name) => Err(flaw("has a digest").help(digest_apart(&name))),
            Err(_) => {
                Err(flaw("is not the name of a repository").help("write `registry.example.com/sallyport/filter`"))
            }
        }
    }
}

/// One image: a repository with a tag or digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageReference {
    text: String,
    selector: Selector,
}

impl ImageReference {
    /// The text, as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The tag or digest.
    #[must_use]
    pub fn selector(&self) -> &Selector {
        &self.selector
    }
}

text_value!(ImageReference);

impl FromText for ImageReference {
    const KIND: TextKind = kind::<Self>("image reference");

    fn from_text(text: &str) -> Result<Self, UnplacedDiagnostic> {
        let flaw = |problem: &str| UnplacedDiagnostic::new(Code::ImageReference, format!("{} {problem}", quoted(text)));
        match text.parse() {
            Ok(ImageName { selector: Some(selector), .. }) => Ok(Self { text: text.to_owned(), selector }),
            Ok(name @ ImageName { selector: None, .. }) => {
                let tagged = format!("{}:TAG", name.without_selector());
                Err(flaw("has neither tag nor digest").help(format!("write {}, or better a digest", quoted(&tagged))))
            }
            Err(_) => {
                Err(flaw("is not a reference to an image").help("write `REPOSITORY:TAG` or `REPOSITORY@sha256:DIGEST`"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images() {
        let digest = Digest::from_bytes([0x0a; 32]);
        for good in ["registry.example.com/sallyport/filter", "localhost:5000/filter", "filter", "a/b_c/d.e-f"] {
            let is_repository = |text: &str| text.parse::<ImageRepository>().is_ok();
            let is_reference = |text: &str| text.parse::<ImageReference>().is_ok();
            assert!(is_repository(good) && !is_reference(good), "{good}");
            for selected in [format!("{good}:1.2"), format!("{good}@{digest}")] {
                assert!(!is_repository(&selected) && is_reference(&selected), "{selected}");
            }
        }
        for bad in ["oci://a/b", "A/b", "a//b", "a:0/b", "a/b:", "a b/c", "/a", "a/"] {
            assert!(bad.parse::<ImageRepository>().is_err(), "{bad}");
            assert!(bad.parse::<ImageReference>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let digest = Digest::from_bytes([0; 32]);
        let check = |text: &str, expected: InvalidImage| assert_eq!(text.parse::<ImageName>(), Err(expected), "{text}");
        check("oci://ghcr.io/acme/filter", InvalidImage::Scheme);
        check("", InvalidImage::NoRepository);
        check("ghcr.io/", InvalidImage::NoRepository);
        check("a b.c/filter", InvalidImage::Registry("a b.c".into()));
        check("h:0/filter", InvalidImage::Registry("h:0".into()));
        check("ghcr.io/Acme/filter", InvalidImage::UpperCase("Acme/filter".into()));
        for bad in ["a//b", "-a", "a-", "a..b", "a___b", "ä", "a/../b"] {
            check(&format!("ghcr.io/{bad}"), InvalidImage::Repository(bad.into()));
        }
        check("ghcr.io/a:", InvalidImage::Tag("".into()));
        check("ghcr.io/a:-b", InvalidImage::Tag("-b".into()));
        check("ghcr.io/a@sha256:1", InvalidImage::Digest("sha256:1".into()));
        check(&format!("ghcr.io/a:1@{digest}"), InvalidImage::TagAndDigest);
    }

    #[test]
    fn a_registry_has_a_dot_or_a_port() {
        let registry = |text: &str| text.parse::<ImageName>().expect("an image").registry;
        for (text, expected) in [
            ("ghcr.io/acme/filter:1.2.3", Some("ghcr.io")),
            ("localhost/filter", Some("localhost")),
            ("[::1]:5000/filter", Some("[::1]:5000")),
            ("acme/filter:1", None),
            ("filter", None),
        ] {
            assert_eq!(registry(text).as_deref(), expected, "{text}");
        }
        let port = |text: &str| text.parse::<ImageName>().expect("an image").registry_port();
        assert_eq!(
            [port("[::1]:5000/a"), port("[::1]/a"), port("h.x:1/a"), port("a/b")],
            [Some(5000), None, Some(1), None]
        );
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
