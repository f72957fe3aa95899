//! The wire shape of `health` and `readiness`: what the packager writes into `pluginConfig` beside the rules.
//!
//! The names are those of the Egress file, so that a problem's path points at the same place in both; durations are
//! whole milliseconds here.

use serde::Serialize;

/// `health`: when the upstream is not asked, and who is asked instead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthSource {
    /// Somebody has decided, and the gate has not to. Absent: the gate decides.
    #[serde(rename = "override", skip_serializing_if = "Option::is_none")]
    pub force: Option<ForceSource>,
    /// Asking the upstream itself. Absent: it is not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<ProbeSource>,
    /// Looking at what callers get. Absent: nobody looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passive: Option<PassiveSource>,
    /// How long the gate stays open at least, in ms.
    pub hold: u32,
    /// How the upstream is asked again.
    pub slow_start: SlowStartSource,
    /// What callers are told while the gate is open.
    pub refusal: RefusalSource,
    /// Who is asked instead, the first that is well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failover: Vec<StandbySource>,
}

/// `health.override`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ForceSource {
    /// The upstream is not asked, however well it is.
    #[default]
    ForceOpen,
    /// The upstream is asked, however ill it is.
    ForceClosed,
}

/// `health.probe`: a request of the gateway's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbeSource {
    /// Envoy's cluster of the upstream: `outbound|443||httpbin.org`.
    pub cluster: String,
    /// `GET` or `HEAD`.
    pub method: String,
    /// What the upstream reads as its own name.
    pub host: String,
    /// With a query, if there is one.
    pub path: String,
    /// What a good answer is.
    pub expect: ExpectSource,
    /// From one probe to the next, in ms.
    pub interval: u32,
    /// By how much of the interval a probe may be early, in percent: gateways are not to ask all at once.
    pub jitter: u32,
    /// After which a probe has failed, in ms.
    pub timeout: u32,
    /// Good answers in a row that make the upstream well.
    pub rise: u32,
    /// Failed probes in a row that make it ill.
    pub fall: u32,
}

/// `health.probe.expect`: all that is written must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExpectSource {
    /// One of these: `200`, `200-299`.
    pub statuses: Vec<String>,
    /// This header with this value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<HeaderSource>,
    /// How the body begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_prefix: Option<String>,
}

/// A header with its value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeaderSource {
    /// In lower case.
    pub name: String,
    /// The whole value of one occurrence.
    pub value: String,
}

/// `health.passive`: limits on what callers get.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PassiveSource {
    /// How far back `failurePercent` and `p95` look, in ms.
    pub window: u32,
    /// Requests in the window before a share of them means anything.
    pub minimum_requests: u32,
    /// Share of failed requests in the window, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_percent: Option<u32>,
    /// Failures of the upstream in a row, over all workers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consecutive: Option<u32>,
    /// Failures of the gateway to reach the upstream in a row, over all workers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consecutive_local: Option<u32>,
    /// Which statuses of the upstream are failures: `503`, `500-599`.
    pub statuses: Vec<String>,
    /// Which gRPC statuses are.
    pub grpc_statuses: Vec<u32>,
    /// The 95th percentile of the upstream's time above which it is ill, in ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95: Option<u32>,
}

/// `health.slowStart`: while the gate is half-open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SlowStartSource {
    /// The share of requests at first, in percent.
    pub share: u32,
    /// Until all are let through, in ms.
    pub duration: u32,
}

/// `health.refusal`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusalSource {
    /// HTTP status, 500 to 599.
    pub status: u32,
    /// `Retry-After` (RFC 9110, 10.2.3), in ms; whole seconds are told.
    pub retry_after: u32,
}

/// One of `health.failover`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StandbySource {
    /// `NAMESPACE/NAME` of its Egress: the mark of its route.
    pub upstream: String,
    /// How it is asked whether it is well. Absent: it is taken to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<ProbeSource>,
}

/// `readiness`: where the kubelet asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadinessSource {
    /// The port of the connection; on every other the path is a path like any.
    pub port: u32,
    /// Whether a pod is ready only while its upstream, or a standby, is asked.
    pub upstream: bool,
}
