//! The reference to an image in a registry.

use std::fmt;
use std::str::FromStr;

use sallyport_egress::value::image::{ImageName, InvalidImage};
pub(crate) use sallyport_egress::value::image::{Selector, is_loopback};

use super::digest::Digest;

/// `REGISTRY/REPOSITORY`, and a tag or a digest.
///
/// # Design
/// It is an [`ImageName`] whose registry is required: for a name without one Istio's agent would use `docker.io`, which is
/// rarely intended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) registry: String,
    pub(crate) repository: String,
    /// The tag `latest` by default.
    pub(crate) selector: Selector,
}

/// Why a text is not an image reference.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum InvalidReference {
    NoRegistry(String),
    Name(InvalidImage),
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

    /// The tag or the digest, as it is used in a URL of the registry.
    pub(crate) fn selector(&self) -> String {
        match &self.selector {
            Selector::Tag(tag) => tag.clone(),
            Selector::Digest(digest) => digest.to_string(),
        }
    }
}

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let name: ImageName = text.parse().map_err(InvalidReference::Name)?;
        if !text.contains('/') {
            return Err(InvalidReference::Name(InvalidImage::NoRepository));
        }
        let without_selector = name.without_selector();
        let ImageName { registry, repository, selector } = name;
        let registry = registry.ok_or(InvalidReference::NoRegistry(without_selector))?;
        let selector = selector.unwrap_or_else(|| Selector::Tag("latest".to_owned()));
        Ok(Reference { registry, repository, selector })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joint = if self.digest().is_some() { '@' } else { ':' };
        write!(f, "{}/{}{joint}{}", self.registry, self.repository, self.selector())
    }
}

impl fmt::Display for InvalidReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidReference::NoRegistry(name) => {
                let name = name.escape_debug();
                write!(f, "there is no registry: write REGISTRY/REPOSITORY, such as `docker.io/{name}`")
            }
            InvalidReference::Name(invalid) => invalid.fmt(f),
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
        let digest = Digest::from_bytes([0; 32]);
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
    fn a_reference_has_a_registry_and_a_repository() {
        for bad in ["", "ghcr.io", "ghcr.io/"] {
            assert_eq!(parse(bad), Err(InvalidReference::Name(InvalidImage::NoRepository)), "{bad}");
        }
        assert_eq!(parse("acme/filter:1"), Err(InvalidReference::NoRegistry("acme/filter".into())));
        assert_eq!(parse("ghcr.io/Acme/f"), Err(InvalidReference::Name(InvalidImage::UpperCase("Acme/f".into()))));
    }
}
