//! `spec.route`: how requests go to the upstream, with Istio's field names.

use super::super::upstream::BY_PATCH;
use crate::value::duration::Duration;
use crate::value::names::RetryConditions;
use crate::value::path::RoutePath;
use sallyport_core::record;
use sallyport_core::wire::Shape;

/// For what Envoy has for a cluster, and a route has in two places.
const CIRCUIT_BREAKER: &str = "write `connectionPool`, or `health` of the Egress";

record! {
    /// `spec.route`.
    pub struct Route: Default = "route" {
        /// The longest time for a request, retries included: `10s`.
        "timeout" timeout: Option<Duration> = optional,
        /// Retries by the gateway.
        "retries" retries: Option<Retries> = default(None, "none: no request is sent to the upstream twice"),
        /// Limits on the connections and requests of one gateway pod to the upstream.
        "connectionPool" connection_pool: Option<ConnectionPool> = optional,
        /// When one of the upstream's addresses is ejected for a while.
        "outlierDetection" outlier_detection: Option<OutlierDetection> = optional,
        /// Paths that the upstream has under another name, or that may take another time.
        "paths" paths: Vec<PathRoute> = default(Vec::new(), "every path goes to the upstream as it is"),
    }
    instead {
        "retry" => "write `retries`",
        "trafficPolicy" => "write its fields here",
        "rewrite" => "write `paths: [{path: ..., rewrite: ...}]`",
        "match" => "write `paths`",
        "circuitBreaker" => CIRCUIT_BREAKER,
        "circuitBreakers" => CIRCUIT_BREAKER,
        "proxy_read_timeout" => "write `timeout`",
        "proxy_send_timeout" => "write `timeout`",
        "proxy_connect_timeout" => "write `connectionPool: {connectTimeout: ...}`",
    }
}

record! {
    /// One of `route.paths`.
    pub struct PathRoute = "paths" {
        /// The path that callers use, `/a/b`, or all paths below one, `/a/{**}`. Of several that fit, the longest counts.
        "path" path: RoutePath = required,
        /// What the upstream gets instead: one path for one path, and for all paths below one, `/c/{**}`.
        "rewrite" rewrite: Option<RoutePath> = default(None, "the path stays as it is"),
        /// The longest time for such a request, retries included: `60s`.
        "timeout" timeout: Option<Duration> = default(None, "`route.timeout`"),
    }
    instead {
        "match" => "write `path`",
        "prefix" => "write `path: \"/PREFIX/{**}\"`",
        "exact" => "write `path`",
        "regex" => "leave it out: `path` is one path, or all below one, `/a/{**}`",
        "uri" => "write `path` or `rewrite`",
    }
}

record! {
    /// `route.retries`.
    pub struct Retries = "retries" {
        /// The maximum number of retries of a request.
        "attempts" attempts: u32 as (Shape::Whole { least: 0, most: 10 }) = required,
        /// The longest time for each try: `2s`. Not longer than `timeout`.
        "perTryTimeout" per_try_timeout: Option<Duration> = optional,
        /// Envoy's retry conditions, comma-separated. The default retries only requests that the upstream has not seen.
        "retryOn" retry_on: RetryConditions = default(RetryConditions::of("connect-failure,refused-stream")),
    }
    instead {
        "retries" => "write `attempts`",
        "numRetries" => "write `attempts`",
        "count" => "write `attempts`",
        "max" => "write `attempts`",
        "backoff" => "leave it out, or change the VirtualService by `patches` of the Egress",
    }
}

const COUNT: Shape = Shape::Whole { least: 1, most: 2_147_483_647 };

record! {
    /// `route.connectionPool`: limits of one gateway pod.
    pub struct ConnectionPool: Default = "connectionPool" {
        /// The maximum number of connections that one gateway pod opens to the upstream.
        "maxConnections" max_connections: Option<u32> as (COUNT) = optional,
        /// The longest time to open a connection: `3s`.
        "connectTimeout" connect_timeout: Option<Duration> = optional,
        /// The maximum number of requests that one gateway pod has in flight.
        "maxRequests" max_requests: Option<u32> as (COUNT) = optional,
        /// The maximum number of requests that wait for a connection.
        "maxPendingRequests" max_pending_requests: Option<u32> as (COUNT) = optional,
    }
    instead {
        "tcp" => "write its fields here",
        "http" => "write its fields here",
        "http1MaxPendingRequests" => "write `maxPendingRequests`",
        "http2MaxRequests" => "write `maxRequests`",
        "idleTimeout" => BY_PATCH,
        "tcpKeepalive" => BY_PATCH,
        "maxRequestsPerConnection" => BY_PATCH,
        "maxRetries" => BY_PATCH,
    }
}

record! {
    /// `route.outlierDetection`.
    pub struct OutlierDetection: Default = "outlierDetection" {
        /// The number of errors in a row that ejects an address.
        "consecutive5xxErrors" consecutive5xx_errors: Option<u32> as (COUNT) = optional,
        /// How often Envoy looks for addresses to eject: `10s`.
        "interval" interval: Option<Duration> = optional,
        /// How long an address stays ejected the first time, and longer each further time: `30s`.
        "baseEjectionTime" base_ejection_time: Option<Duration> = optional,
        /// The percentage of addresses that may be ejected at once.
        "maxEjectionPercent" max_ejection_percent: Option<u32> as (Shape::Whole { least: 1, most: 100 }) = optional,
    }
    instead {
        "consecutiveErrors" => "write `consecutive5xxErrors`",
        "consecutiveGatewayErrors" => BY_PATCH,
        "splitExternalLocalOriginErrors" => BY_PATCH,
        "minHealthPercent" => BY_PATCH,
    }
}

impl Route {
    /// The paths with routes of their own, from the most specific to the least: one path before all below one, and a longer
    /// one before a shorter.
    #[must_use]
    pub fn paths_by_rank(&self) -> Vec<&PathRoute> {
        let mut paths: Vec<_> = self.paths.iter().collect();
        paths.sort_by_key(|route| (route.path.prefix().is_some(), std::cmp::Reverse(route.path.len())));
        paths
    }
}
