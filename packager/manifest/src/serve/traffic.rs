//! From `trafficPolicy` of a DestinationRule to parts of a cluster.

use serde_json::{Map, Value, json};

use super::service::Port;
use super::view::View;
use crate::message::typed;

const OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
/// Istio sets no limit where Envoy would.
const NO_LIMIT: u64 = u32::MAX as u64;
/// Of Istio's default mesh configuration.
const CONNECT_TIMEOUT: &str = "10s";

/// Which HTTP Envoy speaks to an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    /// HTTP/1.1, which is not written.
    Http1,
    Http2,
    /// That of the request.
    AsReceived,
}

/// How Envoy speaks HTTP to an upstream.
#[derive(Debug)]
pub(super) struct Protocol {
    version: Version,
    http2: Map<String, Value>,
    common: Map<String, Value>,
    upstream: Map<String, Value>,
}

/// `h2UpgradePolicy` only says more than the port's protocol, and the caller's version comes before both.
pub(super) fn protocol(port: Port<'_>, pool: Option<View<'_>>) -> Protocol {
    let http = pool.and_then(|pool| pool.field("http"));
    let upgrade = http.and_then(|http| http.text("h2UpgradePolicy"));
    let version = if http.is_some_and(|http| http.flag("useClientProtocol")) {
        Version::AsReceived
    } else if port.is_http2() || upgrade == Some("UPGRADE") {
        Version::Http2
    } else {
        Version::Http1
    };
    let mut common = Map::new();
    let tcp = pool.and_then(|pool| pool.field("tcp"));
    let idle = [http, tcp].into_iter().flatten().find_map(|part| part.duration("idleTimeout"));
    if let Some(idle) = idle {
        common.insert("idle_timeout".to_owned(), idle.into());
    }
    if let Some(most) = http.and_then(|http| http.number("maxRequestsPerConnection")).filter(|most| *most > 0) {
        common.insert("max_requests_per_connection".to_owned(), most.into());
    }
    if let Some(longest) = tcp.and_then(|tcp| tcp.duration("maxConnectionDuration")) {
        common.insert("max_connection_duration".to_owned(), longest.into());
    }
    let mut http2 = Map::new();
    if let Some(most) = http.and_then(|http| http.number("maxConcurrentStreams")).filter(|most| *most > 0) {
        http2.insert("max_concurrent_streams".to_owned(), most.into());
    }
    Protocol { version, http2, common, upstream: Map::new() }
}

impl Protocol {
    /// Whether Envoy offers nothing but HTTP/2 to the upstream.
    pub(super) fn is_http2(&self) -> bool {
        self.version == Version::Http2
    }

    /// Takes the server name from the request.
    pub(super) fn auto_sni(&mut self) {
        self.upstream.insert("auto_sni".to_owned(), true.into());
    }

    /// Verifies the certificate against the request's host.
    pub(super) fn auto_san_validation(&mut self) {
        self.upstream.insert("auto_san_validation".to_owned(), true.into());
    }

    /// `None` if everything is as Envoy does it anyway.
    pub(super) fn into_options(self) -> Option<Value> {
        let Protocol { version, http2, common, upstream } = self;
        let mut options = Map::new();
        match version {
            Version::Http1 => {}
            Version::Http2 => {
                options.insert("explicit_http_config".to_owned(), json!({"http2_protocol_options": http2}));
            }
            Version::AsReceived => {
                let both = json!({"http_protocol_options": {}, "http2_protocol_options": http2});
                options.insert("use_downstream_protocol_config".to_owned(), both);
            }
        }
        for (name, fields) in [("common_http_protocol_options", common), ("upstream_http_protocol_options", upstream)] {
            if !fields.is_empty() {
                options.insert(name.to_owned(), Value::Object(fields));
            }
        }
        if options.is_empty() {
            return None;
        }
        // Envoy demands that one of the versions is chosen.
        if version == Version::Http1 {
            options.insert("explicit_http_config".to_owned(), json!({"http_protocol_options": {}}));
        }
        Some(json!({OPTIONS: typed(OPTIONS, Value::Object(options))}))
    }
}

pub(super) fn thresholds(pool: Option<View<'_>>) -> Value {
    let limit = |part: &str, name: &str| {
        let written = pool.and_then(|pool| pool.field(part)).and_then(|part| part.number(name));
        written.filter(|limit| *limit > 0).unwrap_or(NO_LIMIT)
    };
    json!({"thresholds": [{
        "max_connections": limit("tcp", "maxConnections"),
        "max_pending_requests": limit("http", "http1MaxPendingRequests"),
        "max_requests": limit("http", "http2MaxRequests"),
        "max_retries": limit("http", "maxRetries"),
    }]})
}

pub(super) fn connect_timeout(pool: Option<View<'_>>) -> String {
    let written = pool.and_then(|pool| pool.field("tcp")).and_then(|tcp| tcp.duration("connectTimeout"));
    written.unwrap_or_else(|| CONNECT_TIMEOUT.to_owned())
}

pub(super) fn keepalive(pool: Option<View<'_>>) -> Option<Value> {
    let keepalive = pool?.at(["tcp", "tcpKeepalive"])?;
    let seconds = |name: &str| keepalive.text(name)?.strip_suffix('s')?.parse::<u64>().ok();
    let fields = [
        ("keepalive_probes", keepalive.number("probes")),
        ("keepalive_time", seconds("time")),
        ("keepalive_interval", seconds("interval")),
    ];
    let fields = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?))));
    Some(json!({"tcp_keepalive": fields.collect::<Map<_, _>>()}))
}

/// Ejection by the share of successes is off, as Istio has no field for it.
pub(super) fn outlier_detection(outlier: View<'_>) -> Value {
    let mut out = Map::from_iter([("enforcing_success_rate".to_owned(), Value::from(0))]);
    for (from, to, enforcing) in [
        ("consecutive5xxErrors", "consecutive_5xx", "enforcing_consecutive_5xx"),
        ("consecutiveGatewayErrors", "consecutive_gateway_failure", "enforcing_consecutive_gateway_failure"),
    ] {
        if let Some(count) = outlier.number(from) {
            out.insert(to.to_owned(), count.into());
            out.insert(enforcing.to_owned(), if count > 0 { 100 } else { 0 }.into());
        }
    }
    for (from, to) in [("interval", "interval"), ("baseEjectionTime", "base_ejection_time")] {
        if let Some(time) = outlier.duration(from) {
            out.insert(to.to_owned(), time.into());
        }
    }
    if let Some(percent) = outlier.number("maxEjectionPercent").filter(|percent| *percent > 0) {
        out.insert("max_ejection_percent".to_owned(), percent.into());
    }
    if outlier.flag("splitExternalLocalOriginErrors") {
        out.insert("split_external_local_origin_errors".to_owned(), true.into());
        if let Some(count) = outlier.number("consecutiveLocalOriginFailures").filter(|count| *count > 0) {
            out.insert("consecutive_local_origin_failure".to_owned(), count.into());
            out.insert("enforcing_consecutive_local_origin_failure".to_owned(), 100.into());
        }
        out.insert("enforcing_local_origin_success_rate".to_owned(), 0.into());
    }
    Value::Object(out)
}
