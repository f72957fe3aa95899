//! `spec.tracing` and `spec.headers`: what leaves the mesh, and what the filter and the route do about it.

use crate::value::NOT_EMPTY;
use crate::value::header::{HeaderName, HeaderPrefix};
use crate::value::names::{BaggageKey, ResourceName, SecretKey, Word};
use sallyport_core::answer::ROUTE_HEADER;
use sallyport_core::outbound::hygiene;
use sallyport_core::wire::{self, Shape};
use sallyport_core::wire::{Hygiene, ParentSpan, TraceFormat, TracingMode};
use sallyport_core::{record, words};
use std::collections::BTreeSet;

const OTHER_FORMAT: &str =
    "the filter writes `w3c`, `b3`, `b3multi` and `jaeger`: for another format write `mode: envoy`";

record! {
    /// `spec.tracing`: which trace headers the upstream gets.
    pub struct Tracing: Default = "tracing" {
        /// What writes the trace headers.
        "mode" mode: TracingMode = default(TracingMode::Standalone),
        /// The formats of the trace headers, one or more. Needs `mode: standalone`.
        "formats" formats: Option<Vec<TraceFormat>> = default(None, "`w3c`"),
        /// Keys of W3C baggage that leave the mesh. Needs `mode: standalone`.
        "baggage" baggage: Vec<BaggageKey> = default(Vec::new()),
        /// Whose span the upstream gets as the parent of its own. Needs `mode: standalone`.
        "parent" parent: ParentSpan = default(ParentSpan::Caller),
        /// The tracer, by its name among Istio's extension providers. Needs `mode: envoy`; without it, the mesh's own
        /// applies.
        "provider" provider: Option<Word> = optional,
        /// How many of a thousand requests start a trace, if the caller has not decided. With `mode: standalone` it is
        /// decided by the trace ID, and without it no trace begins here. With `mode: envoy`, the mesh's own rate applies
        /// without it.
        "samplingPerMille" sampling_per_mille: Option<u32> as (Shape::Whole { least: 0, most: 1000 }) = optional,
        /// Which `x-request-id` the upstream gets.
        "requestId" request_id: RequestId = default(RequestId::Keep),
    }
    instead {
        "sampling" => "write `samplingPerMille`, how many of a thousand requests",
        "span" => "write `parent`",
        "randomSamplingPercentage" => "write `samplingPerMille`, ten times the percentage",
        "format" => "write `formats`",
        "providers" => "write `provider`",
        "mode: off" => "write `strip`: no trace header leaves the mesh",
        "mode: none" => "write `strip`: no trace header leaves the mesh",
        "mode: false" => "write `strip`: no trace header leaves the mesh",
        "mode: disabled" => "write `strip`: no trace header leaves the mesh",
        "mode: remove" => "write `strip`",
        "mode: on" => "write `standalone`",
        "mode: true" => "write `standalone`",
        "mode: propagate" => "write `standalone`",
        "mode: w3c" => "write `standalone`, and `formats: [w3c]`",
        "mode: istio" => "write `envoy`",
        "mode: opentelemetry" => "write `envoy`, and the tracer in `provider`",
        "mode: otel" => "write `envoy`, and the tracer in `provider`",
        "mode: zipkin" => "write `envoy`, and the tracer in `provider`",
        "formats: b3single" => "write `b3`",
        "formats: b3-single" => "write `b3`",
        "formats: zipkin" => "write `b3`, or `b3multi`",
        "formats: traceparent" => "write `w3c`",
        "formats: tracecontext" => "write `w3c`",
        "formats: opentelemetry" => "write `w3c`",
        "formats: otel" => "write `w3c`",
        "formats: uber-trace-id" => "write `jaeger`",
        "formats: baggage" => "write its keys in `baggage` of `tracing`",
        "formats: datadog" => OTHER_FORMAT,
        "formats: xray" => OTHER_FORMAT,
        "formats: ottrace" => OTHER_FORMAT,
        "requestId: strip" => "write `headers: {remove: [x-request-id]}`, and leave this out",
        "requestId: remove" => "write `headers: {remove: [x-request-id]}`, and leave this out",
        "requestId: none" => "write `headers: {remove: [x-request-id]}`, and leave this out",
        "requestId: generate" => "write `new`",
        "requestId: preserve" => "write `keep`",
    }
}

words! {
    /// `tracing.requestId`.
    pub enum RequestId {
        /// The caller's, so that its log and the upstream's can be joined.
        "keep" Keep,
        /// A new one, as Istio's gateways make it.
        "new" New,
    }
}

impl Tracing {
    /// For the filter.
    pub(crate) fn to_wire(&self) -> wire::Tracing {
        let Self { mode, formats, baggage, parent, provider: _, sampling_per_mille, request_id: _ } = self;
        let formats = match (formats, mode) {
            (Some(formats), _) => formats.clone(),
            (None, TracingMode::Standalone) => vec![TraceFormat::W3c],
            (None, TracingMode::Envoy | TracingMode::Strip) => Vec::new(),
        };
        // With the others it is Envoy's, or it was reported.
        let sampling_per_mille = sampling_per_mille.filter(|_| *mode == TracingMode::Standalone);
        wire::Tracing { mode: *mode, formats, baggage: texts(baggage), parent: *parent, sampling_per_mille }
    }
}

