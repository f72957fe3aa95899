//! What an Egress says of the upstream's health: when it is not asked, and who is asked instead.

use serde::{Deserialize, Serialize};

/// `spec.health`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Health {
    /// Asking the upstream itself. Absent: it is not asked.
    pub probe: Option<Probe>,
    /// Looking at what callers get. Absent: nobody looks.
    pub passive: Option<Passive>,
    /// How long the gate stays open at least. Default: `5s`.
    pub hold: String,
    /// How the upstream is asked again.
    pub slow_start: SlowStart,
    /// What callers are told while the gate is open.
    pub refusal: GateRefusal,
    /// A manual decision; the gate does not decide.
    #[serde(rename = "override")]
    pub force: Option<Override>,
    /// Whether a pod is ready while its upstream is not asked.
    pub readiness: Readiness,
    /// Egresses of the same namespace whose upstreams are asked instead, the first that is well.
    pub failover: Vec<String>,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            probe: None,
            passive: None,
            hold: "5s".to_owned(),
            slow_start: SlowStart::default(),
            refusal: GateRefusal::default(),
            force: None,
            readiness: Readiness::default(),
            failover: Vec::new(),
        }
    }
}

impl Health {
    /// Whether there is anything that could open the gate.
    #[must_use]
    pub fn has_gate(&self) -> bool {
        self.probe.is_some() || self.passive.is_some() || self.force.is_some()
    }
}

/// `health.probe`: a request of the gateway's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Probe {
    /// With a query, if there is one.
    pub path: String,
    /// `GET` or `HEAD`. Default: `GET`.
    #[serde(default = "Probe::default_method")]
    pub method: String,
    /// Default: what the upstream reads as its own name.
    #[serde(default)]
    pub host: Option<String>,
    /// What a good answer is.
    #[serde(default)]
    pub expect: Expect,
    /// From one probe to the next. Default: `5s`.
    #[serde(default = "Probe::default_interval")]
    pub interval: String,
    /// By how much of the interval a probe may be early, in percent. Default: 10.
    #[serde(default = "Probe::default_jitter")]
    pub jitter: u32,
    /// After which a probe has failed. `None`: `1s`, or the interval if that is shorter.
    #[serde(default)]
    pub timeout: Option<String>,
    /// Good answers in a row that make the upstream well. Default: 2.
    #[serde(default = "Probe::default_rise")]
    pub rise: u32,
    /// Failed probes in a row that make it ill. Default: 3.
    #[serde(default = "Probe::default_fall")]
    pub fall: u32,
}

impl Probe {
    fn default_method() -> String {
        "GET".to_owned()
    }

    fn default_interval() -> String {
        "5s".to_owned()
    }

    fn default_jitter() -> u32 {
        10
    }

    fn default_rise() -> u32 {
        2
    }

    fn default_fall() -> u32 {
        3
    }
}

/// `health.probe.expect`: all that is written must hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Expect {
    /// One of these: `200`, `200-299`. Default: `200-299`.
    pub statuses: Vec<String>,
    /// This header with this value.
    pub header: Option<ExpectedHeader>,
    /// How the body begins.
    pub body_prefix: Option<String>,
}

impl Default for Expect {
    fn default() -> Self {
        Self { statuses: vec!["200-299".to_owned()], header: None, body_prefix: None }
    }
}

/// A header with its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExpectedHeader {
    /// In lower case.
    pub name: String,
    /// The whole value.
    pub value: String,
}

/// `health.passive`: limits on what callers get.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Passive {
    /// How far back `failurePercent` and `p95` look. Default: `10s`.
    pub window: String,
    /// Requests in the window before a share of them means anything. Default: 20.
    pub minimum_requests: u32,
    /// Share of failed requests in the window. `None`: no limit.
    pub failure_percent: Option<u32>,
    /// Failures of the upstream in a row. Default: 5.
    pub consecutive: u32,
    /// Requests in a row that do not reach the upstream. Default: 5.
    pub consecutive_local: u32,
    /// Which statuses are failures. Default: `500-599`.
    pub statuses: Vec<String>,
    /// Which gRPC statuses are. Default: 14 (UNAVAILABLE).
    pub grpc_statuses: Vec<u32>,
    /// The 95th percentile of the upstream's time above which it is ill. `None`: no limit.
    pub p95: Option<String>,
}

impl Default for Passive {
    fn default() -> Self {
        Self {
            window: "10s".to_owned(),
            minimum_requests: 20,
            failure_percent: None,
            consecutive: 5,
            consecutive_local: 5,
            statuses: vec!["500-599".to_owned()],
            grpc_statuses: vec![14],
            p95: None,
        }
    }
}

/// `health.slowStart`: while the gate is half-open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SlowStart {
    /// The share of requests at first, in percent. Default: 10.
    pub share: u32,
    /// Until all are let through. Default: `10s`.
    pub duration: String,
}

impl Default for SlowStart {
    fn default() -> Self {
        Self { share: 10, duration: "10s".to_owned() }
    }
}

/// `health.refusal`: the answer while nobody is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct GateRefusal {
    /// HTTP status. Default: 503.
    pub status: u32,
    /// `Retry-After`. Default: `5s`.
    pub retry_after: String,
}

impl Default for GateRefusal {
    fn default() -> Self {
        Self { status: 503, retry_after: "5s".to_owned() }
    }
}

/// `health.override`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Override {
    /// The upstream is not asked, however well it is.
    ForceOpen,
    /// The upstream is asked, however ill it is.
    ForceClosed,
}

/// `health.readiness`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Readiness {
    /// A pod is ready while it has its policy: it answers, and says why not.
    #[default]
    Gateway,
    /// A pod is ready while it has its policy and its upstream, or a standby, is asked.
    Upstream,
}
