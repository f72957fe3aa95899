//! Versions of HTTP in the mesh: real gRPC over TLS and over plaintext, an upstream that speaks HTTP/1.1 alone, WebSockets;
//! then all of it again in a mesh that upgrades connections to HTTP/2 by default.
//!
//! gRPC is that of grpcio, because it is one wheel to install; a Rust implementation would have to be compiled with every
//! run of CI. The Envoys are stock ones, which do not have Istio's own ALPN filter, so it is off.

use std::cell::RefCell;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::cluster::doorway::Doorway;
use sallyport_tests::cluster::stage::Site;
use sallyport_tests::cluster::{Cluster, scene, stage};
use sallyport_tests::echo::{Echo, Http2Echo, Received};
use sallyport_tests::envoys::newest;
use sallyport_tests::gate::{Gate, Options};
use sallyport_tests::grpc::{GrpcServer, calls};
use sallyport_tests::process::Scratch;
use serde_json::{Map, Value, json};

const READERS: &str = "[{id: readers, action: ALLOW, from: [{source: {serviceAccounts: [httpbin/sleep]}}]}]";
const METHODS: &str = "[{id: callers, action: ALLOW, from: [{source: {serviceAccounts: [httpbin/sleep]}}], \
                       to: [{operation: {grpc: ['sallyport.test.Calls/*']}}]}, \
                       {id: never, action: DENY, to: [{operation: {grpc: [sallyport.test.Calls/Forbidden]}}]}]";
const URL: &str = "http://httpbin.legacy.internal/get";
/// Hosts with a gRPC server behind them: over TLS, over plaintext.
const GRPC: [&str; 2] = ["second.legacy.internal:80", "third.legacy.internal:80"];
const SWITCHING: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

#[test]
fn every_kind_of_call_passes_whatever_the_meshs_default_is() {
    let authority = Authority::new("public authority").unwrap();
    scene(stage::cluster("cluster-http-versions", &authority), |cluster| exercise(cluster, &authority));
}

/// `sallyport run` prints a command for each caller, which a real server answers, or the filter.
#[test]
fn a_printed_command_calls_a_real_server() -> Result<()> {
    let scratch = Scratch::new("cluster-http-versions-run")?;
    let authority = Authority::new("public authority")?;
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let _server = GrpcServer::start(&scratch, address, Some(&authority.server(&scratch, "second", &["second.org"])?))?;
    let rules = METHODS.replace("'sallyport.test.Calls/*'", "sallyport.test.Calls/Unary");
    let egress = stage::egress("second", &rules).replace("port: 443", "port: 443, protocol: http2");
    let authority = authority.write(&scratch, "authority")?;
    let envoy = newest()?.path;
    let options = Options { envoy: &envoy, egress: &egress, upstream: address, authority: &authority, callers: &[] };
    let gate = Gate::start(&scratch, &options)?;
    // More than one of the refused ones: some tools miss the answer now and then.
    let refused = [("/sa/stranger", "grpc-status: 7"); 20];
    for (caller, status) in [("/sa/sleep", "grpc-status: 0")].into_iter().chain(refused) {
        let output = Command::new("sh").args(["-c", gate.command(caller)?]).output()?;
        let shown = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        ensure!(shown.lines().any(|line| line.trim_end() == status), "{caller}: {shown}");
    }
    Ok(())
}

fn exercise(cluster: &Cluster, authority: &Authority) -> Result<()> {
    let scratch = cluster.scratch();
    let echo = Echo::start(&authority.server(scratch, "upstream", &[stage::UPSTREAM])?)?;
    let doorway = Doorway::open(cluster.bridge(), echo.address())?;
    let [tls, plain] = [28443, 28080].map(|port| SocketAddr::from((cluster.bridge(), port)));
    let _tls = GrpcServer::start(scratch, tls, Some(&authority.server(scratch, "second", &["second.org"])?))?;
    let _plain = GrpcServer::start(scratch, plain, None)?;

    // The gate stays closed, whatever the upstream answers its probes.
    let probed = "  health: {probe: {path: /probe, interval: 1s}, override: forceClosed}\n";
    let over_tls = stage::egress("second", METHODS).replace("port: 443", "port: 28443, protocol: http2");
    let over_plain =
        stage::egress("third", METHODS).replace("port: 443", "port: 28080, protocol: http2, tls: {mode: NONE}");
    let files = [
        ("httpbin", stage::egress("httpbin", READERS) + probed),
        ("second", over_tls.clone()),
        ("third", over_plain.clone()),
    ];
    let site = Site::new(cluster, "1.31")?;
    files.iter().try_for_each(|(name, file)| site.apply(name, file))?;
    files.iter().try_for_each(|(name, _)| site.wait_ready(name))?;
    cluster.wait_for("httpbin", "sleep", URL, |answer| answer.status == 200)?;
    for target in GRPC {
        cluster.wait(&format!("answer of {target}"), || {
            Ok(grpc(cluster, target)?["unary"]["messages"] == json!(["hello you"]))
        })?;
    }
    everything(cluster, &echo)?;
    probes_show_nothing(&echo)?;

    upgrade_by_default(cluster)?;
    everything(cluster, &echo)?;

    let http2 = Http2Echo::start(&authority.server(scratch, "http2", &[stage::UPSTREAM])?)?;
    doorway.lead_to(http2.address());
    probes_over_http2(cluster, &site, &http2, &doorway)?;
    for (target, name, file) in [(GRPC[0], "second", over_tls), (GRPC[1], "third", over_plain)] {
        an_open_gate_is_unavailable(cluster, &site, target, name, &file)?;
    }
    Ok(())
}

