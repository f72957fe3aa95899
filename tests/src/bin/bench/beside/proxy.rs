//! The Envoys that are measured, and the one that is their upstream.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use sallyport_tests::certs::{Authority, Identity};
use sallyport_tests::envoys::Envoy;
use sallyport_tests::gate::ask_admin;
use sallyport_tests::process::{Program, Scratch, Stdout, cpu, resident};
use serde_json::{Value, json};

/// How long one may take to start: it compiles a module for each worker.
const PATIENCE: Duration = Duration::from_secs(60);
/// The core of what is measured, and that of the load and the upstream.
const CORES: [&str; 2] = ["0", "1"];

/// A command on one of two cores: on the first what is measured, on the second what measures it. Where there is one core,
/// or nothing to pin with, wherever the kernel puts it.
pub fn pinned(program: &Path, measured: bool) -> Command {
    let two = thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
    let can_pin = Command::new("taskset").arg("--version").output().is_ok_and(|output| output.status.success());
    if !two || !can_pin {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", CORES[usize::from(!measured)]]).arg(program);
    command
}

/// How callers reach a proxy.
#[derive(Debug)]
pub enum Transport {
    /// HTTP/1.1 in plaintext.
    Plain,
    /// HTTP/1.1 over mutual TLS.
    Mutual(Box<Mutual>),
}

/// Who shows what to whom.
#[derive(Debug)]
pub struct Mutual {
    /// The authority of both, as a PEM file.
    pub authority: PathBuf,
    /// What the proxy shows.
    pub server: Identity,
    /// What the caller shows: `httpbin/sleep`.
    pub caller: Identity,
}

impl Transport {
    /// With an authority of its own.
    pub fn mutual(scratch: &Scratch) -> Result<Self> {
        let authority = Authority::new("mesh authority")?;
        Ok(Self::Mutual(Box::new(Mutual {
            authority: authority.write(scratch, "authority")?,
            server: authority.server(scratch, "server", &["127.0.0.1"])?,
            caller: authority.client(scratch, "caller", "spiffe://cluster.local/ns/httpbin/sa/sleep")?,
        })))
    }

    /// Whether callers show who they are.
    pub fn has_identity(&self) -> bool {
        matches!(self, Self::Mutual(_))
    }

    /// In the tables.
    pub fn name(&self) -> &'static str {
        if self.has_identity() { "mTLS" } else { "plain HTTP" }
    }
}

