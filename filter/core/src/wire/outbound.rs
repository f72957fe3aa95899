//! `tracing` and `headers`: what leaves the mesh.

use alloc::string::String;
use alloc::vec::Vec;

crate::record! {
    /// `tracing`: which trace headers the upstream gets.
    pub struct Tracing = "tracing" {
        /// What writes them.
        "mode" mode: TracingMode = required,
        /// In which formats. Standalone only, and then not empty.
        "formats" formats: Vec<TraceFormat> = default(Vec::new(), "none"),
        /// Keys of W3C baggage that leave the mesh. Standalone only.
        "baggage" baggage: Vec<String> = default(Vec::new(), "none"),
        /// Whose span the upstream gets as the parent of its own. Standalone only.
        "parent" parent: ParentSpan = default(ParentSpan::Caller),
        /// How many of a thousand traces are sampled where the caller has not decided, 0 to 1000. Standalone only; without
        /// it, no trace begins.
        "samplingPerMille" sampling_per_mille: Option<u32> = optional,
    }
}

crate::words! {
    /// `tracing.parent`.
    pub enum ParentSpan {
        /// The caller's: its id goes on as it came.
        "caller" Caller,
        /// The gateway's: a new id for each request. No span of that id is exported; the JSON access log has the id.
        "gateway" Gateway,
    }
}

/// What a policy without `tracing` means.
impl Default for Tracing {
    fn default() -> Self {
        Self {
            mode: TracingMode::Envoy,
            formats: Vec::new(),
            baggage: Vec::new(),
            parent: ParentSpan::Caller,
            sampling_per_mille: None,
        }
    }
}

crate::words! {
    /// `tracing.mode`.
    pub enum TracingMode {
        /// Envoy's tracer, if the mesh has one: the filter does not touch its headers.
        "envoy" Envoy,
        /// The filter: it continues the caller's trace. With `samplingPerMille` it starts one where there is none.
        "standalone" Standalone,
        /// Nothing: the upstream gets no trace headers.
        "strip" Strip,
    }
}

crate::words! {
    /// One of `tracing.formats`.
    pub enum TraceFormat {
        /// `traceparent` and `tracestate` (W3C Trace Context).
        "w3c" W3c,
        /// `b3` (a single header).
        "b3" B3,
        /// `x-b3-traceid` and the other `x-b3-` headers.
        "b3multi" B3Multi,
        /// `uber-trace-id` (Jaeger).
        "jaeger" Jaeger,
    }
}

crate::record! {
    /// `headers`: which other headers the upstream gets.
    pub struct Headers = "headers" {
        /// Which headers do not leave the mesh.
        "hygiene" hygiene: Hygiene = required,
        /// Names that are kept anyway, in lower case, and exactly as written.
        "keep" keep: Vec<String> = default(Vec::new(), "none"),
        /// More names that are removed, in lower case. The route removes the headers; their twins and trailers it cannot.
        "remove" remove: Vec<String> = default(Vec::new(), "none"),
        /// Other names, in lower case, that a route sets or removes: the headers that it fills with a secret, and those that
        /// the routes to standbys remove. The filter removes their twins and trailers, too.
        "routed" routed: Vec<String> = default(Vec::new(), "none"),
        /// Headers that are set, in place of what the caller sent under their names.
        "set" set: Vec<SetHeader> = default(Vec::new(), "none"),
        /// The same for the trailers of answers.
        "response" response: ResponseHeaders = default(ResponseHeaders::default(), "none"),
    }
}

/// What a policy without `headers` means.
impl Default for Headers {
    fn default() -> Self {
        Self {
            hygiene: Hygiene::Off,
            keep: Vec::new(),
            remove: Vec::new(),
            routed: Vec::new(),
            set: Vec::new(),
            response: ResponseHeaders::default(),
        }
    }
}

crate::record! {
    /// `headers.response`.
    pub struct ResponseHeaders: Default = "response" {
        /// Names that are kept anyway, in lower case.
        "keep" keep: Vec<String> = default(Vec::new(), "none"),
        /// More names that are removed, in lower case.
        "remove" remove: Vec<String> = default(Vec::new(), "none"),
    }
}

crate::words! {
    /// `headers.hygiene`: which headers do not leave the mesh.
    pub enum Hygiene {
        /// Those that reveal the mesh (identities, names of pods, Envoy's and Istio's own), those that reveal addresses and
        /// proxies, and those that callers must not set for themselves.
        "strict" Strict,
        /// Those that reveal the mesh.
        "compatible" Compatible,
        /// None: all headers are sent on.
        "off" Off,
    }
}

crate::record! {
    /// One of `headers.set`.
    pub struct SetHeader: Default = "set" {
        /// Its name, in lower case.
        "name" name: String = required,
        /// Text, with `%{...}` for what differs from request to request.
        "value" value: String = required,
    }
}
