//! `health` and `readiness`.

use super::Decoder;
use crate::health::source::{
    ExpectSource, ForceSource, HeaderSource, HealthSource, PassiveSource, ProbeSource, ReadinessSource, RefusalSource,
    SlowStartSource, StandbySource,
};
use crate::problem::Place;
use crate::wire::Json;

const FORCES: &[(&str, ForceSource)] =
    &[("forceOpen", ForceSource::ForceOpen), ("forceClosed", ForceSource::ForceClosed)];

impl Decoder {
    pub(super) fn health(&mut self, place: &Place<'_>, json: &Json<'_>) -> Option<HealthSource> {
        const NAMES: [&str; 7] = ["override", "probe", "passive", "hold", "slowStart", "refusal", "failover"];
        let [force, probe, passive, hold, slow_start, refusal, failover] = self.fields(place, json, NAMES)?;
        Some(HealthSource {
            force: force.map(|json| self.choice(&place.field("override"), json, FORCES)),
            probe: probe.and_then(|json| self.probe(&place.field("probe"), json)),
            passive: passive.and_then(|json| self.passive(&place.field("passive"), json)),
            hold: self.needed(place, "hold", hold),
            slow_start: self
                .required(place, "slowStart", slow_start)
                .and_then(|json| self.slow_start(&place.field("slowStart"), json))?,
            refusal: self
                .required(place, "refusal", refusal)
                .and_then(|json| self.refusal(&place.field("refusal"), json))?,
            failover: failover.map(|json| self.list(&place.field("failover"), json, Self::standby)).unwrap_or_default(),
        })
    }

    pub(super) fn readiness(&mut self, place: &Place<'_>, json: &Json<'_>) -> Option<ReadinessSource> {
        let [port, upstream] = self.fields(place, json, ["port", "upstream"])?;
        Some(ReadinessSource {
            port: self.needed(place, "port", port),
            upstream: upstream.is_some_and(|json| self.flag(&place.field("upstream"), json)),
        })
    }

    fn probe(&mut self, place: &Place<'_>, json: &Json<'_>) -> Option<ProbeSource> {
        const NAMES: [&str; 10] =
            ["cluster", "method", "host", "path", "expect", "interval", "jitter", "timeout", "rise", "fall"];
        let [cluster, method, host, path, expect, interval, jitter, timeout, rise, fall] =
            self.fields(place, json, NAMES)?;
        Some(ProbeSource {
            cluster: self.needed_text(place, "cluster", cluster),
            method: self.needed_text(place, "method", method),
            host: self.needed_text(place, "host", host),
            path: self.needed_text(place, "path", path),
            expect: self
                .required(place, "expect", expect)
                .and_then(|json| self.expect(&place.field("expect"), json))
                .unwrap_or_default(),
            interval: self.needed(place, "interval", interval),
            jitter: self.needed(place, "jitter", jitter),
            timeout: self.needed(place, "timeout", timeout),
            rise: self.needed(place, "rise", rise),
            fall: self.needed(place, "fall", fall),
        })
    }

    fn expect(&mut self, place: &Place<'_>, json: &Json<'_>) -> Option<ExpectSource> {
        let [statuses, header, body_prefix] = self.fields(place, json, ["statuses", "header", "bodyPrefix"])?;
        Some(ExpectSource {
            statuses: self.texts(place, "statuses", statuses).unwrap_or_default(),
            header: header.and_then(|json| self.header(&place.field("header"), json)),
            body_prefix: body_prefix.map(|json| self.text(&place.field("bodyPrefix"), json)),
        })
    }

    fn header(&mut self, place: &Place<'_>, json: &Json<'_>) -> Option<HeaderSource> {
        let [name, value] = self.fields(place, json, ["name", "value"])?;
        Some(HeaderSource {
            name: self.needed_text(place, "name", name),
            value: self.needed_text(place, "value", value),
        })
    }