/// A running Envoy with one listener.
#[derive(Debug)]
pub struct Proxy {
    program: Program,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Proxy {
    /// Starts it, and waits until it listens.
    pub fn start(scratch: &Scratch, envoy: &Envoy, (name, bootstrap): (&str, &Value), workers: u16) -> Result<Self> {
        Self::start_on(scratch, envoy, (name, bootstrap), workers, true)
    }

    /// Starts what answers 200 to everything.
    pub fn upstream(scratch: &Scratch, envoy: &Envoy) -> Result<Self> {
        let route =
            json!({"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "ok"}}});
        let manager = typed(
            "filters.network.http_connection_manager.v3.HttpConnectionManager",
            json!({
                "stat_prefix": "upstream",
                "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
                "http_filters": [router()],
            }),
        );
        Self::start_on(scratch, envoy, ("upstream", &with_listener(&manager, None)), 1, false)
    }

    fn start_on(
        scratch: &Scratch,
        envoy: &Envoy,
        (name, bootstrap): (&str, &Value),
        workers: u16,
        measured: bool,
    ) -> Result<Self> {
        let config = scratch.write(&format!("{name}.json"), bootstrap.to_string())?;
        let admin = scratch.path().join(format!("{name}-admin"));
        let _ = fs::remove_file(&admin);
        let mut command = pinned(&envoy.path, measured);
        command.arg("--config-path").arg(config).arg("--admin-address-path").arg(&admin);
        command.args(["--concurrency", &workers.to_string(), "--log-level", "error", "--disable-hot-restart"]);
        let mut program = Program::start(name, scratch.path(), &mut command, Stdout::Log)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(address) = listener(&admin) {
                return Ok(Self { program, address });
            }
            program.check_running()?;
            ensure!(Instant::now() < deadline, "Envoy does not listen:\n{}", program.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The CPU that it has taken so far.
    pub fn cpu(&self) -> Result<Duration> {
        cpu(self.program.id())
    }

    /// The memory that it has, in bytes.
    pub fn resident(&self) -> Result<u64> {
        Ok(resident(self.program.id())? * 1024)
    }
}

/// Where the listener is, once it is and takes connections.
fn listener(admin: &Path) -> Option<SocketAddr> {
    let admin = fs::read_to_string(admin).ok()?.trim().parse().ok()?;
    let told = ask_admin(admin, "/listeners").ok()?;
    let address = told.lines().find_map(|line| line.strip_prefix("callers::"))?.parse().ok()?;
    ask_admin(admin, "/ready").ok()?.contains("LIVE").then_some(address)
}

/// A message of one of Envoy's extensions.
pub fn typed(kind: &str, mut message: Value) -> Value {
    message["@type"] = json!(format!("type.googleapis.com/envoy.extensions.{kind}"));
    message
}

/// The last HTTP filter.
pub fn router() -> Value {
    json!({"name": "envoy.filters.http.router", "typed_config": typed("filters.http.router.v3.Router", json!({}))})
}

fn address(of: SocketAddr) -> Value {
    json!({"socket_address": {"address": of.ip().to_string(), "port_value": of.port()}})
}

/// The listener of a connection manager, on a port that is free.
pub fn callers(manager: &Value, transport: Option<&Mutual>) -> Value {
    let mut chain =
        json!({"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]});
    if let Some(Mutual { authority, server, .. }) = transport {
        let context = json!({
            "require_client_certificate": true,
            "common_tls_context": {
                "tls_certificates": [{
                    "certificate_chain": {"filename": server.certificate}, "private_key": {"filename": server.key},
                }],
                "validation_context": {"trusted_ca": {"filename": authority}},
            },
        });
        let context = typed("transport_sockets.tls.v3.DownstreamTlsContext", context);
        chain["transport_socket"] = json!({"name": "envoy.transport_sockets.tls", "typed_config": context});
    }
    json!({"name": "callers", "address": address(SocketAddr::from(([127, 0, 0, 1], 0))), "filter_chains": [chain]})
}

fn with_listener(manager: &Value, transport: Option<&Mutual>) -> Value {
    let own = address(SocketAddr::from(([127, 0, 0, 1], 0)));
    json!({"admin": {"address": own}, "static_resources": {"listeners": [callers(manager, transport)], "clusters": []}})
}

fn clusters((names, at): (&[String], SocketAddr)) -> Vec<Value> {
    names.iter().map(|name| cluster((name, at))).collect()
}

fn cluster((name, at): (&str, SocketAddr)) -> Value {
    json!({"name": name, "type": "STATIC", "load_assignment": {"cluster_name": name, "endpoints": [
        {"lb_endpoints": [{"endpoint": {"address": address(at)}}]},
    ]}})
}

/// A proxy in front of an upstream, with no listener yet.
pub fn empty_bootstrap(upstream: (&[String], SocketAddr)) -> Value {
    json!({
        "node": {"id": "beside", "cluster": "beside"},
        "admin": {"address": address(SocketAddr::from(([127, 0, 0, 1], 0)))},
        "static_resources": {"clusters": clusters(upstream)},
    })
}

/// One proxy in front of an upstream, and of an OPA where there is one.
pub fn bootstrap(
    manager: &Value,
    transport: &Transport,
    upstream: (&[String], SocketAddr),
    opa: Option<SocketAddr>,
) -> Value {
    let mutual = match transport {
        Transport::Plain => None,
        Transport::Mutual(mutual) => Some(mutual.as_ref()),
    };
    let mut clusters = clusters(upstream);
    if let Some(opa) = opa {
        let http2 = json!({"explicit_http_config": {"http2_protocol_options": {}}});
        let mut cluster = cluster(("opa", opa));
        cluster["typed_extension_protocol_options"] = json!({
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions":
                typed("upstreams.http.v3.HttpProtocolOptions", http2),
        });
        clusters.push(cluster);
    }
    let mut bootstrap = with_listener(manager, mutual);
    bootstrap["static_resources"]["clusters"] = Value::Array(clusters);
    bootstrap
}
