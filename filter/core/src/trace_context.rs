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
mod context;
mod field;
pub mod other;
pub mod tracestate;
pub mod w3c;

use crate::request::pairs::Pair;
use crate::wire::TraceFormat;
use b3::B3;
use tracestate::Tracestate;
use w3c::Traceparent;

pub use context::{Sampling, TraceContext};
pub(crate) use field::hex;

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
