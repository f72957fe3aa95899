//! `health.probe`: a request of the gateway's own.

use crate::value::duration::Duration;
use crate::value::{DIGITS_LIST, NOT_EMPTY};
use sallyport_core::record;
use sallyport_core::wire::{self, Scheme, Shape};

record! {
    /// `health.probe`.
    pub struct Probe = "probe" {
        /// The path of the request, with a query if there is one.
        "path" path: String = required,
        /// `GET` or `HEAD`: a probe must not change anything.
        "method" method: String = default("GET".to_owned()),
        /// The host that the upstream expects in requests.
        "host" host: Option<String> as (NOT_EMPTY) = default(None, "that of callers' requests: `upstream.authority`"),
        /// The header `user-agent`: visible ASCII, with spaces inside.
        "userAgent" user_agent: String as (NOT_EMPTY) = default(wire::Probe::USER_AGENT.to_owned()),
        /// What counts as a good answer.
        "expect" expect: Expect = default(Expect::default()),
        /// The time from one probe to the next, whatever the number of workers.
        "interval" interval: Duration = default(Duration::of_seconds(5)),
        /// How much earlier a probe may be sent, in percent of the interval, so that gateways do not probe at the same
        /// time.
        "jitter" jitter: u32 as (Shape::Whole { least: 0, most: 100 }) = default(10),
        /// The time after which an unanswered probe counts as failed. Not longer than the interval.
        "timeout" timeout: Option<Duration> = default(None, "`1s`, or the interval if that is shorter"),
        /// The number of good answers in a row after which the upstream is healthy.
        "rise" rise: u32 as (Shape::Whole { least: 1, most: 1000 }) = default(2),
        /// The number of failed probes in a row after which the upstream is unhealthy.
        "fall" fall: u32 as (Shape::Whole { least: 1, most: 1000 }) = default(3),
    }
    instead {
        "url" => "write `path`",
        "httpGet" => "write its `path` here",
        "periodSeconds" => "write `interval`",
        "timeoutSeconds" => "write `timeout`",
        "successThreshold" => "write `rise`",
        "failureThreshold" => "write `fall`",
        "healthyThreshold" => "write `rise`",
        "unhealthyThreshold" => "write `fall`",
        "user-agent" => "write `userAgent`",
        "expectedStatuses" => "write `expect.statuses`",
    }
}

/// Where probes are sent.
pub(crate) struct ProbedUpstream {
    /// Envoy's cluster of the upstream.
    pub(crate) cluster: String,
    /// `https` if the connection to it uses TLS.
    pub(crate) scheme: Scheme,
    /// The host that the upstream expects in requests, unless the probe says another.
    pub(crate) authority: String,
}

impl Probe {
    /// When an unanswered probe counts as failed.
    pub(crate) fn effective_timeout(&self) -> Duration {
        match &self.timeout {
            Some(timeout) => timeout.clone(),
            None if self.interval.length() < Duration::of_seconds(1).length() => self.interval.clone(),
            None => Duration::of_seconds(1),
        }
    }

    /// For the filter: the probe of an upstream.
    pub(crate) fn to_wire(&self, upstream: &ProbedUpstream) -> wire::Probe {
        let Self { path, method, host, user_agent, expect, interval, jitter, timeout: _, rise, fall } = self;
        wire::Probe {
            cluster: upstream.cluster.clone(),
            scheme: upstream.scheme,
            method: method.clone(),
            host: host.clone().unwrap_or_else(|| upstream.authority.clone()),
            path: path.clone(),
            user_agent: user_agent.clone(),
            expect: expect.to_wire(),
            interval: interval.milliseconds(),
            jitter: *jitter,
            timeout: self.effective_timeout().milliseconds(),
            rise: *rise,
            fall: *fall,
        }
    }
}

record! {
    /// `health.probe.expect`: every condition that is written must hold.
    pub struct Expect: Default = "expect" {
        /// The statuses of a good answer: `200`, `200-299`.
        "statuses" statuses: Vec<String> as (DIGITS_LIST) = default(vec!["200-299".to_owned()]),
        /// A header that a good answer has, and its value.
        "header" header: Option<ExpectedHeader> = optional,
        /// How the body of a good answer begins: at most 1024 bytes.
        "bodyPrefix" body_prefix: Option<String> = optional,
    }
    instead {
        "status" => "write `statuses`",
        "body" => "write `bodyPrefix`",
    }
}

impl Expect {
    fn to_wire(&self) -> wire::Expect {
        let Self { statuses, header, body_prefix } = self;
        wire::Expect {
            statuses: statuses.clone(),
            header: header.as_ref().map(ExpectedHeader::to_wire),
            body_prefix: body_prefix.clone(),
        }
    }
}

record! {
    /// A header with its value.
    pub struct ExpectedHeader = "header" {
        /// The header's name, in lower case.
        "name" name: String as (NOT_EMPTY) = required,
        /// The header's whole value.
        "value" value: String = required,
    }
}

impl ExpectedHeader {
    fn to_wire(&self) -> wire::ExpectedHeader {
        let Self { name, value } = self;
        wire::ExpectedHeader { name: name.clone(), value: value.clone() }
    }
}
