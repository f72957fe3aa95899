//! Trace context: the trace that a request belongs to, and how it is propagated to the upstream.
//!
//! # Design
//!
//! Envoy's own tracer, where there is one, writes its headers after all filters; then this does not touch them
//! (`TracingMode::Envoy`). Where there is none, the filter propagates the request's trace in the formats that the upstream
//! reads (`TracingMode::Standalone`). It exports no span, so by default it adds none: the upstream's spans have the caller's
//! span as their parent, and where there is no trace, none begins. A third party gets no trace at all
//! (`TracingMode::Strip`). Headers that cannot be read are dropped, never passed on and never guessed at.
//!
//! Nothing here makes random numbers: ids are an argument.

pub mod b3;
pub mod baggage;
mod context;
mod field;
mod names;
pub mod other;
pub mod tracestate;
pub mod w3c;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::request::pairs::Pair;
use crate::wire::{ParentSpan, TraceFormat};
use b3::B3;
use field::trace_id_digits;
use tracestate::Tracestate;
use w3c::Traceparent;

pub use context::{Sampling, TraceContext};
pub(crate) use field::hex;
pub(crate) use names::names;
pub use names::{is_trace_header, is_written};

/// Jaeger's header. It is written and never read.
const UBER_TRACE_ID: &str = "uber-trace-id";
const JAEGER_SAMPLED: u8 = 1;
const JAEGER_DEBUG: u8 = 2;
/// A thousandth of all values of 64 bits, rounded up.
const PER_MILLE: u64 = u64::MAX / 1000 + 1;

/// The trace context of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Incoming {
    /// The trace, if the request names one.
    pub context: Option<TraceContext>,
    /// The sampling decision, which B3 can send without a trace (`0`, `1` and `d` alone).
    pub sampling: Sampling,
}

impl Incoming {
    /// Reads the request's headers: `traceparent` takes precedence over `b3`, and that over the `x-b3-` headers.
    #[must_use]
    pub fn read(headers: &[Pair<'_>]) -> Self {
        if let Some(parent) = w3c::read(headers) {
            let Traceparent { trace_id, parent_id, sampled, random } = parent;
            let sampling = if sampled { Sampling::Accept } else { Sampling::Deny };
            let tracestate = Tracestate::read(headers);
            let context = TraceContext { trace_id, span_id: parent_id, is_own: false, sampling, random, tracestate };
            return Self { context: Some(context), sampling };
        }
        let Some(B3 { ids, sampling }) = b3::read(headers) else { return Self::default() };
        let context = ids.map(|(trace_id, span_id)| TraceContext {
            trace_id,
            span_id,
            is_own: false,
            sampling,
            random: false,
            tracestate: Tracestate::default(),
        });
        Self { context, sampling }
    }

    /// The id of the caller's trace, in hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> Option<String> {
        self.context.as_ref().map(|context| hex(&context.trace_id))
    }

    /// The trace that the upstream gets: the same, a new one, or none. `ids` are 24 random bytes.
    ///
    /// Where the caller has not decided, so many of a thousand traces are `sampled`; without that number no trace begins,
    /// unless the caller has made a decision without one (B3), which most formats cannot carry alone.
    #[must_use]
    pub fn next(self, parent: ParentSpan, sampled: Option<u32>, ids: [u8; 24]) -> Option<TraceContext> {
        let [trace @ .., _, _, _, _, _, _, _, _] = ids;
        let [_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, span @ ..] = ids;
        let mut context = match self.context {
            Some(context) if parent == ParentSpan::Caller => context,
            Some(context) => TraceContext { span_id: not_zero(span), is_own: true, ..context },
            None if self.sampling == Sampling::Deferred && sampled.is_none() => return None,
            None => TraceContext {
                trace_id: not_zero(trace),
                span_id: not_zero(span),
                is_own: true,
                sampling: self.sampling,
                random: true,
                tracestate: Tracestate::default(),
            },
        };
        if let (Sampling::Deferred, Some(sampled)) = (context.sampling, sampled) {
            context.sampling = decide(&context.trace_id, sampled);
        }
        Some(context)
    }
}

/// Decides by the right half of the trace id, as OpenTelemetry's `TraceIdRatioBased` does in Python and Go: whoever samples
/// a part of the traces by it has the same ones.
fn decide(trace_id: &[u8; 16], sampled: u32) -> Sampling {
    let [_, _, _, _, _, _, _, _, right @ ..] = trace_id;
    let is_sampled = u64::from_be_bytes(*right) / PER_MILLE < u64::from(sampled);
    if is_sampled { Sampling::Accept } else { Sampling::Deny }
}

/// An id of zeros is invalid, and one random id in 2^64 would be.
fn not_zero<const N: usize>(mut id: [u8; N]) -> [u8; N] {
    if id.iter().all(|byte| *byte == 0)
        && let Some(last) = id.last_mut()
    {
        *last = 1;
    }
    id
}

/// The trace headers that the upstream gets, in these formats.
#[must_use]
pub fn write(context: &TraceContext, formats: &[TraceFormat]) -> Vec<(&'static str, String)> {
    let mut headers = Vec::new();
    for format in formats {
        match format {
            TraceFormat::W3c => {
                headers.push((w3c::TRACEPARENT, w3c::write(context)));
                if !context.tracestate.is_empty() {
                    headers.push((tracestate::TRACESTATE, context.tracestate.to_string()));
                }
            }
            TraceFormat::B3 => headers.push((b3::SINGLE, b3::write_single(context))),
            TraceFormat::B3Multi => headers.extend(b3::write_multi(context)),
            TraceFormat::Jaeger => headers.push((UBER_TRACE_ID, write_jaeger(context))),
        }
    }
    headers
}

