//! B3, as a single header and as multiple headers (openzipkin/b3-propagation).

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::context::{Sampling, TraceContext};
use super::field::{hex, trace_id_digits, unhex};
use crate::request::pairs::{self, Pair};
use crate::text::{halves, split_bytes};

/// The single header.
pub const SINGLE: &str = "b3";
const TRACE_ID: &str = "x-b3-traceid";
const SPAN_ID: &str = "x-b3-spanid";
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
/// specification says. Of repeated headers the first counts, but a decision not to record is followed wherever it stands.
#[must_use]
pub fn read(headers: &[Pair<'_>]) -> Option<B3> {
    // Most requests have none of these: one look instead of six.
    if !is_there(headers) {
        return None;
    }
    let b3 = first(headers, SINGLE).and_then(parse_single).or_else(|| read_multi(headers));
    if any(headers, SINGLE, |value| parse_single(value).is_some_and(|b3| b3.sampling == Sampling::Deny)) {
        return Some(B3 { ids: b3.and_then(|b3| b3.ids), sampling: Sampling::Deny });
    }
    b3
}

/// Whether a request has any of the headers.
#[must_use]
pub fn is_there(headers: &[Pair<'_>]) -> bool {
    let is_b3 = |name: &[u8]| match name {
        [b'b', b'3'] => true,
        [b'x', b'-', b'b', ..] => name.starts_with(b"x-b3-"),
        _ => false,
    };
    headers.iter().any(|(name, _)| is_b3(name))
}

/// The first value of a header: a proxy may have joined repeated ones with commas.
fn first<'a>(headers: &[Pair<'a>], name: &str) -> Option<&'a [u8]> {
    pairs::first(headers, name.as_bytes()).map(|line| halves(line, b',').0.trim_ascii())
}

/// Whether a test holds for any value of a header.
fn any(headers: &[Pair<'_>], name: &str, test: fn(&[u8]) -> bool) -> bool {
    let mut lines = headers.iter().filter(|(key, _)| *key == name.as_bytes());
    lines.any(|(_, line)| split_bytes(line, b',').any(|value| test(value.trim_ascii())))
}

/// Reads `TRACE-SPAN`, `TRACE-SPAN-SAMPLING`, `TRACE-SPAN-SAMPLING-PARENT`, or the sampling alone. The parent is not used,
/// and may be empty or zero.
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
    if let Some(parent) = parts.next().filter(|parent| !parent.is_empty()) {
        unhex::<8>(parent)?;
    }
    parts.next().is_none().then_some(B3 { ids, sampling })
}

/// `x-b3-parentspanid` is not used, so nothing that stands in it matters.
fn read_multi(headers: &[Pair<'_>]) -> Option<B3> {
    let sampling = if first(headers, FLAGS) == Some(b"1") {
        Sampling::Debug
    } else if any(headers, SAMPLED, |value| decision(value) == Sampling::Deny) {
        Sampling::Deny
    } else {
        first(headers, SAMPLED).map_or(Sampling::Deferred, decision)
    };
    let ids = first(headers, TRACE_ID).and_then(trace_id).zip(first(headers, SPAN_ID).and_then(span_id));
    (ids.is_some() || sampling != Sampling::Deferred).then_some(B3 { ids, sampling })
}

/// `x-b3-sampled`. Older clients write `true` and `false`, and some of them `True` and `False`.
fn decision(text: &[u8]) -> Sampling {
    let is = |word: &str| text.eq_ignore_ascii_case(word.as_bytes());
    if text == b"0" || is("false") {
        Sampling::Deny
    } else if text == b"1" || is("true") {
        Sampling::Accept
    } else {
        Sampling::Deferred
    }
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
        for parent in ["", "0000000000000000"] {
            assert_eq!(sampling(&format!("{TRACE}-{SPAN}-1-{parent}")), Some((true, Sampling::Accept)), "{parent}");
        }
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
        for parent in ["", "0000000000000000", "x", SPAN] {
            let headers = [ids[0], ids[1], ("x-b3-parentspanid", parent), (SAMPLED, "1")];
            assert_eq!(multi(&headers), Some((true, Sampling::Accept)), "{parent}");
        }
        // What cannot be read costs the trace, not the decision.
        assert_eq!(multi(&[(TRACE_ID, "x"), ids[1], (SAMPLED, "0")]), Some((false, Sampling::Deny)));
        assert_eq!(multi(&[]), None);
        // In a conflict the single header takes precedence.
        assert_eq!(multi(&[ids[0], ids[1], (SAMPLED, "1"), (SINGLE, "0")]), Some((false, Sampling::Deny)));
        assert_eq!(multi(&[ids[0], ids[1], (SINGLE, "nonsense")]), Some((true, Sampling::Deferred)));
    }

    #[test]
    fn words_for_a_decision() {
        for (text, sampling) in [
            ("0", Sampling::Deny),
            ("false", Sampling::Deny),
            ("False", Sampling::Deny),
            ("1", Sampling::Accept),
            ("true", Sampling::Accept),
            ("True", Sampling::Accept),
            ("", Sampling::Deferred),
            ("2", Sampling::Deferred),
            ("d", Sampling::Deferred),
            ("yes", Sampling::Deferred),
        ] {
            assert_eq!(decision(text.as_bytes()), sampling, "{text}");
        }
    }

    #[test]
    fn of_repeated_headers_the_first_counts_but_any_deny() {
        let other = "463ac35c9f6413ad48485a3953bb6124";
        let of = |headers: &[(&str, &str)]| {
            let pairs: Vec<Pair<'_>> =
                headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
            read(&pairs).map(|b3| (b3.ids.map(|(trace, _)| hex(&trace)), b3.sampling))
        };
        let first = || Some(TRACE.to_owned());
        let ids = [(TRACE_ID, TRACE), (TRACE_ID, other), (SPAN_ID, SPAN), (SPAN_ID, "x")];
        for (decisions, sampling) in [
            (&["1", "0"][..], Sampling::Deny),
            (&["1,0"], Sampling::Deny),
            (&["1", "True , False"], Sampling::Deny),
            (&["nonsense", "0"], Sampling::Deny),
            (&["1", "nonsense"], Sampling::Accept),
            (&["nonsense", "1"], Sampling::Deferred),
        ] {
            let headers: Vec<_> = ids.into_iter().chain(decisions.iter().map(|text| (SAMPLED, *text))).collect();
            assert_eq!(of(&headers), Some((first(), sampling)), "{decisions:?}");
        }
        let single = |flags: &str, trace: &str| format!("{trace}-{SPAN}-{flags}");
        let (accept, debug, deny) = (single("1", TRACE), single("d", other), single("0", other));
        assert_eq!(of(&[(SINGLE, &accept), (SINGLE, &debug)]), Some((first(), Sampling::Accept)));
        assert_eq!(of(&[(SINGLE, &accept), (SINGLE, &deny)]), Some((first(), Sampling::Deny)));
        assert_eq!(of(&[(SINGLE, &format!("{accept},0"))]), Some((first(), Sampling::Deny)));
        // The first cannot be read: then it is as if there were only the multiple ones, and the deny.
        let mixed = [&[(SINGLE, "x"), (SINGLE, "0")][..], &ids[..]].concat();
        assert_eq!(of(&mixed), Some((first(), Sampling::Deny)));
        assert_eq!(of(&[(SINGLE, "x"), (SINGLE, &accept)]), None);
    }
}
