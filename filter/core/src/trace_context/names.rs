//! The names of trace headers: one table for what is removed, and for what a file may not keep.

use super::{UBER_TRACE_ID, b3, baggage, tracestate, w3c};

/// Every trace header that is known, in lower case and in order. A name that ends with `-` is the beginning of names.
///
/// Of each tracing system: its own header for the trace, for the sampling, and for baggage. Headers that only name a request
/// are none (`x-request-id`), with one exception: `request-id` is the trace of Application Insights.
const NAMES: [&str; 43] = [
    b3::SINGLE,
    baggage::BAGGAGE,
    // Spring Cloud Sleuth.
    "baggage-",
    "correlation-context",
    // Alibaba's EagleEye.
    "eagleeye-",
    "elastic-apm-traceparent",
    // OpenCensus.
    "grpc-trace-bin",
    "jaeger-",
    // Linkerd 1.
    "l5d-ctx-",
    "l5d-sample",
    "newrelic",
    "ot-baggage-",
    "ot-tracer-",
    "pinpoint-",
    // Application Insights.
    "request-context",
    "request-id",
    "sentry-trace",
    // AppDynamics.
    "singularityheader",
    // Apache SkyWalking.
    "sw3",
    "sw6",
    "sw8",
    "sw8-",
    w3c::TRACEPARENT,
    "traceresponse",
    tracestate::TRACESTATE,
    UBER_TRACE_ID,
    "uberctx-",
    // Wavefront.
    "wf-ot-",
    "x-amzn-trace-id",
    "x-b3-",
    "x-client-trace-id",
    "x-cloud-trace-context",
    "x-datadog-",
    // Dynatrace.
    "x-dynatrace",
    "x-dynatrace-",
    "x-honeycomb-trace",
    "x-instana-",
    // Application Insights.
    "x-ms-request-id",
    "x-ms-request-root-id",
    "x-newrelic-",
    "x-ot-span-context",
    // SolarWinds.
    "x-trace-options",
    "x-trace-options-signature",
];

/// All of the table.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    NAMES.into_iter()
}

/// Whether a header of this name (in lower case) belongs to a trace.
#[must_use]
pub fn is_trace_header(name: &[u8]) -> bool {
    // A name that begins with one of the table is behind it, and nothing of the table is between the two.
    let behind = NAMES.partition_point(|known| known.as_bytes() <= name);
    let known = behind.checked_sub(1).and_then(|last| NAMES.get(last)).map(|known| known.as_bytes());
    known.is_some_and(|known| if known.ends_with(b"-") { name.starts_with(known) } else { name == known })
}

/// Whether the filter may write a header of this name (in lower case), in one format or another.
#[must_use]
pub fn is_written(name: &[u8]) -> bool {
    let names = [b3::SINGLE, w3c::TRACEPARENT, tracestate::TRACESTATE, UBER_TRACE_ID];
    names.iter().chain(&baggage::LISTS).any(|known| known.as_bytes() == name) || name.starts_with(b"x-b3-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_no_beginning_hides_a_name() {
        for pair in NAMES.windows(2) {
            assert!(pair[0] < pair[1], "{pair:?}");
            assert!(!pair[0].ends_with('-') || !pair[1].starts_with(pair[0]), "{pair:?}");
        }
        for name in NAMES {
            assert_eq!(*crate::request::name::fold(name.as_bytes()), *name.as_bytes(), "{name}");
        }
    }

    #[test]
    fn names_of_traces() {
        for name in NAMES {
            assert!(is_trace_header(name.as_bytes()), "{name}");
            assert_eq!(is_trace_header(format!("{name}x").as_bytes()), name.ends_with('-'), "{name}x");
        }
        for name in [
            "ot-tracer-traceid",
            "ot-tracer-sampled",
            "x-instana-t",
            "x-instana-l",
            "sw8-x",
            "sw8-correlation",
            "jaeger-debug-id",
            "jaeger-baggage",
            "x-b3-flags",
            "x-datadog-sampling-priority",
            "uberctx-user",
            "x-dynatrace-application",
        ] {
            assert!(is_trace_header(name.as_bytes()), "{name}");
        }
        for name in
            ["", "a", "b", "zzz", "x-request-id", "x-b3", "sw", "sw80", "traceparent-x", "x-trace", "request", "x-"]
        {
            assert!(!is_trace_header(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn the_docs_have_the_same_table() {
        let page = include_str!("../../../../docs/headers-and-traces.md");
        for name in NAMES {
            let shown = if name.ends_with('-') { format!("`{name}*`") } else { format!("`{name}`") };
            assert!(page.contains(&shown), "{shown}");
        }
    }

    #[test]
    fn what_is_written_is_of_a_trace() {
        for name in ["traceparent", "tracestate", "b3", "x-b3-traceid", "uber-trace-id", "baggage", "jaeger-baggage"] {
            assert!(is_written(name.as_bytes()) && is_trace_header(name.as_bytes()), "{name}");
        }
        for name in ["request-id", "newrelic", "x-user", ""] {
            assert!(!is_written(name.as_bytes()), "{name}");
        }
    }
}
