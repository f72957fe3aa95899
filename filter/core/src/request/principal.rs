//! The caller's principal: a SPIFFE id, read strictly.

use alloc::borrow::Cow;

use crate::text::{halves, split_bytes};

/// Longest SPIFFE id (SPIFFE-ID, 2.3).
const MAX_ID: usize = 2048;

/// A verified caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal<'a> {
    /// `TD/PATH`.
    full: &'a str,
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
        if uri.len() > MAX_ID {
            return None;
        }
        let (domain, Some(path)) = halves(uri.strip_prefix(b"spiffe://")?, b'/') else { return None };
        // Spelled out, as for every byte of every caller's name a call would be made otherwise.
        let is_domain_byte = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
        if domain.is_empty() || domain.len() > 255 || !domain.iter().all(is_domain_byte) {
            return None;
        }
        let namespace_length = namespace_length(path)?;
        let full = core::str::from_utf8(uri.get("spiffe://".len()..)?).ok()?;
        Some(Self { full, domain_length: domain.len(), namespace_length })
    }

    /// `TD/PATH`, and nothing else.
    pub(crate) fn into_text(self) -> Cow<'a, str> {
        Cow::Borrowed(self.full)
    }

    /// `TD/PATH`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.full
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

    /// Whether this is an Istio identity in which `ns` and `sa` come once, before the names that they speak of.
    pub(crate) fn is_usual(&self) -> bool {
        self.trust_domain() != "ns" && self.namespace().is_some_and(|namespace| !matches!(namespace, "ns" | "sa"))
    }

    /// `ns/NS/sa/SA`, if this is an Istio identity.
    #[must_use]
    pub fn service_account(&self) -> Option<&str> {
        self.namespace_length?;
        self.full.get(self.domain_length.checked_add(1)?..)
    }
}

/// The length of the namespace in `ns/NS/sa/SA`, or that there is none in another path; `None` where this is no path.
fn namespace_length(path: &[u8]) -> Option<Option<usize>> {
    let is_path_byte = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let (mut length, mut count, mut is_istios) = (0, 0_usize, true);
    for segment in split_bytes(path, b'/') {
        if matches!(segment, b"" | b"." | b"..") || !segment.iter().all(is_path_byte) {
            return None;
        }
        match count {
            0 => is_istios = segment == b"ns",
            1 => length = segment.len(),
            2 => is_istios &= segment == b"sa",
            _ => {}
        }
        count = count.saturating_add(1);
    }
    Some((is_istios && count == 4).then_some(length))
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
        for other in
            [&b"spiffe://x/ns/a/sa/b/c"[..], b"spiffe://x/ns/a/sa", b"spiffe://x/ns/a/b/c", b"spiffe://x/a/ns/sa/b"]
        {
            let other = Principal::from_uri_san(other).unwrap();
            assert_eq!((other.namespace(), other.service_account()), (None, None), "{other:?}");
        }
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
