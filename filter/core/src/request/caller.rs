//! The caller: who it is by its certificate, or as a trusted forwarder says.
//!
//! # Design
//!
//! A certificate may have several names, and Istio's policies match any of them. A caller is granted something only for
//! the one SPIFFE name of a certificate that has exactly one URI name; that is the **identity**. A rule that refuses
//! looks at every name: URI names, DNS names, the subject, SPIFFE ids or not.
//!
//! The attribute of the connection has the first URI name only. All of them are in the element of
//! `x-forwarded-client-cert` that the gateway itself writes, because `build` and `run` set it so (`SANITIZE_SET`, or with
//! trusted forwarders `APPEND_FORWARD`, both with URI and DNS). Envoy does not quote the names in it, so it is read with
//! care ([`forwarded`]): its first URI name must be the attribute's; there must be one element, or with forwarders the last
//! one must have the digest of the connection's certificate, which no certificate can contain. A gateway that does not write it cannot
//! be asked about callers, and every request is refused.

use alloc::vec::Vec;

use super::forwarded::{self, Element};
use super::principal::Principal;
use super::settings::ReadSettings;
use super::usage::Use;
use super::view::RequestView;
use crate::text::split_bytes;
use crate::wire::Ambiguity;

/// Most slashes in a name of a certificate.
const MAX_SEGMENTS: usize = 32;
/// Most bytes of all names of a certificate.
const MAX_NAMES: usize = 8192;

/// A part of the certificate identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityField {
    /// `TD/PATH`.
    Principal,
    /// The namespace.
    Namespace,
    /// `ns/NS/sa/SA`.
    ServiceAccount,
    /// The trust domain.
    TrustDomain,
}

/// The caller of a request.
#[derive(Debug, Default)]
pub struct Caller<'a> {
    /// The identity that ALLOW rules look at.
    pub(crate) principal: Option<Principal<'a>>,
    /// Its other names, as rules that refuse see them: SPIFFE ids without the scheme.
    others: Vec<&'a [u8]>,
}

impl<'a> Caller<'a> {
    /// Reads who calls, or says in which way that is ambiguous.
    pub(crate) fn read(view: &RequestView<'a>, reading: &'a ReadSettings) -> Result<Self, Ambiguity> {
        if !view.peer.mtls {
            return Ok(Self::default());
        }
        // Fail closed: a caller that cannot be named must not pass a rule that denies it by name.
        let mut elements = own_element(view, reading).ok_or(Ambiguity::UnreadableCertificate)?;
        let own = elements.pop().ok_or(Ambiguity::UnreadableCertificate)?;
        if !fits(&own) || !elements.iter().all(fits) {
            return Err(Ambiguity::UnreadableCertificate);
        }
        if own.uris.first().copied() != view.peer.uri_san.filter(|uri| !uri.is_empty()) {
            return Err(Ambiguity::UnreadableCertificate);
        }
        // Only now that the gateway is known to have written the element.
        let peer = Self::of(own);
        let forwarder = peer.principal.as_ref().filter(|peer| reading.is_forwarder(peer.as_str()));
        let Some(forwarder) = forwarder else { return Ok(peer) };
        let spoken_for = elements.into_iter().map(Self::of);
        // A forwarder with a sidecar adds its own certificate to the header, too.
        let is_other =
            |caller: &Self| caller.principal.as_ref().is_none_or(|other| other.as_str() != forwarder.as_str());
        Ok(spoken_for.rev().find(is_other).unwrap_or(peer))
    }

    fn of(element: Element<'a>) -> Self {
        let Element { uris, mut others, .. } = element;
        let mut uris = uris.into_iter();
        let (first, second) = (uris.next(), uris.next());
        let principal = match (first, second) {
            (Some(uri), None) => Principal::from_uri_san(uri),
            _ => None,
        };
        if principal.is_none() {
            others.extend([first, second].into_iter().flatten().chain(uris).map(other_name));
        }
        Self { principal, others }
    }

    /// A part of the identity.
    pub(crate) fn identity(&self, field: IdentityField) -> Option<&str> {
        let principal = self.principal.as_ref()?;
        match field {
            IdentityField::Principal => Some(principal.as_str()),
            IdentityField::Namespace => principal.namespace(),
            IdentityField::ServiceAccount => principal.service_account(),
            IdentityField::TrustDomain => Some(principal.trust_domain()),
        }
    }

    /// Whether a test matches a part of the caller's names, as it is used; `None` where the caller has no such part.
    pub(crate) fn matches(&self, field: IdentityField, by: Use, mut test: impl FnMut(&[u8]) -> bool) -> Option<bool> {
        let matched = self.identity(field).map(|identity| test(identity.as_bytes()));
        let restricted = by == Use::Restrictive && self.any(field, &mut test);
        if restricted { Some(true) } else { matched }
    }

    /// Calls `visit` with every text that a rule may match this part by.
    pub(crate) fn visit(&self, field: IdentityField, visit: &mut dyn FnMut(&[u8])) {
        self.any(field, &mut |part| {
            visit(part);
            false
        });
    }