    fn passive(&mut self, place: &Place<'_>, json: &Json<'_>) -> Option<PassiveSource> {
        const NAMES: [&str; 8] = [
            "window",
            "minimumRequests",
            "failurePercent",
            "consecutive",
            "consecutiveLocal",
            "statuses",
            "grpcStatuses",
            "p95",
        ];
        let [window, minimum_requests, failure_percent, consecutive, consecutive_local, statuses, grpc_statuses, p95] =
            self.fields(place, json, NAMES)?;
        let mut number = |name, json: Option<&Json<'_>>| json.map(|json| self.number(&place.field(name), json));
        let failure_percent = number("failurePercent", failure_percent);
        let consecutive = number("consecutive", consecutive);
        let consecutive_local = number("consecutiveLocal", consecutive_local);
        let p95 = number("p95", p95);
        Some(PassiveSource {
            window: self.needed(place, "window", window),
            minimum_requests: self.needed(place, "minimumRequests", minimum_requests),
            failure_percent,
            consecutive,
            consecutive_local,
            statuses: self.texts(place, "statuses", statuses).unwrap_or_default(),
            grpc_statuses: grpc_statuses
                .map(|json| {
                    self.list(&place.field("grpcStatuses"), json, |this, place, json| Some(this.number(place, json)))
                })
                .unwrap_or_default(),
            p95,
        })
    }

    fn slow_start(&mut self, place: &Place<'_>, json: &Json<'_>) -> Option<SlowStartSource> {
        let [share, duration] = self.fields(place, json, ["share", "duration"])?;
        Some(SlowStartSource {
            share: self.needed(place, "share", share),
            duration: self.needed(place, "duration", duration),
        })
    }

    fn refusal(&mut self, place: &Place<'_>, json: &Json<'_>) -> Option<RefusalSource> {
        let [status, retry_after] = self.fields(place, json, ["status", "retryAfter"])?;
        Some(RefusalSource {
            status: self.needed(place, "status", status),
            retry_after: self.needed(place, "retryAfter", retry_after),
        })
    }

    fn standby(&mut self, place: &Place<'_>, json: &Json<'_>) -> Option<StandbySource> {
        let [upstream, probe] = self.fields(place, json, ["upstream", "probe"])?;
        Some(StandbySource {
            upstream: self.needed_text(place, "upstream", upstream),
            probe: probe.and_then(|json| self.probe(&place.field("probe"), json)),
        })
    }

    fn needed(&mut self, place: &Place<'_>, name: &'static str, json: Option<&Json<'_>>) -> u32 {
        self.required(place, name, json).map_or(0, |json| self.number(&place.field(name), json))
    }

    fn needed_text(&mut self, place: &Place<'_>, name: &'static str, json: Option<&Json<'_>>) -> String {
        self.required(place, name, json).map_or_else(String::new, |json| self.text(&place.field(name), json))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Every field, each with a value of its own.
    pub(crate) fn full() -> HealthSource {
        let probe = ProbeSource {
            cluster: "outbound|443||a".to_owned(),
            method: "HEAD".to_owned(),
            host: "h".to_owned(),
            path: "/p".to_owned(),
            expect: ExpectSource {
                statuses: vec!["200".to_owned()],
                header: Some(HeaderSource { name: "n".to_owned(), value: "v".to_owned() }),
                body_prefix: Some("b".to_owned()),
            },
            interval: 1,
            jitter: 2,
            timeout: 3,
            rise: 4,
            fall: 5,
        };
        HealthSource {
            force: Some(ForceSource::ForceClosed),
            probe: Some(probe.clone()),
            passive: Some(PassiveSource {
                window: 6,
                minimum_requests: 7,
                failure_percent: Some(8),
                consecutive: Some(9),
                consecutive_local: Some(10),
                statuses: vec!["500-599".to_owned()],
                grpc_statuses: vec![14],
                p95: Some(11),
            }),
            hold: 12,
            slow_start: SlowStartSource { share: 13, duration: 14 },
            refusal: RefusalSource { status: 15, retry_after: 16 },
            failover: vec![StandbySource { upstream: "a/c".to_owned(), probe: Some(probe) }],
        }
    }
}
