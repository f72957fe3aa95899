//! A trace, whatever format it came in.

use super::tracestate::Tracestate;

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
    /// Whether that span is the gateway's, rather than the caller's.
    pub is_own: bool,
    /// Whether the trace is recorded.
    pub sampling: Sampling,
    /// Whether the right half of the trace id is random (W3C level 2).
    pub random: bool,
    /// Entries of tracing vendors.
    pub tracestate: Tracestate,
}
