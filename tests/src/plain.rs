//! An Envoy without the filter, for comparison: a gateway as Istio makes it, in front of one upstream.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::certs::Identity;
use crate::envoys::Envoy;
use crate::gate::ask_admin;
use crate::process::{Program, Scratch, Stdout};

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// What to start it with.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// What it shows its callers.
    pub identity: &'a Identity,
    /// Where the upstream is.
    pub upstream: SocketAddr,
    /// The upstream's name.
    pub name: &'a str,
    /// Who signs the upstream's certificate.
    pub authority: &'a Path,
    /// How long a request may take.
    pub timeout: &'a str,
    /// Envoy's `outlier_detection`, or null.
    pub outlier_detection: Value,
}

/// A running Envoy.
#[derive(Debug)]
pub struct Plain {
    /// Where callers connect to.
    pub listener: SocketAddr,
    _program: Program,
}

impl Plain {
    /// Starts it, and waits until it listens.
    pub fn start(scratch: &Scratch, envoy: &Envoy, options: &Options<'_>) -> Result<Self> {
        let config = scratch.write("plain.json", bootstrap(options).to_string())?;
        let admin = scratch.path().join("plain-admin");
        let mut command = Command::new(&envoy.path);
        command.arg("--config-path").arg(config).arg("--admin-address-path").arg(&admin);
        command.args(["--concurrency", "2", "--log-level", "warning", "--disable-hot-restart"]);
        let mut program = Program::start("plain", scratch.path(), &mut command, Stdout::Log)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(listener) = listener(&admin) {
                return Ok(Self { listener, _program: program });
            }
            program.check_running()?;
            ensure!(Instant::now() < deadline, "Envoy does not listen:\n{}", program.log());
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Where the listener is, once it is.
fn listener(admin: &Path) -> Option<SocketAddr> {
    let admin = fs::read_to_string(admin).ok()?.trim().parse().ok()?;
    let told = ask_admin(admin, "/listeners").ok()?;
    told.lines().find_map(|line| line.strip_prefix("callers::"))?.parse().ok()
}

fn bootstrap(options: &Options<'_>) -> Value {
    let Options { identity, upstream, name, authority, timeout, outlier_detection } = options;
    let typed = |kind: &str, mut message: Value| {
        message["@type"] = json!(format!("type.googleapis.com/envoy.extensions.{kind}"));
        message
    };
    let tls = |context: Value| json!({"name": "envoy.transport_sockets.tls", "typed_config": context});
    let address = |address: SocketAddr| json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}});
    let own = SocketAddr::from(([127, 0, 0, 1], 0));
    let manager = typed(
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        json!({
            "stat_prefix": "callers",
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{
                "match": {"prefix": "/"},
                "route": {
                    "cluster": "upstream",
                    "host_rewrite_literal": name,
                    "timeout": timeout,
                    // As Istio sets it.
                    "retry_policy": {"retry_on": "connect-failure,refused-stream,unavailable,cancelled", "num_retries": 2},
                },
            }]}]},
            "http_filters": [{
                "name": "envoy.filters.http.router",
                "typed_config": typed("filters.http.router.v3.Router", json!({})),
            }],
        }),
    );
    let server = tls(typed(
        "transport_sockets.tls.v3.DownstreamTlsContext",
        json!({"common_tls_context": {"alpn_protocols": ["h2", "http/1.1"], "tls_certificates": [{
            "certificate_chain": {"filename": identity.certificate}, "private_key": {"filename": identity.key},
        }]}}),
    ));
    let client = tls(typed(
        "transport_sockets.tls.v3.UpstreamTlsContext",
        json!({"sni": name, "common_tls_context": {"validation_context": {"trusted_ca": {"filename": authority}}}}),
    ));
    let protocols = typed("upstreams.http.v3.HttpProtocolOptions", json!({"auto_config": {}}));
    let mut cluster = json!({
        "name": "upstream",
        "type": "STATIC",
        "connect_timeout": "10s",
        "load_assignment": {"cluster_name": "upstream", "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": address(*upstream)}},
        ]}]},
        "transport_socket": client,
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": protocols},
        // Istio sets this with outlier detection.
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
    });
    if !outlier_detection.is_null() {
        cluster["outlier_detection"] = outlier_detection.clone();
    }
    json!({
        "admin": {"address": address(own)},
        "static_resources": {
            "listeners": [{"name": "callers", "address": address(own), "filter_chains": [{
                "transport_socket": server,
                "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}],
            }]}],
            "clusters": [cluster],
        },
    })
}
