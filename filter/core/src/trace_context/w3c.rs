//! `traceparent` (W3C Trace Context, level 2).

use alloc::string::String;

use super::context::{Sampling, TraceContext};
use super::field::{hex, only, unhex};
use crate::request::pairs::Pair;

/// The header's name.
pub const TRACEPARENT: &str = "traceparent";
/// The trace is recorded.
const SAMPLED: u8 = 1;
/// The right half of the trace id is random.
const RANDOM: u8 = 2;

/// The content of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traceparent {
    /// Never all zero.
    pub trace_id: [u8; 16],
    /// Never all zero.
    pub parent_id: [u8; 8],
    /// Whether the caller records the trace.
    pub sampled: bool,
    /// Whether the right half of the trace id is random.
    pub random: bool,
}

/// Reads the header: there must be exactly one, and it must be valid.
#[must_use]
pub fn read(headers: &[Pair<'_>]) -> Option<Traceparent> {
    parse(only(headers, TRACEPARENT)?)
}

/// Reads the header's value.
///
/// Of a later version the part that version 00 has is read, as the specification says (4.3); `ff` is not a version.
#[must_use]
pub fn parse(value: &[u8]) -> Option<Traceparent> {
    let mut parts = value.splitn(5, |byte| *byte == b'-');
    let [version] = unhex(parts.next()?)?;
    let trace_id = unhex(parts.next()?)?;
    let parent_id = unhex(parts.next()?)?;
    let [flags] = unhex(parts.next()?)?;
    let is_version = version != 0xff && (version != 0 || parts.next().is_none());
    let has_ids = trace_id != [0; 16] && parent_id != [0; 8];
    let parent = Traceparent { trace_id, parent_id, sampled: flags & SAMPLED != 0, random: flags & RANDOM != 0 };
    (is_version && has_ids).then_some(parent)
}

/// The header's value, of version 00. Flags that are not defined yet are not passed on.
#[must_use]
pub fn write(context: &TraceContext) -> String {
    let sampled = matches!(context.sampling, Sampling::Accept | Sampling::Debug);
    let flags = if sampled { SAMPLED } else { 0 } | if context.random { RANDOM } else { 0 };
    format!("00-{}-{}-{}", hex(&context.trace_id), hex(&context.span_id), hex(&[flags]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03";

    #[test]
    fn valid_values_are_read() {
        let parent = parse(GOOD.as_bytes()).unwrap();
        assert_eq!((parent.trace_id[0], parent.parent_id[7], parent.sampled, parent.random), (0x0a, 0x31, true, true));
        for value in [
            // A later version, with more fields.
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-the-future-will-bring",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            // Flags of later versions.
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff",
        ] {
            assert!(parse(value.as_bytes()).is_some(), "{value}");
        }
    }

    #[test]
    fn invalid_values_are_dropped() {
        for value in [
            "",
            "00",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.more",
        ] {
            assert_eq!(parse(value.as_bytes()), None, "{value}");
        }
        assert_eq!(parse(b"00-\xff"), None);
    }

    #[test]
    fn two_headers_count_as_none() {
        let headers = [(&b"traceparent"[..], GOOD.as_bytes()), (b"traceparent", GOOD.as_bytes())];
        assert!(read(&headers[..1]).is_some());
        assert_eq!(read(&headers), None);
    }
}
