//! `x-forwarded-client-cert`: what a proxy says of a client's certificate. The last element is the gateway's own word;
//! the others are trusted only if a trusted forwarder sent them.
//!
//! Shape (envoyproxy.io, "HTTP header manipulation"): elements between commas, the newest last; in each, `Key=Value`
//! between semicolons; a value with `,`, `;` or `=` is in double quotes, where `\"` is a quote. `URI` and `DNS` come once
//! for each name of the certificate (seen in Envoy 1.36.4, 1.38.2 and 1.40.0).

use alloc::borrow::Cow;
use alloc::vec::Vec;

use crate::text::halves;

/// The header's name.
pub const HEADER: &[u8] = b"x-forwarded-client-cert";

/// The header cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// One element: what it says of one certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element<'a> {
    /// The URI names that are not empty.
    pub uris: Vec<Cow<'a, [u8]>>,
    /// The other names: DNS names, then the subject, unless it is empty.
    pub others: Vec<Cow<'a, [u8]>>,
    /// The SHA-256 digest, in hexadecimal digits.
    pub hash: Option<Cow<'a, [u8]>>,
}

/// Reads one header line into its elements, oldest first.
pub fn parse(line: &[u8]) -> Result<Vec<Element<'_>>, Malformed> {
    split_outside_quotes(line, b',')?.into_iter().map(parse_element).collect()
}

fn parse_element(text: &[u8]) -> Result<Element<'_>, Malformed> {
    let mut element = Element::default();
    for pair in split_outside_quotes(text.trim_ascii(), b';')? {
        let (key, Some(value)) = halves(pair, b'=') else { return Err(Malformed) };
        let key = key.trim_ascii();
        let is = |name: &[u8]| key.eq_ignore_ascii_case(name);
        if value.is_empty() || value == b"\"\"" {
            continue;
        }
        if is(b"uri") {
            element.uris.push(unquote(value)?);
        } else if is(b"dns") || is(b"subject") {
            element.others.push(unquote(value)?);
        } else if is(b"hash") {
            element.hash = Some(unquote(value)?);
        }
    }
    Ok(element)
}

fn split_outside_quotes(text: &[u8], separator: u8) -> Result<Vec<&[u8]>, Malformed> {
    let mut quoted = false;
    let mut escaped = false;
    let parts = text
        .split(|byte| {
            let was_escaped = escaped;
            escaped = quoted && *byte == b'\\' && !was_escaped;
            if *byte == b'"' && !was_escaped {
                quoted = !quoted;
            }
            *byte == separator && !quoted
        })
        .collect();
    if quoted { Err(Malformed) } else { Ok(parts) }
}

fn unquote(value: &[u8]) -> Result<Cow<'_, [u8]>, Malformed> {
    let Some(inner) = value.strip_prefix(b"\"") else {
        return if value.contains(&b'"') { Err(Malformed) } else { Ok(Cow::Borrowed(value)) };
    };
    let inner = inner.strip_suffix(b"\"").ok_or(Malformed)?;
    if !inner.contains(&b'\\') {
        return Ok(Cow::Borrowed(inner));
    }
    let mut plain = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        plain.push(if *byte == b'\\' { *bytes.next().ok_or(Malformed)? } else { *byte });
    }
    Ok(Cow::Owned(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements() {
        let line = br#"By=spiffe://x;Hash=ab;Subject="CN=\"a\",O=b;c";URI=spiffe://td/one;URI=urn:x;DNS=a.b,Hash=cd;Subject="";URI="spiffe://td/two",By=z;URI="#;
        let texts = |names: &[Cow<'_, [u8]>]| -> Vec<String> {
            names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
        };
        let elements = parse(line).unwrap();
        let uris: Vec<_> = elements.iter().map(|element| texts(&element.uris)).collect();
        assert_eq!(uris, [vec!["spiffe://td/one", "urn:x"], vec!["spiffe://td/two"], vec![]]);
        let others: Vec<_> = elements.iter().map(|element| texts(&element.others)).collect();
        assert_eq!(others, [vec!["CN=\"a\",O=b;c", "a.b"], vec![], vec![]]);
        assert_eq!(elements[1].hash.as_deref(), Some(&b"cd"[..]));
    }

    #[test]
    fn what_cannot_be_read_is_malformed() {
        for line in ["", "URI", "URI=a,", "Subject=\"x", "URI=a\"b", "URI=\"a\"b", ";URI=a"] {
            assert_eq!(parse(line.as_bytes()), Err(Malformed), "{line}");
        }
    }
}
