//! Trace context: the trace that a request belongs to, and how it is propagated to the upstream.
//!
//! # Design
//!
//! Envoy's own tracer, where there is one, writes its headers after all filters; then this does not touch them
//! (`TracingMode::Envoy`). Where there is none, the gateway is a span of its own: it continues the trace of the request, or
//! starts one, and propagates it in the formats that the upstream reads (`TracingMode::Standalone`). A third party gets no
//! trace at all (`TracingMode::Strip`). Headers that cannot be read are dropped, never passed on and never guessed at.
//!
//! Nothing here makes random numbers: ids are an argument.

pub mod b3;
pub mod baggage;
pub mod other;
pub mod tracestate;
pub mod w3c;

use crate::request::pairs::Pair;
use crate::wire::TraceFormat;
use b3::B3;
use tracestate::Tracestate;
use w3c::Traceparent;

/// Whether the trace is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sampling {
    /// Undecided.
    #[default]
    Deferred,
    /// No.
    Deny,
    /// Yes.
    Accept,
    /// Yes, regardless of any sampling rate (B3's debug flag).
    Debug,
}

/// A trace, and the span of the caller in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// Never all zero. A 64-bit id is padded with zeros on the left.
    pub trace_id: [u8; 16],
    /// Never all zero.
    pub span_id: [u8; 8],
    /// Whether the trace is recorded.
    pub sampling: Sampling,
    /// Whether the right half of the trace id is random (W3C level 2).
    pub random: bool,
    /// Entries of tracing vendors.
    pub tracestate: Tracestate,
}

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
            let context = TraceContext { trace_id, span_id: parent_id, sampling, random, tracestate };
            return Self { context: Some(context), sampling };
        }
        let Some(B3 { ids, sampling }) = b3::read(headers) else { return Self::default() };
        let context = ids.map(|(trace_id, span_id)| TraceContext {
            trace_id,
            span_id,
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

    /// The trace that the upstream gets: the same or a new one, with a span of our own. `ids` are 24 random bytes.
    #[must_use]
    pub fn next(self, ids: [u8; 24]) -> TraceContext {
        let [trace @ .., _, _, _, _, _, _, _, _] = ids;
        let [_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, span @ ..] = ids;
        let span_id = not_zero(span);
        match self.context {
            Some(context) => TraceContext { span_id, ..context },
            None => TraceContext {
                trace_id: not_zero(trace),
                span_id,
                sampling: self.sampling,
                random: true,
                tracestate: Tracestate::default(),
            },
        }
    }
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
        }
    }
    headers
}

/// Whether a header of this name (in lower case) belongs to a trace.
#[must_use]
pub fn is_trace_header(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 11] = [
        b"traceparent",
        b"tracestate",
        b"b3",
        b"baggage",
        b"x-amzn-trace-id",
        b"uber-trace-id",
        b"x-cloud-trace-context",
        b"x-ot-span-context",
        b"grpc-trace-bin",
        b"sw8",
        b"traceresponse",
    ];
    const PREFIXES: [&[u8]; 4] = [b"x-b3-", b"x-datadog-", b"uberctx-", b"ot-baggage-"];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

pub(crate) fn hex<const N: usize>(bytes: &[u8; N]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).map_or('0', |digit| char::from(*digit));
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Bytes of lower-case hexadecimal digits, exactly `N` of them.
pub(crate) fn unhex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let (pairs, rest) = text.as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => character.checked_sub(b'0'),
        b'a'..=b'f' => character.checked_sub(b'a')?.checked_add(10),
        _ => None,
    }
}

/// The only header of this name. Several count as none, because nothing shows which one is meant.
pub(crate) fn only<'a>(headers: &[Pair<'a>], name: &str) -> Option<&'a [u8]> {
    let mut found = headers.iter().filter(|(key, _)| *key == name.as_bytes());
    match (found.next(), found.next()) {
        (Some((_, value)), None) => Some(value.trim_ascii()),
        _ => None,
    }
}
