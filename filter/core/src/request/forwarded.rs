//! `x-forwarded-client-cert`: what a proxy says of a client's certificate. The last element is the gateway's own word;
//! the others are trusted only if a trusted forwarder sent them.
//!
//! Shape (envoyproxy.io, "HTTP header manipulation"): elements between commas, the newest last; in each, `Key=Value`
//! between semicolons. `URI` and `DNS` come once for each name of the certificate (seen in Envoy 1.36.4, 1.38.2 and 1.40.0).
//!
//! # Design
//!
//! Envoy puts `Cert`, `Chain` and `Subject` into double quotes, where `\"` is a quote, and writes all other values as they are.
//! So who may choose a name, or send the header to a proxy that appends to it, could write marks that move where a value
//! ends, and hide what comes behind them. Only what Envoy itself writes is read: quotes around whole values of these three
//! keys and nowhere else, no key that it does not know, and each key in its place: `By`, `Hash`, `Cert`, `Chain`, `Subject`,
//! `URI`, `DNS`. A quote that a caller leaves open then ends at the next one of Envoy's, where no mark follows.

use alloc::vec::Vec;
use core::mem;

use memchr::memchr2;

/// The header's name.
pub const HEADER: &[u8] = b"x-forwarded-client-cert";

/// The header cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// One element: what it says of one certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element<'a> {
    /// The URI names that are not empty.
    pub uris: Vec<&'a [u8]>,
    /// The other names: the subject, unless it is empty, then DNS names. The subject has the escapes of RFC 2253 that Envoy
    /// gives it: Istio's rules see it so, too.
    pub others: Vec<&'a [u8]>,
    /// The SHA-256 digest, in hexadecimal digits.
    pub hash: Option<&'a [u8]>,
    /// The key that came last.
    last: Option<Key>,
}

/// What is said of a certificate, in the order in which Envoy says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    By,
    Hash,
    Cert,
    Chain,
    Subject,
    Uri,
    Dns,
}

/// Reads one header line into its elements, oldest first.
///
/// In one pass: a gateway of Istio writes the whole certificate into its element, a thousand bytes that nothing here needs.
pub fn parse(line: &[u8]) -> Result<Vec<Element<'_>>, Malformed> {
    let mut elements = Vec::new();
    let mut element = Element::default();
    let mut rest = line;
    loop {
        let at = rest.iter().position(|byte| matches!(byte, b'=' | b',' | b';' | b'"')).ok_or(Malformed)?;
        let (key, behind) = rest.split_at_checked(at).ok_or(Malformed)?;
        // An element may have white space before it.
        let key = if element.last.is_none() { key.trim_ascii_start() } else { key };
        let key = Key::read(key).ok_or(Malformed)?;
        let (value, behind) = value(key, behind.strip_prefix(b"=").ok_or(Malformed)?)?;
        element.add(key, value)?;
        let (separator, behind) = behind.split_first().unzip();
        if separator != Some(&b';') {
            elements.push(mem::take(&mut element));
        }
        let Some(behind) = behind else { return Ok(elements) };
        rest = behind;
    }
}

/// A value as it came, without its quotes, and what is behind it: nothing, or one of the two separators.
fn value(key: Key, text: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    if let (Key::Cert | Key::Chain | Key::Subject, Some(inner)) = (key, text.strip_prefix(b"\"")) {
        let (value, behind) = inner.split_at_checked(length_of_quoted(inner)?).ok_or(Malformed)?;
        let behind = behind.strip_prefix(b"\"").ok_or(Malformed)?;
        // An element that is not the last may have white space behind it.
        let trimmed = behind.trim_ascii_start();
        let behind = if trimmed.first() == Some(&b',') { trimmed } else { behind };
        return if matches!(behind.first(), None | Some(b',' | b';')) { Ok((value, behind)) } else { Err(Malformed) };
    }
    let end = text.iter().position(|byte| matches!(byte, b',' | b';' | b'"'));
    let (value, behind) = text.split_at_checked(end.unwrap_or(text.len())).ok_or(Malformed)?;
    match behind.first() {
        Some(b'"') => Err(Malformed),
        Some(b',') => Ok((value.trim_ascii_end(), behind)),
        _ => Ok((value, behind)),
    }
}

/// How many bytes are before the closing quote.
fn length_of_quoted(inner: &[u8]) -> Result<usize, Malformed> {
    let mut rest = inner;
    loop {
        let at = memchr2(b'"', b'\\', rest).ok_or(Malformed)?;
        let found = rest.get(at..).ok_or(Malformed)?;
        if found.first() == Some(&b'"') {
            return inner.len().checked_sub(found.len()).ok_or(Malformed);
        }
        rest = found.get(2..).ok_or(Malformed)?;
    }
}

impl Key {
    /// By its name, whose letters may be of either case.
    fn read(name: &[u8]) -> Option<Self> {
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        // A look at one byte spares most keys the comparisons.
        let known = match name.first()?.to_ascii_lowercase() {
            b'b' if is(b"by") => Self::By,
            b'h' if is(b"hash") => Self::Hash,
            b'c' if is(b"cert") => Self::Cert,
            b'c' if is(b"chain") => Self::Chain,
            b's' if is(b"subject") => Self::Subject,
            b'u' if is(b"uri") => Self::Uri,
            b'd' if is(b"dns") => Self::Dns,
            _ => return None,
        };
        Some(known)
    }

    /// Whether it may come several times in a row.
    fn is_repeated(self) -> bool {
        matches!(self, Self::By | Self::Uri | Self::Dns)
    }
}

