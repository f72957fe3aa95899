//! B3, as a single header and as multiple headers (openzipkin/b3-propagation).

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::context::{Sampling, TraceContext};
use super::field::{hex, only, trace_id_digits, unhex};
use crate::request::pairs::Pair;
use crate::text::split_bytes;

/// The single header.
pub const SINGLE: &str = "b3";
const TRACE_ID: &str = "x-b3-traceid";
const SPAN_ID: &str = "x-b3-spanid";
const PARENT_SPAN_ID: &str = "x-b3-parentspanid";
const SAMPLED: &str = "x-b3-sampled";
const FLAGS: &str = "x-b3-flags";

/// The content of B3: a trace and its span, a sampling decision, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct B3 {
    /// The trace and the span.
    pub ids: Option<([u8; 16], [u8; 8])>,
    /// Whether the trace is recorded.
    pub sampling: Sampling,
}

/// Reads the single header, otherwise the multiple ones. Where both are there the single one takes precedence, as the
/// specification says.
#[must_use]
pub fn read(headers: &[Pair<'_>]) -> Option<B3> {
    only(headers, SINGLE).and_then(parse_single).or_else(|| read_multi(headers))
}

/// Reads `TRACE-SPAN`, `TRACE-SPAN-SAMPLING`, `TRACE-SPAN-SAMPLING-PARENT`, or the sampling alone.
#[must_use]
pub fn parse_single(value: &[u8]) -> Option<B3> {
    let mut parts = split_bytes(value, b'-');
    let first = parts.next()?;
    let Some(span) = parts.next() else {
        return Some(B3 { ids: None, sampling: sampling(first)? });
    };
    let ids = Some((trace_id(first)?, span_id(span)?));
    let sampling = match parts.next() {
        Some(text) => sampling(text)?,
        None => Sampling::Deferred,
    };
    if let Some(parent) = parts.next() {
        span_id(parent)?;
    }
    parts.next().is_none().then_some(B3 { ids, sampling })
}

fn read_multi(headers: &[Pair<'_>]) -> Option<B3> {
    let has = |name: &str| headers.iter().any(|(key, _)| *key == name.as_bytes());
    let sampling = match (only(headers, FLAGS), only(headers, SAMPLED)) {
        (Some(b"1"), _) => Sampling::Debug,
        // Older clients write `true` and `false`.
        (_, Some(b"1" | b"true")) => Sampling::Accept,
        (_, Some(b"0" | b"false")) => Sampling::Deny,
        _ => Sampling::Deferred,
    };
    if !has(TRACE_ID) && !has(SPAN_ID) {
        return (sampling != Sampling::Deferred).then_some(B3 { ids: None, sampling });
    }
    if has(PARENT_SPAN_ID) {
        span_id(only(headers, PARENT_SPAN_ID)?)?;
    }
    let ids = Some((trace_id(only(headers, TRACE_ID)?)?, span_id(only(headers, SPAN_ID)?)?));
    Some(B3 { ids, sampling })
}

fn sampling(text: &[u8]) -> Option<Sampling> {
    match text {
        b"0" => Some(Sampling::Deny),
        b"1" => Some(Sampling::Accept),
        b"d" => Some(Sampling::Debug),
        _ => None,
    }
}

/// A trace id of 64 or 128 bits.
fn trace_id(text: &[u8]) -> Option<[u8; 16]> {
    let id = match text.len() {
        16 => {
            let [a, b, c, d, e, f, g, h] = unhex(text)?;
            [0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d, e, f, g, h]
        }
        _ => unhex(text)?,
    };
    (id != [0; 16]).then_some(id)
}

fn span_id(text: &[u8]) -> Option<[u8; 8]> {
    unhex(text).filter(|id| *id != [0; 8])
}

fn sampling_text(sampling: Sampling) -> Option<&'static str> {
    match sampling {
        Sampling::Deferred => None,
        Sampling::Deny => Some("0"),
        Sampling::Accept => Some("1"),
        Sampling::Debug => Some("d"),
    }
}

/// The single header's value.
#[must_use]
pub fn write_single(context: &TraceContext) -> String {
    let mut value = format!("{}-{}", trace_id_digits(&context.trace_id), hex(&context.span_id));
    if let Some(text) = sampling_text(context.sampling) {
        value.push('-');
        value.push_str(text);
    }
    value
}

/// The multiple headers.
#[must_use]
pub fn write_multi(context: &TraceContext) -> Vec<(&'static str, String)> {
    let mut headers = vec![(TRACE_ID, trace_id_digits(&context.trace_id)), (SPAN_ID, hex(&context.span_id))];
    match context.sampling {
        // Debug implies a positive sampling decision, so the other header is left out.
        Sampling::Debug => headers.push((FLAGS, "1".to_owned())),
        sampling => headers.extend(sampling_text(sampling).map(|text| (SAMPLED, text.to_owned()))),
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "80f198ee56343ba864fe8b2a57d3eff7";
    const SPAN: &str = "e457b5a2e4d86bd1";

    #[test]
    fn single_header() {
        let read = |text: &str| parse_single(text.as_bytes());
        let sampling = |text: &str| read(text).map(|b3| (b3.ids.is_some(), b3.sampling));
        assert_eq!(sampling(&format!("{TRACE}-{SPAN}")), Some((true, Sampling::Deferred)));
        assert_eq!(sampling(&format!("{TRACE}-{SPAN}-1")), Some((true, Sampling::Accept)));
        assert_eq!(sampling(&format!("{TRACE}-{SPAN}-d-05e3ac9a4f6e3b90")), Some((true, Sampling::Debug)));
        assert_eq!(sampling("0"), Some((false, Sampling::Deny)));
        assert_eq!(sampling("d"), Some((false, Sampling::Debug)));
        let short = read(&format!("{}-{SPAN}", &TRACE[16..])).unwrap().ids.unwrap().0;
        assert_eq!((short[..8].to_vec(), short[15]), (vec![0; 8], 0xf7));
        for wrong in [
            "",
            "2",
            "dd",
            "true",
            TRACE,
            &format!("{TRACE}-"),
            &format!("{TRACE}-{SPAN}-2"),
            &format!("{TRACE}-{SPAN}-1-"),
            &format!("{TRACE}-{SPAN}-1-{SPAN}-x"),
            &format!("{}-{SPAN}", "0".repeat(32)),
            &format!("{TRACE}-{}", "0".repeat(16)),
            &format!("{}-{SPAN}", &TRACE[1..]),
            &format!("{}-{SPAN}", TRACE.to_uppercase()),
            &format!("{TRACE}-{SPAN}-1-{TRACE}"),
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn multiple_headers_and_both() {
        let multi = |headers: &[(&str, &str)]| {
            let pairs: Vec<Pair<'_>> =
                headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
            read(&pairs).map(|b3| (b3.ids.is_some(), b3.sampling))
        };
        let ids = [(TRACE_ID, TRACE), (SPAN_ID, SPAN)];
        assert_eq!(multi(&ids), Some((true, Sampling::Deferred)));
        assert_eq!(multi(&[ids[0], ids[1], (SAMPLED, "true")]), Some((true, Sampling::Accept)));
        assert_eq!(multi(&[ids[0], ids[1], (SAMPLED, "0"), (FLAGS, "1")]), Some((true, Sampling::Debug)));
        assert_eq!(multi(&[(SAMPLED, "0")]), Some((false, Sampling::Deny)));
        assert_eq!(multi(&[ids[0]]), None, "a trace without a span");
        assert_eq!(multi(&[ids[0], ids[1], ids[1]]), None, "two spans");
        assert_eq!(multi(&[ids[0], ids[1], (PARENT_SPAN_ID, "x")]), None);
        assert_eq!(multi(&[]), None);
        // In a conflict the single header takes precedence.
        assert_eq!(multi(&[ids[0], ids[1], (SAMPLED, "1"), (SINGLE, "0")]), Some((false, Sampling::Deny)));
        assert_eq!(multi(&[ids[0], ids[1], (SINGLE, "nonsense")]), Some((true, Sampling::Deferred)));
    }
}
