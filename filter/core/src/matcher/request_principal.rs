//! Whom a verified token is about: `ISSUER/SUBJECT`.
//!
//! A pattern is split at its last `/`, because issuers are URLs, and both halves are matched by themselves, as Istio does
//! (`requestPrincipalGenerator`): `*/admin` is the subject `admin` of any issuer, and not the subject `guest/admin`.

use alloc::vec::Vec;

use super::string::StringPattern;
use crate::map::ByteMap;
use crate::problem::{Flaw, PolicyCode};
use crate::request::token::RequestPrincipal;
use crate::text::rsplit_once;

/// One pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPrincipalPattern {
    issuer: StringPattern,
    subject: StringPattern,
}

impl RequestPrincipalPattern {
    /// Reads `ISSUER/SUBJECT`, with a `*` at one end, or `*` for any token that has both.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        let pattern = StringPattern::parse(text)?;
        let flaw = || {
            Flaw::new(PolicyCode::RequestPrincipal, format_args!("`{text}` does not name the subject of a token"))
                .help(format_args!("write `ISSUER/SUBJECT`, with `*` at one end for several, or `*` for any"))
        };
        let half = |text: &str| StringPattern::parse(text).map_err(|_| flaw());
        let (issuer, subject) = match (rsplit_once(text, b'/'), pattern) {
            (_, StringPattern::Present) => (StringPattern::Present, StringPattern::Present),
            (Some((issuer, subject)), _) => (half(issuer)?, half(subject)?),
            (None, StringPattern::Suffix(subject)) => (StringPattern::Present, StringPattern::Suffix(subject)),
            (None, StringPattern::Prefix(issuer)) => (StringPattern::Prefix(issuer), StringPattern::Present),
            (None, StringPattern::Exact(_)) => return Err(flaw()),
        };
        Ok(Self { issuer, subject })
    }

    fn matches(&self, principal: &RequestPrincipal) -> bool {
        self.issuer.matches(principal.issuer()) && self.subject.matches(principal.subject())
    }
}

/// Several patterns, of which one must match.
#[derive(Clone, Debug, Default)]
pub struct RequestPrincipalSet {
    /// `ISSUER/SUBJECT` without wildcards, as keys; the numbers mean nothing.
    exact: ByteMap,
    others: Vec<RequestPrincipalPattern>,
}

impl RequestPrincipalSet {
    /// A set of these patterns.
    #[must_use]
    pub fn new(patterns: Vec<RequestPrincipalPattern>) -> Self {
        let mut set = Self::default();
        for pattern in patterns {
            match (&pattern.issuer, &pattern.subject) {
                (StringPattern::Exact(issuer), StringPattern::Exact(subject)) => {
                    set.exact.insert([issuer, &b"/"[..], subject].concat().into(), 0);
                }
                _ => set.others.push(pattern),
            }
        }
        set
    }

    /// Whether one of them matches.
    #[must_use]
    pub fn matches(&self, principal: &RequestPrincipal) -> bool {
        // Only a subject without a slash is split off where the pattern was.
        let is_exact =
            || !principal.subject().contains(&b'/') && self.exact.contains_key(principal.as_str().as_bytes());
        is_exact() || self.others.iter().any(|pattern| pattern.matches(principal))
    }

    /// Issuer and subject of each pattern.
    #[cfg(feature = "compile")]
    pub(crate) fn patterns(&self) -> Vec<(StringPattern, StringPattern)> {
        let exact = self.exact.keys().filter_map(|text| {
            let slash = text.iter().rposition(|byte| *byte == b'/')?;
            let half = |half: Option<&[u8]>| half.map(|text| StringPattern::Exact(text.into()));
            Some((half(text.get(..slash))?, half(text.get(slash.saturating_add(1)..))?))
        });
        let others = self.others.iter().map(|pattern| (pattern.issuer.clone(), pattern.subject.clone()));
        let mut patterns: Vec<_> = exact.chain(others).collect();
        patterns.sort();
        patterns
    }

    /// `ISSUER/SUBJECT` of each pattern, if none has a wildcard.
    pub(crate) fn all_exact(&self) -> Option<Vec<&[u8]>> {
        self.others.is_empty().then(|| self.exact.keys().map(|text| &**text).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_match_by_themselves() {
        for (pattern, issuer, subject, expected) in [
            ("https://i/u", "https://i", "u", true),
            ("https://i/t/u", "https://i/t", "u", true),
            ("https://i/t/u", "https://i", "t/u", false),
            ("*/admin", "https://i", "admin", true),
            ("*/admin", "https://i", "guest/admin", false),
            ("*i/admin", "https://i", "admin", true),
            ("*min", "https://i", "admin", true),
            ("https://i/*", "https://i", "a/b", true),
            ("https://i/*", "https://i/t", "a", false),
            ("https://i/a*", "https://i", "admin", true),
            ("issuer*", "issuer-2", "x", true),
            ("*", "i", "u", true),
        ] {
            let principal = crate::request::token::request_principal(issuer, subject);
            let set = RequestPrincipalSet::new(vec![RequestPrincipalPattern::parse(pattern).unwrap()]);
            assert_eq!(set.matches(&principal), expected, "{pattern}");
        }
    }

    #[test]
    fn what_names_no_subject_is_refused() {
        for text in ["issuer", "https://i/", "/u", "*/", "/*", "*/a*"] {
            let code = RequestPrincipalPattern::parse(text).unwrap_err().code;
            assert!(matches!(code, PolicyCode::RequestPrincipal | PolicyCode::Wildcard), "{text}: {code}");
        }
        assert_eq!(RequestPrincipalPattern::parse("").unwrap_err().code, PolicyCode::EmptyValue);
    }
}
