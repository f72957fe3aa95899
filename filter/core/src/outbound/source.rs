//! The wire shape of `tracing` and `headers`.

use serde::Serialize;

/// `tracing`: who speaks of the trace, and in which words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TracingSource {
    /// Who speaks for this hop.
    pub mode: TracingModeSource,
    /// What the upstream reads. Standalone only, and then not empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub formats: Vec<FormatSource>,
    /// Keys of W3C baggage that leave the mesh. Standalone only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub baggage: Vec<String>,
}

/// `tracing.mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum TracingModeSource {
    /// Envoy's tracer; the filter leaves its headers alone.
    #[default]
    Envoy,
    /// The filter.
    Standalone,
    /// Nobody.
    Strip,
}

/// One of `tracing.formats`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FormatSource {
    /// `traceparent`, `tracestate`.
    #[default]
    W3c,
    /// `b3`.
    B3,
    /// `x-b3-traceid` and its fellows.
    B3Multi,
}

/// `headers`: what else the upstream gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeadersSource {
    /// How much of the mesh, and of what callers may not say, is taken away.
    pub hygiene: HygieneSource,
    /// Names that stay all the same, in lower case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<String>,
    /// Names that go, too, in lower case. Of headers the route takes them; their twins, and trailers, it cannot.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
    /// Names in lower case that a route sets or removes beside: the headers that it fills with a secret, and what the
    /// routes to standbys remove. Of them, too, the filter takes twins and trailers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routed: Vec<String>,
    /// Headers that are set, in place of what the caller sent under their names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<SetSource>,
    /// The same for the trailers of answers.
    #[serde(skip_serializing_if = "ResponseSource::is_empty")]
    pub response: ResponseSource,
}

/// `headers.response`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResponseSource {
    /// Names that stay all the same, in lower case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<String>,
    /// Names that go, too, in lower case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
}

impl ResponseSource {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// `headers.hygiene`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum HygieneSource {
    /// Nothing is taken away.
    #[default]
    Off,
    /// What tells of the mesh.
    Compatible,
    /// That, addresses, and what callers must not say of themselves.
    Strict,
}

/// One of `headers.set`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SetSource {
    /// In lower case.
    pub name: String,
    /// Text, with `%{...}` for what differs from request to request.
    pub value: String,
}