impl<'a> Element<'a> {
    fn add(&mut self, key: Key, value: &'a [u8]) -> Result<(), Malformed> {
        let is_in_place = self.last.is_none_or(|last| last < key || last == key && key.is_repeated());
        if !is_in_place {
            return Err(Malformed);
        }
        self.last = Some(key);
        if value.is_empty() {
            return Ok(());
        }
        match key {
            Key::By | Key::Cert | Key::Chain => {}
            Key::Hash => self.hash = Some(value),
            Key::Uri => self.uris.push(value),
            Key::Subject | Key::Dns => self.others.push(value),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A certificate, as Envoy tells of it.
    #[derive(Clone, Debug)]
    struct Certificate {
        subject: String,
        uris: Vec<String>,
        names: Vec<String>,
    }

    impl Certificate {
        fn element(&self) -> String {
            let none = if self.uris.is_empty() { "URI=;" } else { "" };
            let element = format!("Hash=d1;Cert=\"--%0Aab%3D\";Subject=\"{}\";{none}{}", self.subject, self.named());
            element.trim_end_matches(';').to_owned()
        }

        /// The part of the element that has the names.
        fn named(&self) -> String {
            let uris = self.uris.iter().map(|name| format!("URI={name}"));
            uris.chain(self.names.iter().map(|name| format!("DNS={name}"))).collect::<Vec<_>>().join(";")
        }
    }

    prop_compose! {
        /// Names of any marks; the subject has the escapes of RFC 2253, as OpenSSL writes it.
        fn certificates()(
            subject in "([A-Z]=([a-c =]|\\\\[,;\"\\\\+<>]){0,4},?){0,2}",
            uris in prop::collection::vec("spiffe://td/[ab;=\",]{0,6}(;?(DNS|URI|x|Hash)=[ab\"]{0,2})?", 0..3),
            names in prop::collection::vec("[xy\"]?[ab;=\", ]{0,4}(;(DNS|URI|k|Chain|By)=[ab\"]{0,2})?", 0..3),
        ) -> Certificate {
            Certificate { subject, uris, names }
        }
    }

    fn texts(names: &[&[u8]]) -> Vec<String> {
        names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn what_comes_first_does_not_change_how_the_last_element_reads(
            certificate in certificates(),
            first in "((URI|By|Subject|Cert|DNS|x|Hash)?=?(spiffe://td/a|[\"\\\\;, a=]{0,4})[;,]?){0,5}",
        ) {
            let own = certificate.element();
            let line = format!("{first},{own}");
            if let (Ok(alone), Ok(both)) = (parse(own.as_bytes()), parse(line.as_bytes())) {
                prop_assert_eq!(alone.last(), both.last());
            } else {
                prop_assert!(parse(line.as_bytes()).is_err() || parse(own.as_bytes()).is_err());
            }
        }

        #[test]
        fn no_part_of_a_name_is_lost(certificate in certificates()) {
            let own = certificate.element();
            let Ok(elements) = parse(own.as_bytes()) else { return Ok(()) };
            let [element] = &*elements else {
                // A comma in a name begins an element, which then has no digest.
                prop_assert!(elements.last().is_some_and(|last| last.hash != Some(b"d1")));
                return Ok(());
            };
            let mut names = texts(&element.others);
            prop_assert!(certificate.subject.is_empty() || names.remove(0) == certificate.subject);
            let read = Certificate { uris: texts(&element.uris), names, ..certificate.clone() };
            let pairs = |named: &str| -> Vec<String> {
                named.split(';').filter(|pair| !matches!(*pair, "" | "URI=" | "DNS=")).map(str::to_owned).collect()
            };
            prop_assert_eq!(pairs(&read.named()), pairs(&certificate.named()));
        }
    }

    #[test]
    fn elements() {
        let line = br#"By=spiffe://x;Hash=ab;Subject="CN=\"a\",O=b;c";URI=spiffe://td/one;URI=urn:x;DNS=a.b , hash=cd;subject="CN=x " ,By=z;By=y;Uri=spiffe://td/two;dns="#;
        let elements = parse(line).unwrap();
        let uris: Vec<_> = elements.iter().map(|element| texts(&element.uris)).collect();
        assert_eq!(uris, [vec!["spiffe://td/one", "urn:x"], vec![], vec!["spiffe://td/two"]]);
        let others: Vec<_> = elements.iter().map(|element| texts(&element.others)).collect();
        assert_eq!(others, [vec!["CN=\\\"a\\\",O=b;c", "a.b"], vec!["CN=x "], vec![]]);
        assert_eq!(elements[1].hash, Some(&b"cd"[..]));
    }

    #[test]
    fn what_cannot_be_read_is_malformed() {
        for line in [
            "",
            "URI",
            "URI=a,",
            ";URI=a",
            "=a",
            // Quotes that do not end, or are not around a whole value.
            "Subject=\"x",
            "Subject=\"x\\\"",
            "Subject=\"x\"y",
            "Subject=\"x\" ;URI=a",
            "Subject=x\"y\"",
            "URI=a\"b",
            "By=\"a\";URI=b",
            "URI=\"a\"",
            "DNS=\"x;DNS=y;DNS=z\"",
            "Sub\"ject=a",
            // Keys that Envoy does not write, or not there.
            "DNS=x;k=y",
            "DNS=x;URI=spiffe://td/a",
            "DNS=x;Chain=y",
            "URI=;DNS=x;By=y",
            "Hash=1;Hash=2",
            "Subject=\"a\";Subject=\"b\"",
            "URI=a; DNS=b",
        ] {
            assert_eq!(parse(line.as_bytes()), Err(Malformed), "{line}");
        }
    }
}
