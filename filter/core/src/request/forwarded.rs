//! `x-forwarded-client-cert`: what a proxy says of a client's certificate. The last element is the gateway's own word;
//! the others are trusted only if a trusted forwarder sent them.
//!
//! Shape (envoyproxy.io, "HTTP header manipulation"): elements between commas, the newest last; in each, `Key=Value`
//! between semicolons; a value with `,`, `;` or `=` is in double quotes, where `\"` is a quote. `URI` and `DNS` come once
//! for each name of the certificate (seen in Envoy 1.36.4, 1.38.2 and 1.40.0).

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::mem;

use memchr::memchr2;

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
///
/// In one pass: a gateway of Istio writes the whole certificate into its element, a thousand bytes that nothing here needs.
pub fn parse(line: &[u8]) -> Result<Vec<Element<'_>>, Malformed> {
    let mut elements = Vec::new();
    let mut element = Element::default();
    let mut rest = line;
    loop {
        let length = length_of_pair(rest)?;
        let (pair, behind) = rest.split_at_checked(length).ok_or(Malformed)?;
        if let Some((b';', behind)) = behind.split_first() {
            element.add(pair)?;
            rest = behind;
            continue;
        }
        // White space around an element is none of it.
        element.add(pair.trim_ascii_end())?;
        elements.push(mem::take(&mut element));
        let Some((_, behind)) = behind.split_first() else { return Ok(elements) };
        rest = behind;
    }
}

impl<'a> Element<'a> {
    fn add(&mut self, pair: &'a [u8]) -> Result<(), Malformed> {
        let (key, Some(value)) = halves(pair, b'=') else { return Err(Malformed) };
        if value.is_empty() || value == b"\"\"" {
            return Ok(());
        }
        let key = key.trim_ascii();
        let is = |name: &[u8]| key.eq_ignore_ascii_case(name);
        // A look at one byte spares most keys the comparisons.
        match key.first().map(u8::to_ascii_lowercase) {
            Some(b'u') if is(b"uri") => self.uris.push(unquote(value)?),
            Some(b'd') if is(b"dns") => self.others.push(unquote(value)?),
            Some(b's') if is(b"subject") => self.others.push(unquote(value)?),
            Some(b'h') if is(b"hash") => self.hash = Some(unquote(value)?),
            _ => {}
        }
        Ok(())
    }
}

/// How many bytes are before the first separator outside quotes.
fn length_of_pair(text: &[u8]) -> Result<usize, Malformed> {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b',' | b';' | b'"')) {
        rest = rest.get(at..).unwrap_or_default();
        match rest.strip_prefix(b"\"") {
            Some(inner) => rest = behind_quotes(inner)?,
            None => return text.len().checked_sub(rest.len()).ok_or(Malformed),
        }
    }
    Ok(text.len())
}

/// What comes after the closing quote of a quoted text, whose opening one is left out.
fn behind_quotes(mut inner: &[u8]) -> Result<&[u8], Malformed> {
    loop {
        let at = memchr2(b'"', b'\\', inner).ok_or(Malformed)?;
        let length_of_escape = if inner.get(at) == Some(&b'"') { 1 } else { 2 };
        let behind = inner.get(at.saturating_add(length_of_escape)..).ok_or(Malformed)?;
        if length_of_escape == 1 {
            return Ok(behind);
        }
        inner = behind;
    }
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
    use proptest::prelude::*;

    use super::*;

    /// The same in steps: elements first, then their pairs.
    fn parse_in_steps(line: &[u8]) -> Result<Vec<Element<'_>>, Malformed> {
        split_outside_quotes(line, b',')?.into_iter().map(parse_element).collect()
    }

    fn parse_element(text: &[u8]) -> Result<Element<'_>, Malformed> {
        let mut element = Element::default();
        split_outside_quotes(text.trim_ascii(), b';')?.into_iter().try_for_each(|pair| element.add(pair))?;
        Ok(element)
    }

    fn split_outside_quotes(text: &[u8], separator: u8) -> Result<Vec<&[u8]>, Malformed> {
        let (mut quoted, mut escaped) = (false, false);
        let parts = text
            .split(|byte| {
                let was_escaped = escaped;
                escaped = quoted && *byte == b'\\' && !was_escaped;
                quoted ^= *byte == b'"' && !was_escaped;
                *byte == separator && !quoted
            })
            .collect();
        if quoted { Err(Malformed) } else { Ok(parts) }
    }

    proptest! {
        #[test]
        fn one_pass_reads_what_two_do(line in "((URI|Dns|subject|HASH|By|x| )?=?(\"[^\"]{0,3}\"|a|b c|%2C)?[;,\"=\\\\ \t]{0,2}){0,6}") {
            prop_assert_eq!(parse(line.as_bytes()), parse_in_steps(line.as_bytes()));
        }

        #[test]
        fn any_bytes_do(line in prop::collection::vec(prop::sample::select(&b"u=i;d,\"\\ \t\xff"[..]), 0..12)) {
            prop_assert_eq!(parse(&line), parse_in_steps(&line));
        }
    }

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