    /// Whether a test holds for a text that a rule may match this part by, of the identity or of another name.
    fn any(&self, field: IdentityField, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.principal.as_ref().is_some_and(|principal| any_part_of_identity(principal, field, test))
            || self.others.iter().any(|name| any_part(name, field, test))
    }
}

/// Whether rules can look at all names in bounded time. A SPIFFE id of Istio's has four segments.
fn fits(element: &Element<'_>) -> bool {
    let names = || element.uris.iter().chain(&element.others);
    let segments = |name: &[u8]| name.iter().filter(|byte| **byte == b'/').count();
    names().all(|name| segments(name) <= MAX_SEGMENTS)
        && names().fold(0_usize, |sum, name| sum.saturating_add(name.len())) <= MAX_NAMES
}

/// The elements of the gateway's own header, the last of them about this connection.
fn own_element<'a>(view: &RequestView<'a>, reading: &ReadSettings) -> Option<Vec<Element<'a>>> {
    let mut lines = view.headers.iter().filter(|(name, _)| *name == forwarded::HEADER).map(|(_, line)| *line);
    let (line, None) = (lines.next()?, lines.next()) else { return None };
    let elements = forwarded::parse(line).ok()?;
    let is_own = match view.peer.digest {
        Some(digest) => elements.last()?.hash.is_some_and(|hash| hash.eq_ignore_ascii_case(digest)),
        None => elements.len() == 1 && !reading.has_forwarders(),
    };
    is_own.then_some(elements)
}

/// A name that is no identity, in the form of one: without its scheme.
fn other_name(uri: &[u8]) -> &[u8] {
    uri.strip_prefix(b"spiffe://").unwrap_or(uri)
}

/// The same as [`any_part`] of its text. Nearly every identity has one part of each kind, which is known already.
fn any_part_of_identity(principal: &Principal<'_>, field: IdentityField, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    let name = principal.as_str().as_bytes();
    match field {
        IdentityField::Principal => test(name),
        IdentityField::ServiceAccount if principal.is_usual() => {
            principal.service_account().is_some_and(|account| test(account.as_bytes()))
        }
        IdentityField::TrustDomain | IdentityField::Namespace | IdentityField::ServiceAccount => {
            any_part(name, field, test)
        }
    }
}