record! {
    /// `spec.headers`: which other headers the upstream gets, and which of its headers callers get.
    pub struct Headers: Default = "headers" {
        /// Which headers do not leave the mesh.
        "hygiene" hygiene: Hygiene = default(Hygiene::Strict),
        /// Headers to keep that `hygiene` would remove: names in lower case, matched exactly. With `x-user` kept,
        /// `x_user` is still removed.
        "keep" keep: Vec<HeaderName> = default(Vec::new()),
        /// More headers to remove: names in lower case. With `x-user`, `x_user` is removed, too: CGI reads both as the
        /// same header.
        "remove" remove: Vec<HeaderName> = default(Vec::new()),
        /// Headers to set. They replace those of the same name that the caller sent, also with `_` for `-`.
        "set" set: Vec<SetHeader> = default(Vec::new()),
        /// The headers of answers: which are kept and which are removed.
        "response" response: ResponseHeaders = default(ResponseHeaders::default(), "by `hygiene`"),
        /// A header with a secret for the upstream. It replaces the caller's header of that name.
        "credential" credential: Option<Credential> = optional,
    }
    instead {
        "add" => "write `set: [{name: ..., value: ...}]`",
        "request" => "write its fields here",
        "set-cookie" => "write `response: {remove: [set-cookie]}`",
    }
}

record! {
    /// One of `headers.set`.
    pub struct SetHeader = "set" {
        /// The header's name, in lower case.
        "name" name: HeaderName = required,
        /// Text, with `%{caller.principal}`, `%{caller.namespace}`, `%{caller.serviceAccount}`, `%{gateway}`,
        /// `%{rule}`, `%{traceId}`, `%{requestId}` and `%{foreignTrace}` (the trace ID of X-Ray or Datadog) for what
        /// differs from request to request. If one of them is not known, the header is not sent.
        "value" value: String as (NOT_EMPTY) = required,
    }
    instead {
        "header" => "write `name`",
        "key" => "write `name`",
        "values" => "write `value`, one for each name",
    }
}

record! {
    /// `headers.response`.
    pub struct ResponseHeaders: Default = "response" {
        /// Headers to keep that `hygiene` would remove: names in lower case. Callers always get Envoy's own `server`
        /// header.
        "keep" keep: Vec<HeaderName> = default(Vec::new()),
        /// More headers to remove: names in lower case, such as `set-cookie`.
        "remove" remove: Vec<HeaderName> = default(Vec::new()),
    }
}

record! {
    /// `headers.credential`: a header whose value the gateway's pods have from a Secret.
    pub struct Credential = "credential" {
        /// The header's name, in lower case: `authorization`.
        "name" name: HeaderName = required,
        /// The text before the secret: `Bearer `. Visible ASCII and spaces, and no space at the beginning.
        "prefix" prefix: HeaderPrefix = default(HeaderPrefix::of("")),
        /// The Secret, in the Egress's namespace.
        "secretName" secret_name: ResourceName = required,
        /// The key in the Secret: letters, digits, `-`, `_` and `.`.
        "secretKey" secret_key: SecretKey = default(SecretKey::of("token")),
    }
    instead {
        "value" => "never write a secret here: write `secretName`",
        "secret" => "write `secretName`",
        "secretRef" => "write its name in `secretName`, and the key in `secretKey`",
        "secretKeyRef" => "write its name in `secretName`, and the key in `secretKey`",
        "valueFrom" => "write the Secret's name in `secretName`, and its key in `secretKey`",
        "key" => "write `secretKey`",
        "token" => "never write a secret here: write `secretName`",
        "header" => "write `name`",
    }
}

impl Headers {
    /// For the filter. `standbys` are those whose routes the gateway has, too.
    pub(crate) fn to_wire(&self, standbys: &[&Self]) -> wire::Headers {
        let Self { hygiene, keep, remove, set, response, credential } = self;
        let ResponseHeaders { keep: kept, remove: removed } = response;
        // What a route sets or removes callers must not set, by no other spelling and not in trailers.
        let name = |credential: &Option<Credential>| credential.as_ref().map(|credential| credential.name.clone());
        let of_standbys =
            standbys.iter().flat_map(|headers| headers.remove.iter().cloned().chain(name(&headers.credential)));
        let routed: BTreeSet<HeaderName> = name(credential).into_iter().chain(of_standbys).collect();
        wire::Headers {
            hygiene: *hygiene,
            keep: texts(keep),
            remove: texts(remove),
            routed: routed.iter().map(ToString::to_string).collect(),
            set: set
                .iter()
                .map(|SetHeader { name, value }| wire::SetHeader { name: name.to_string(), value: value.clone() })
                .collect(),
            response: wire::ResponseHeaders { keep: texts(kept), remove: texts(removed) },
        }
    }
}

fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

impl Headers {
    /// The request headers that the route removes, by name. The filter's mark is always one of them.
    #[must_use]
    pub fn removed_from_requests(&self) -> BTreeSet<&str> {
        let Self { hygiene, keep, remove, set, .. } = self;
        let is_kept = |name: &str| keep.iter().any(|kept| kept.as_str() == name);
        // What the filter sets the route must not remove.
        let is_set = |name: &str| set.iter().any(|set| set.name.as_str() == name);
        let own: Vec<&str> =
            hygiene::removed_by_route(*hygiene).filter(|name| !is_kept(name) && !is_set(name)).collect();
        own.into_iter().chain(remove.iter().map(HeaderName::as_str)).chain([ROUTE_HEADER]).collect()
    }

    /// The response headers that the route removes, by name.
    #[must_use]
    pub fn removed_from_responses(&self) -> BTreeSet<&str> {
        let response = &self.response;
        let is_kept = |name: &str| response.keep.iter().any(|kept| kept.as_str() == name);
        let own: Vec<&str> = hygiene::removed_from_responses(self.hygiene).filter(|name| !is_kept(name)).collect();
        own.into_iter().chain(response.remove.iter().map(HeaderName::as_str)).collect()
    }
}
