//! `x-forwarded-client-cert`, believed only when a trusted forwarder sent it.
//!
//! Shape (envoyproxy.io, "HTTP header manipulation"): elements between commas, the newest last; in each, `Key=Value`
//! between semicolons; a value with `,`, `;` or `=` is in double quotes, where `\"` is a quote.

use std::borrow::Cow;

/// The header's name.
pub const HEADER: &[u8] = b"x-forwarded-client-cert";

/// The header cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// One element: its first `URI`, if it has one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element<'a> {
    /// The URI SAN of the certificate that the element tells of.
    pub uri: Option<Cow<'a, [u8]>>,
}

/// Reads one header line into its elements, oldest first.
pub fn parse(line: &[u8]) -> Result<Vec<Element<'_>>, Malformed> {
    split_outside_quotes(line, b',')?.into_iter().map(parse_element).collect()
}

fn parse_element(text: &[u8]) -> Result<Element<'_>, Malformed> {
    let mut element = Element::default();
    for pair in split_outside_quotes(text.trim_ascii(), b';')? {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let (Some(key), Some(value)) = (halves.next(), halves.next()) else { return Err(Malformed) };
        if key.trim_ascii().eq_ignore_ascii_case(b"uri") && element.uri.is_none() && !value.is_empty() {
            element.uri = Some(unquote(value)?);
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
        let line = br#"By=spiffe://x;Hash=ab;Subject="CN=\"a\",O=b;c";URI=spiffe://td/one,Hash=cd;URI="spiffe://td/two",By=z;URI="#;
        let uris: Vec<_> = parse(line).unwrap().into_iter().map(|element| element.uri).collect();
        assert_eq!(
            uris,
            [Some(Cow::Borrowed(&b"spiffe://td/one"[..])), Some(Cow::Borrowed(&b"spiffe://td/two"[..])), None]
        );
    }

    #[test]
    fn what_cannot_be_read_is_malformed() {
        for line in ["", "URI", "URI=a,", "Subject=\"x", "URI=a\"b", "URI=\"a\"b", ";URI=a"] {
            assert_eq!(parse(line.as_bytes()), Err(Malformed), "{line}");
        }
    }
}
