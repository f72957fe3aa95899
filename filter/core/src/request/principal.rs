//! The caller's principal: a SPIFFE id, read strictly.

use alloc::borrow::Cow;

use crate::text::{split, split_once};

/// Longest SPIFFE id (SPIFFE-ID, 2.3).
const MAX_ID: usize = 2048;

/// A verified caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal<'a> {
    /// `TD/PATH`.
    full: Cow<'a, str>,
    /// Length of the trust domain.
    domain_length: usize,
    /// Length of the namespace, if the path is `ns/NS/sa/SA`.
    namespace_length: Option<usize>,
}

impl<'a> Principal<'a> {
    /// Reads `spiffe://TD/PATH` (SPIFFE-ID, 2): lower-case trust domain, path segments of `A-Za-z0-9._-` that are
    /// neither empty nor `.` nor `..`. Anything else (a NUL, an escape, a query, another scheme) is no principal.
    #[must_use]
    pub fn from_uri_san(uri: &'a [u8]) -> Option<Self> {
        let id = core::str::from_utf8(uri).ok()?.strip_prefix("spiffe://")?;
        if uri.len() > MAX_ID {
            return None;
        }
        let (domain, path) = split_once(id, "/")?;
        let is_domain_byte = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        if domain.is_empty() || domain.len() > 255 || !domain.bytes().all(is_domain_byte) {
            return None;
        }
        let is_segment = |segment: &str| {
            !matches!(segment, "" | "." | "..")
                && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        if !split(path, "/").all(is_segment) {
            return None;
        }
        Some(Self { full: Cow::Borrowed(id), domain_length: domain.len(), namespace_length: namespace_length(path) })
    }

    /// The same, free of what it was read from.
    pub(crate) fn into_owned<'b>(self) -> Principal<'b> {
        Principal {
            full: Cow::Owned(self.full.into_owned()),
            domain_length: self.domain_length,
            namespace_length: self.namespace_length,
        }
    }

    /// `TD/PATH`, and nothing else.
    pub(crate) fn into_text(self) -> Cow<'a, str> {
        self.full
    }

    /// `TD/PATH`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.full
    }

    /// The trust domain.
    #[must_use]
    pub fn trust_domain(&self) -> &str {
        self.full.get(..self.domain_length).unwrap_or("")
    }

    /// The namespace, if this is an Istio identity.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.service_account()?.get("ns/".len()..)?.get(..self.namespace_length?)
    }

    /// `ns/NS/sa/SA`, if this is an Istio identity.
    #[must_use]
    pub fn service_account(&self) -> Option<&str> {
        self.namespace_length?;
        self.full.get(self.domain_length.checked_add(1)?..)
    }
}

fn namespace_length(path: &str) -> Option<usize> {
    let mut parts = split(path, "/");
    match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("ns"), Some(namespace), Some("sa"), Some(_), None) => Some(namespace.len()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn istio_identities() {
        let principal = Principal::from_uri_san(b"spiffe://prod/ns/a/sa/b").unwrap();
        assert_eq!(principal.as_str(), "prod/ns/a/sa/b");
        assert_eq!(principal.trust_domain(), "prod");
        assert_eq!(principal.namespace(), Some("a"));
        assert_eq!(principal.service_account(), Some("ns/a/sa/b"));
        let other = Principal::from_uri_san(b"spiffe://x/ns/a/sa/b/c").unwrap();
        assert_eq!((other.namespace(), other.service_account()), (None, None));
    }

    #[test]
    fn what_is_no_spiffe_id_is_no_principal() {
        for uri in [
            &b""[..],
            b"prod/ns/a/sa/b",
            b"https://prod/ns/a/sa/b",
            b"spiffe://prod",
            b"spiffe://prod/",
            b"spiffe:///ns/a/sa/b",
            b"spiffe://Prod/ns/a/sa/b",
            b"spiffe://prod/ns/a/sa/b\0c",
            b"spiffe://prod/ns/a/sa/%62",
            b"spiffe://prod/ns/../sa/b",
            b"spiffe://prod/ns//sa/b",
            b"spiffe://prod/ns/a/sa/b/",
            b"spiffe://prod/ns/a/sa/b?x",
            b"spiffe://prod:80/ns/a/sa/b",
            b"spiffe://prod/ns/a/sa/\xff",
        ] {
            assert_eq!(Principal::from_uri_san(uri), None, "{uri:?}");
        }
    }
}