/// Whether a test matches some part of a name that Istio's rules could match as the namespace, service account or trust
/// domain: they look for `/ns/NAMESPACE/` and `/ns/NAMESPACE/.../sa/ACCOUNT` anywhere, and their `*` goes over slashes.
fn any_part(name: &[u8], field: IdentityField, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    // Few: [`fits`] has made sure of that.
    let segments: Vec<&[u8]> = split_bytes(name, b'/').collect();
    let behind = |word: &'static [u8]| {
        let pairs = segments.iter().zip(segments.iter().skip(1));
        pairs.enumerate().filter(move |(_, (key, _))| **key == word).map(|(at, (_, value))| (at, *value))
    };
    match field {
        IdentityField::Principal => test(name),
        IdentityField::TrustDomain => segments.first().is_some_and(|domain| test(domain)),
        IdentityField::Namespace => behind(b"ns").any(|(at, first)| {
            let start: usize =
                segments.iter().take(at.saturating_add(1)).map(|segment| segment.len().saturating_add(1)).sum();
            let middle = segments.get(at.saturating_add(2)..segments.len().saturating_sub(1)).unwrap_or_default();
            let mut end = start.saturating_add(first.len());
            test(first)
                || middle.iter().any(|segment| {
                    end = end.saturating_add(segment.len()).saturating_add(1);
                    name.get(start..end).is_some_and(&mut *test)
                })
        }),
        IdentityField::ServiceAccount => behind(b"ns").any(|(at, namespace)| {
            let mut accounts = behind(b"sa").filter(|(behind, _)| *behind > at);
            accounts.any(|(_, account)| test(&[b"ns/", namespace, b"/sa/", account].concat()))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matcher::identity::{parse_namespace, parse_service_account};
    use crate::matcher::string::{StringPattern, StringSet};
    use crate::request::view::PeerView;

    fn set(field: IdentityField, text: &str) -> StringSet {
        StringSet::new(vec![match field {
            IdentityField::ServiceAccount => parse_service_account(text, "x").unwrap(),
            IdentityField::Namespace => parse_namespace(text).unwrap(),
            IdentityField::Principal | IdentityField::TrustDomain => StringPattern::parse(text).unwrap(),
        }])
    }

    type Restricted = (IdentityField, &'static str, bool);

    fn read(line: &str, uri: Option<&str>) -> Result<(Option<String>, Vec<Restricted>), Ambiguity> {
        use IdentityField as F;
        let reading = ReadSettings::for_tests();
        let headers = [(forwarded::HEADER, line.as_bytes())];
        let peer = PeerView { mtls: true, uri_san: uri.map(str::as_bytes), digest: None };
        let caller = Caller::read(&RequestView { headers: &headers, peer, ..RequestView::default() }, &reading)?;
        let asked = [
            (F::Principal, "td/ns/a/sa/b"),
            (F::Namespace, "a"),
            (F::ServiceAccount, "a/b"),
            (F::TrustDomain, "td"),
            (F::Principal, "*"),
        ];
        let restricted = asked.map(|(field, text)| {
            (field, text, {
                let set = set(field, text);
                caller.matches(field, Use::Restrictive, |name| set.matches(name)) == Some(true)
            })
        });
        let any = set(F::Principal, "*");
        let granted = caller.matches(F::Principal, Use::Permissive, |name| any.matches(name)) == Some(true);
        assert_eq!(granted, caller.principal.is_some());
        Ok((caller.principal.map(|principal| principal.as_str().to_owned()), restricted.to_vec()))
    }

    #[test]
    fn one_plain_name_is_an_identity_and_every_name_restricts() {
        for (line, identity, restricts) in [
            ("Hash=1;URI=spiffe://td/ns/a/sa/b", Some("td/ns/a/sa/b"), [true; 5]),
            ("Hash=1;URI=spiffe://td/ns/a/sa/b;DNS=x.y", Some("td/ns/a/sa/b"), [true; 5]),
            ("Hash=1;URI=spiffe://td/ns/x/sa/y;URI=spiffe://td/ns/a/sa/b", None, [true; 5]),
            ("Hash=1;URI=spiffe://td/ns/a/sa/b;URI=https://x", None, [true; 5]),
            ("Hash=1;URI=spiffe://td/ns/a/sa/b/c", Some("td/ns/a/sa/b/c"), [false, true, true, true, true]),
            ("Hash=1;URI=spiffe://td/x/ns/a/y/sa/b?z", None, [false, true, false, true, true]),
            ("Hash=1;URI=spiffe://td/x/ns/a/y/sa/b/?", None, [false, true, true, true, true]),
            ("Hash=1;Subject=\"\";URI=;DNS=td/ns/a/sa/b", None, [true; 5]),
            ("Hash=1;Subject=\"CN=x\"", None, [false, false, false, false, true]),
            ("Hash=1", None, [false; 5]),
        ] {
            let uri = line.split(';').find_map(|pair| pair.strip_prefix("URI=")).filter(|uri| !uri.is_empty());
            let (got, restricted) = read(line, uri).unwrap();
            assert_eq!(got.as_deref(), identity, "{line}");
            assert_eq!(restricted.iter().map(|(_, _, hit)| *hit).collect::<Vec<_>>(), restricts, "{line}");
        }
    }

    #[test]
    fn parts_of_an_identity_are_those_of_its_text() {
        let words = ["ns", "sa", "a", "b"];
        let name_of = |at: usize| {
            let path: Vec<_> = [4_usize.pow(4), 64, 16, 4, 1].map(|unit| words[at / unit % 4]).into();
            path.join("/")
        };
        for name in (0..4_usize.pow(5)).map(name_of).chain(["a/ns/a/sa".to_owned(), "a/ns/a/sa/b/c".to_owned()]) {
            let uri = format!("spiffe://{name}");
            let principal = Principal::from_uri_san(uri.as_bytes()).unwrap();
            for field in [
                IdentityField::Principal,
                IdentityField::Namespace,
                IdentityField::ServiceAccount,
                IdentityField::TrustDomain,
            ] {
                let (mut known, mut cut) = (Vec::new(), Vec::new());
                any_part_of_identity(&principal, field, &mut |part| {
                    known.push(part.to_vec());
                    false
                });
                any_part(name.as_bytes(), field, &mut |part| {
                    cut.push(part.to_vec());
                    false
                });
                assert_eq!(known, cut, "{name} {field:?}");
            }
        }
    }

    #[test]
    fn a_header_that_is_not_the_gateways_is_refused() {
        let long = format!("spiffe://td{}", "/ns".repeat(MAX_SEGMENTS));
        for (line, uri) in [
            ("Hash=1;URI=spiffe://td/ns/a/sa/b", Some("spiffe://td/ns/a/sa/c")),
            ("Hash=1;URI=spiffe://td/ns/a/sa/b", None),
            ("Hash=1", Some("spiffe://td/ns/a/sa/b")),
            ("Hash=1;URI=spiffe://td/ns/a/sa/b,Hash=2;URI=spiffe://td/ns/a/sa/b", Some("spiffe://td/ns/a/sa/b")),
            ("Hash=1;URI=spiffe://td/ns/a/sa/b;DNS=\"", Some("spiffe://td/ns/a/sa/b")),
            ("", None),
            // So many names, or segments of one, that rules would take long to look at them.
            (&*format!("Hash=1;URI={long}"), Some(&*long)),
            (&*format!("Hash=1;URI=spiffe://td/a{}", ";DNS=a.example.com".repeat(700)), Some("spiffe://td/a")),
        ] {
            assert_eq!(read(line, uri).unwrap_err(), Ambiguity::UnreadableCertificate, "{line}");
        }
    }
}