/// Probes have the version of requests, show nothing of Envoy, and decide.
fn probes_over_http2(cluster: &Cluster, site: &Site<'_>, upstream: &Http2Echo, doorway: &Doorway) -> Result<()> {
    let file = stage::egress("httpbin", READERS).replace("port: 443", "port: 443, protocol: http2");
    site.serve("httpbin", &(file + "  health: {probe: {path: /probe, interval: 1s, timeout: 1s}}\n"))?;
    let _ = upstream.take();
    let seen = RefCell::new(Vec::new());
    cluster.wait_for("httpbin", "sleep", URL, |answer| {
        seen.borrow_mut().extend(upstream.take());
        let asked = |line: &str| seen.borrow().iter().any(|request: &Received| request.line == line);
        answer.status == 200
            && asked("GET https://httpbin.org/get HTTP/2")
            && asked("GET https://httpbin.org/probe HTTP/2")
    })?;
    for probe in seen.borrow().iter().filter(|request| request.line.contains("/probe ")) {
        ensure!(probe.line == "GET https://httpbin.org/probe HTTP/2" && probe.names() == ["user-agent"], "{probe:?}");
    }
    doorway.lead_to(SocketAddr::from(([127, 0, 0, 1], 9)));
    doorway.hang_up();
    let down =
        cluster.wait_for("httpbin", "sleep", URL, |answer| answer.header("x-sallyport").contains("upstream_down"))?;
    ensure!(down.status == 503, "{down:?}");
    Ok(())
}

fn an_open_gate_is_unavailable(cluster: &Cluster, site: &Site<'_>, target: &str, name: &str, file: &str) -> Result<()> {
    site.apply(name, &format!("{file}  health: {{override: forceOpen}}\n"))?;
    cluster.wait(&format!("refusal of the gate at {target}"), || {
        let unary = &grpc(cluster, target)?["unary"];
        let reason = unary["trailers"]["x-sallyport"].as_str().unwrap_or_default();
        Ok(unary["code"] == 14 && reason.contains("reason=upstream_down"))
    })
}

fn grpc(cluster: &Cluster, target: &str) -> Result<Value> {
    let (inside, _) = cluster.pod("httpbin", "sleep")?;
    calls(&inside, "call", target)
}

fn everything(cluster: &Cluster, echo: &Echo) -> Result<()> {
    for target in GRPC {
        every_kind_of_grpc(&grpc(cluster, target)?).with_context(|| target.to_owned())?;
    }
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let _ = echo.take();
        let answer = cluster.curl("httpbin", "sleep", &[version, URL])?;
        ensure!(answer.status == 200, "{version}: {answer:?}");
        let seen = echo.take();
        ensure!(seen.iter().any(|request| request.line == "GET /get HTTP/1.1"), "{version}: {seen:?}");
    }
    echo.answer(SWITCHING);
    let (inside, _) = cluster.pod("httpbin", "sleep")?;
    let socket = calls(&inside, "websocket", "httpbin.legacy.internal:80")?;
    echo.answer(Vec::new());
    ensure!(socket == json!({"status": 101, "back": "ping"}), "{socket}");
    Ok(())
}

fn every_kind_of_grpc(came: &Value) -> Result<()> {
    for (kind, messages) in [
        ("unary", json!(["hello you"])),
        ("server", json!(["0", "1", "2", "3", "4"])),
        ("client", json!(["10"])),
        ("both", json!(["0", "1", "2", "3", "4"])),
    ] {
        ensure!(came[kind] == json!({"messages": messages}), "{kind}: {came}");
    }
    let deadline = &came["deadline"];
    // The caller's own timer and those of the proxies, which read `grpc-timeout`, end at the same moment.
    let by_caller = deadline["code"] == 4;
    let by_proxy = deadline["code"] == 14 && deadline["details"] == "upstream request timeout";
    ensure!(by_caller || by_proxy, "{came}");
    ensure!(deadline["seconds"].as_f64().is_some_and(|seconds| seconds < 3.0), "{came}");
    let error = &came["error"];
    ensure!(error["code"] == 9 && error["details"] == "not enough", "{came}");
    ensure!(error["trailers"]["x-reason"] == "no funds", "{came}");
    let refused = &came["refused"];
    let reason = refused["trailers"]["x-sallyport"].as_str().unwrap_or_default();
    ensure!(refused["code"] == 7 && reason.contains("reason=denied"), "{came}");
    Ok(())
}

fn probes_show_nothing(echo: &Echo) -> Result<()> {
    std::thread::sleep(std::time::Duration::from_secs(2));
    let probe = echo.take().into_iter().find(|request| request.line.starts_with("GET /probe "));
    let probe = probe.context("no probe came")?;
    ensure!(probe.line == "GET /probe HTTP/1.1" && probe.names() == ["host", "user-agent"], "{probe:?}");
    Ok(())
}

/// As a mesh may have it for all of its services; waits until a caller's sidecar shows it at another service.
fn upgrade_by_default(cluster: &Cluster) -> Result<()> {
    cluster.control().configure(&Map::from_iter([("h2UpgradePolicy".to_owned(), json!("UPGRADE"))]))?;
    let clusters = "http://127.0.0.1:15000/config_dump?resource=dynamic_active_clusters&name_regex=.*stranger.*";
    cluster.wait("upgrade of other services", || {
        Ok(cluster.curl("httpbin", "sleep", &[clusters])?.body.contains("http2_protocol_options"))
    })
}