/// `TRACE:SPAN:PARENT:FLAGS` (jaegertracing.io, "Propagation Format"). The parent is deprecated, and 0. The header cannot
/// defer the sampling decision: like `traceparent`, it then says that the caller does not record the trace.
fn write_jaeger(context: &TraceContext) -> String {
    let flags = match context.sampling {
        Sampling::Deferred | Sampling::Deny => 0,
        Sampling::Accept => JAEGER_SAMPLED,
        Sampling::Debug => JAEGER_SAMPLED | JAEGER_DEBUG,
    };
    format!("{}:{}:0:{flags:x}", trace_id_digits(&context.trace_id), hex(&context.span_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jaeger(headers: &[(&str, &str)]) -> Vec<(&'static str, String)> {
        let pairs: Vec<Pair<'_>> = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        // The span is made of the last 8 of these.
        let context = Incoming::read(&pairs).next(ParentSpan::Gateway, Some(0), [0xab; 24]).unwrap();
        write(&context, &[TraceFormat::Jaeger])
    }

    #[test]
    fn jaegers_header() {
        let (trace, own) = ("0af7651916cd43dd8448eb211c80319c", "ab".repeat(8));
        for (name, incoming, flags) in [
            ("traceparent", format!("00-{trace}-b7ad6b7169203331-01"), 1),
            ("traceparent", format!("00-{trace}-b7ad6b7169203331-00"), 0),
            // Random, not sampled: the flag has no counterpart.
            ("traceparent", format!("00-{trace}-b7ad6b7169203331-02"), 0),
            ("b3", format!("{trace}-b7ad6b7169203331-1"), 1),
            ("b3", format!("{trace}-b7ad6b7169203331-0"), 0),
            ("b3", format!("{trace}-b7ad6b7169203331-d"), 3),
            ("b3", format!("{trace}-b7ad6b7169203331"), 0),
        ] {
            let written = jaeger(&[(name, &incoming)]);
            assert_eq!(written, [("uber-trace-id", format!("{trace}:{own}:0:{flags}"))], "{incoming}");
        }
        let short = jaeger(&[("b3", "8448eb211c80319c-b7ad6b7169203331-1")]);
        assert_eq!(short[0].1, format!("8448eb211c80319c:{own}:0:1"), "64 bits stay 64 bits");
    }

    #[test]
    fn a_new_trace_for_jaeger() {
        let (trace, span) = ("ab".repeat(16), "ab".repeat(8));
        assert_eq!(jaeger(&[])[0].1, format!("{trace}:{span}:0:0"));
        assert_eq!(jaeger(&[("b3", "1")])[0].1, format!("{trace}:{span}:0:1"));
        assert_eq!(jaeger(&[("b3", "d")])[0].1, format!("{trace}:{span}:0:3"));
        // A caller's own header is not read.
        let sent = "0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331:0:1";
        assert_eq!(jaeger(&[("uber-trace-id", sent)])[0].1, format!("{trace}:{span}:0:0"));
    }

    #[test]
    fn a_trace_begins_where_the_file_or_the_caller_says_so() {
        let next = |headers: &[(&str, &str)], parent, sampled| {
            let pairs: Vec<Pair<'_>> =
                headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
            let context = Incoming::read(&pairs).next(parent, sampled, [0x20; 24])?;
            Some((w3c::write(&context), context.is_own))
        };
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let [new, own] = [16, 8].map(|length| "20".repeat(length));
        for span in [ParentSpan::Caller, ParentSpan::Gateway] {
            assert_eq!(next(&[], span, None), None);
            // 0x2020... is at an eighth of all values.
            for (sampled, flags) in [(0, "02"), (125, "02"), (126, "03"), (1000, "03")] {
                assert_eq!(
                    next(&[], span, Some(sampled)),
                    Some((format!("00-{new}-{own}-{flags}"), true)),
                    "{sampled}"
                );
            }
            for (b3, flags) in [("0", "02"), ("1", "03"), ("d", "03")] {
                for sampled in [None, Some(0), Some(1000)] {
                    let begun = Some((format!("00-{new}-{own}-{flags}"), true));
                    assert_eq!(next(&[("b3", b3)], span, sampled), begun, "{b3}");
                }
            }
        }
        assert_eq!(next(&[("traceparent", parent)], ParentSpan::Caller, Some(0)), Some((parent.to_owned(), false)));
        let with_own = parent.replace("b7ad6b7169203331", &own);
        assert_eq!(next(&[("traceparent", parent)], ParentSpan::Gateway, None), Some((with_own, true)));
        // A trace that goes on undecided is decided by its id, if at all.
        let open = "2020202020202020202020202020202a-b7ad6b7169203331";
        for (sampled, flags) in [(None, "00"), (Some(125), "00"), (Some(126), "01")] {
            let written = next(&[("b3", open)], ParentSpan::Caller, sampled).unwrap().0;
            assert_eq!(written, format!("00-{open}-{flags}"), "{sampled:?}");
        }
    }

    #[test]
    fn the_share_is_of_all_trace_ids() {
        let id = |right: u64| u128::from(right).to_be_bytes();
        for (right, sampled, expected) in [
            (0, 0, Sampling::Deny),
            (0, 1, Sampling::Accept),
            (PER_MILLE - 1, 1, Sampling::Accept),
            (PER_MILLE, 1, Sampling::Deny),
            (u64::MAX, 999, Sampling::Deny),
            (u64::MAX, 1000, Sampling::Accept),
        ] {
            assert_eq!(decide(&id(right), sampled), expected, "{right} {sampled}");
        }
    }
}
