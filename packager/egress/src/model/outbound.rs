//! What an Egress says of what leaves the mesh: the trace, and other headers.

use serde::{Deserialize, Serialize};

/// `spec.tracing`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Tracing {
    /// Who speaks of the trace. Default: `standalone`.
    pub mode: TracingMode,
    /// What the upstream reads. `None`: `w3c` where the filter speaks.
    pub formats: Option<Vec<TraceFormat>>,
    /// Keys of W3C baggage that leave the mesh. Default: none.
    pub baggage: Vec<String>,
    /// The tracer among Istio's extension providers. `mode: envoy` only; `None`: the mesh's own.
    pub provider: Option<String>,
    /// How many requests of a thousand begin a trace, where the caller has not said. `mode: envoy` only; `None`: the
    /// mesh's own.
    pub sampling_per_mille: Option<u32>,
    /// Whether the caller's request id goes on to the upstream. Default: `keep`.
    pub request_id: RequestId,
}

/// `tracing.mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TracingMode {
    /// Envoy's tracer.
    Envoy,
    /// The filter, where no tracer is configured.
    #[default]
    Standalone,
    /// Nobody: the upstream is told of no trace.
    Strip,
}

/// One of `tracing.formats`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TraceFormat {
    /// `traceparent`, `tracestate`.
    W3c,
    /// `b3`.
    B3,
    /// `x-b3-traceid` and its fellows.
    B3Multi,
}

/// `tracing.requestId`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RequestId {
    /// The caller's, so that its log and the upstream's can be joined.
    #[default]
    Keep,
    /// A new one, as Istio's gateways make it.
    New,
}

/// `spec.headers`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Headers {
    /// How much is taken away. Default: `strict`.
    pub hygiene: Hygiene,
    /// Names that are kept anyway.
    pub keep: Vec<String>,
    /// Names that go, too.
    pub remove: Vec<String>,
    /// Headers that are set, in place of what the caller sent under their names.
    pub set: Vec<SetHeader>,
    /// The same for answers.
    pub response: ResponseHeaders,
    /// A header with a secret, for the upstream.
    pub credential: Option<Credential>,
}

/// `headers.hygiene`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Hygiene {
    /// What tells of the mesh, addresses, and what callers must not say of themselves.
    #[default]
    Strict,
    /// What tells of the mesh.
    Compatible,
    /// Nothing.
    Off,
}

/// One of `headers.set`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetHeader {
    /// In lower case.
    pub name: String,
    /// Text, with `%{...}` for what differs from request to request.
    pub value: String,
}

/// `headers.response`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ResponseHeaders {
    /// Names that are kept anyway.
    pub keep: Vec<String>,
    /// Names that go, too.
    pub remove: Vec<String>,
}

/// `headers.credential`: a header whose value the gateway's pods have from a Secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Credential {
    /// In lower case.
    pub name: String,
    /// What stands before the secret: `Bearer `. Default: nothing.
    #[serde(default)]
    pub prefix: String,
    /// The Secret, in the Egress's namespace.
    pub secret_name: String,
    /// Its key. Default: `token`.
    #[serde(default = "Credential::default_key")]
    pub secret_key: String,
}

impl Credential {
    fn default_key() -> String {
        "token".to_owned()
    }
}
