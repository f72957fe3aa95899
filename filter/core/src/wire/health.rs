//! `health` and `readiness`. Durations are whole milliseconds here; the names are those of the Egress file, so that a
//! problem's path points at the same place in both.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

crate::record! {
    /// `health`: when requests are not sent to the upstream, and where they go instead.
    pub struct Health: Default = "health" {
        /// A manual decision, in place of the gate's.
        "override" force: Option<Override> = default(None, "the gate decides"),
        /// Requests of the gateway's own to the upstream.
        "probe" probe: Option<Probe> = default(None, "it sends none"),
        /// Limits on the failures of callers' requests.
        "passive" passive: Option<Passive> = default(None, "none"),
        /// How long the gate stays open at least, in ms.
        "hold" hold: u32 = required,
        /// How the gate closes.
        "slowStart" slow_start: SlowStart = required,
        /// The answer to callers while the gate is open.
        "refusal" refusal: RefusalAnswer = required,
        /// Upstreams that requests go to instead: the first that is healthy.
        "failover" failover: Vec<Standby> = default(Vec::new(), "none"),
    }
}

crate::words! {
    /// `health.override`.
    pub enum Override {
        /// No requests are sent to the upstream, however healthy it is.
        "forceOpen" ForceOpen,
        /// Requests are sent to the upstream, however unhealthy it is.
        "forceClosed" ForceClosed,
    }
}

crate::record! {
    /// `health.probe`: a request of the gateway's own.
    pub struct Probe: Default = "probe" {
        /// Envoy's cluster of the upstream: `outbound|443||httpbin.org`.
        "cluster" cluster: String = required,
        /// The scheme of the request: that of the connection to the upstream, or strict HTTP/2 servers reject it.
        "scheme" scheme: Scheme = default(Scheme::Https),
        /// `GET` or `HEAD`.
        "method" method: String = required,
        /// The host that the upstream expects in requests.
        "host" host: String = required,
        /// The path, with a query if there is one.
        "path" path: String = required,
        /// The header `user-agent`.
        "userAgent" user_agent: String = default(Probe::USER_AGENT.to_owned()),
        /// What counts as a good answer.
        "expect" expect: Expect = required,
        /// From one probe to the next, in ms.
        "interval" interval: u32 = required,
        /// How much earlier a probe may be sent, in percent of the interval, so that gateways do not probe at the same
        /// time.
        "jitter" jitter: u32 = required,
        /// After which a probe has failed, in ms.
        "timeout" timeout: u32 = required,
        /// The number of good answers in a row after which the upstream is healthy.
        "rise" rise: u32 = required,
        /// The number of failed probes in a row after which the upstream is unhealthy.
        "fall" fall: u32 = required,
    }
}

crate::words! {
    /// `health.probe.scheme`.
    pub enum Scheme: Default = Https {
        /// Plaintext.
        "http" Http,
        /// TLS.
        "https" Https,
    }
}

impl Probe {
    /// The `user-agent` of probes, unless the file says another.
    pub const USER_AGENT: &str = "sallyport-probe";
}

crate::record! {
    /// `health.probe.expect`: all that is written must hold.
    pub struct Expect: Default = "expect" {
        /// One of these: `200`, `200-299`. Not empty.
        "statuses" statuses: Vec<String> = written(Vec::new(), "none"),
        /// This header with this value.
        "header" header: Option<ExpectedHeader> = optional,
        /// How the body begins: at most 1024 bytes.
        "bodyPrefix" body_prefix: Option<String> = optional,
    }
}

crate::record! {
    /// A header with its value.
    pub struct ExpectedHeader: Default = "header" {
        /// Its name, in lower case.
        "name" name: String = required,
        /// The whole value of one occurrence.
        "value" value: String = required,
    }
}

crate::record! {
    /// `health.passive`: limits on the failures of callers' requests.
    pub struct Passive: Default = "passive" {
        /// How far back `failurePercent` and `p95` look, in ms.
        "window" window: u32 = required,
        /// Requests in the window before a share of them counts.
        "minimumRequests" minimum_requests: u32 = required,
        /// Share of failed requests in the window that opens the gate, in percent.
        "failurePercent" failure_percent: Option<u32> = default(None, "no limit"),
        /// Failures of the upstream in a row, over all workers, that open the gate.
        "consecutive" consecutive: Option<u32> = default(None, "no limit"),
        /// Requests in a row that do not reach the upstream, over all workers, that open the gate.
        "consecutiveLocal" consecutive_local: Option<u32> = default(None, "no limit"),
        /// Which statuses of the upstream are failures: `503`, `500-599`. Not empty.
        "statuses" statuses: Vec<String> = written(Vec::new(), "none"),
        /// Which gRPC statuses are failures.
        "grpcStatuses" grpc_statuses: Vec<u32> = written(Vec::new(), "none"),
        /// The 95th percentile of the upstream's time above which it is unhealthy, in ms.
        "p95" p95: Option<u32> = default(None, "no limit"),
    }
}

crate::record! {
    /// `health.slowStart`: while the gate is half-open.
    pub struct SlowStart: Default = "slowStart" {
        /// The share of requests that is let through at first, in percent.
        "share" share: u32 = required,
        /// How long it takes until all are let through, in ms.
        "duration" duration: u32 = required,
    }
}

crate::record! {
    /// `health.refusal`: the answer to callers while the gate is open.
    pub struct RefusalAnswer: Default = "refusal" {
        /// The HTTP status, 500 to 599.
        "status" status: u32 = required,
        /// `Retry-After` (RFC 9110, 10.2.3), in ms; it is sent in whole seconds.
        "retryAfter" retry_after: u32 = required,
    }
}

crate::record! {
    /// One of `health.failover`.
    pub struct Standby: Default = "standby" {
        /// `NAMESPACE/NAME` of its Egress, which its route matches.
        "upstream" upstream: String = required,
        /// How its health is probed.
        "probe" probe: Option<Probe> = default(None, "it is taken to be healthy"),
    }
}

crate::record! {
    /// `readiness`: the endpoint for the kubelet's readiness probe.
    pub struct Readiness: Default = "readiness" {
        /// The port of the connection. On any other port, the path is a path like any.
        "port" port: u32 = required,
        /// Whether a pod is ready only while requests are sent to its upstream or to a standby.
        "upstream" upstream: bool = written(false),
    }
}
