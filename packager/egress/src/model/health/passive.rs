//! `health.passive`: limits on the failures of callers' requests.

use crate::value::DIGITS_LIST;
use crate::value::duration::Duration;
use sallyport_core::record;
use sallyport_core::wire::{self, Shape};

const COUNT: Shape = Shape::Whole { least: 1, most: 1_000_000 };

record! {
    /// `health.passive`.
    pub struct Passive: Default = "passive" {
        /// How far back `failurePercent` and `p95` look.
        "window" window: Duration = default(Duration::of_seconds(10)),
        /// The number of requests in the window from which `failurePercent` and `p95` apply.
        "minimumRequests" minimum_requests: u32 as (COUNT) = default(20),
        /// The percentage of failed requests in the window that opens the gate.
        "failurePercent" failure_percent: Option<u32> as (Shape::Whole { least: 1, most: 100 }) = optional,
        /// The number of failures of the upstream in a row that opens the gate.
        "consecutive" consecutive: u32 as (COUNT) = default(5),
        /// The number of requests in a row that do not reach the upstream (refused, reset, timed out) and open the
        /// gate.
        "consecutiveLocal" consecutive_local: u32 as (COUNT) = default(5),
        /// Which statuses are failures: `503`, `500-599`.
        "statuses" statuses: Vec<String> as (DIGITS_LIST) = default(vec!["500-599".to_owned()]),
        /// Which gRPC statuses are failures.
        "grpcStatuses" grpc_statuses: Vec<u32> as (Shape::List(&Shape::Whole { least: 1, most: 16 })) = default(vec![14]),
        /// The limit on the 95th percentile of the upstream's response time; above it, the upstream is unhealthy.
        "p95" p95: Option<Duration> = optional,
    }
    instead {
        "consecutive5xxErrors" => "write `consecutive`",
        "consecutiveGatewayErrors" => "write `consecutiveLocal`",
        "consecutiveLocalOriginFailures" => "write `consecutiveLocal`",
        "interval" => "write `window`",
        "baseEjectionTime" => "write `health.hold`",
        "latency" => "write `p95`",
    }
}

impl Passive {
    /// For the filter.
    pub(super) fn to_wire(&self) -> wire::Passive {
        let Self {
            window,
            minimum_requests,
            failure_percent,
            consecutive,
            consecutive_local,
            statuses,
            grpc_statuses,
            p95,
        } = self;
        wire::Passive {
            window: window.milliseconds(),
            minimum_requests: *minimum_requests,
            failure_percent: *failure_percent,
            consecutive: Some(*consecutive),
            consecutive_local: Some(*consecutive_local),
            statuses: statuses.clone(),
            grpc_statuses: grpc_statuses.clone(),
            p95: p95.as_ref().map(Duration::milliseconds),
        }
    }
}
