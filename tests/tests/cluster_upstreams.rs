//! Upstreams as they are: several addresses, hosts and ports, a `Host` of their own, paths under other names.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::cluster::doorway::Doorway;
use sallyport_tests::cluster::stage::Site;
use sallyport_tests::cluster::{Answer, Cluster, curl_from_outside, scene, stage};
use sallyport_tests::echo::{Echo, Received};
use serde_json::json;

/// The ends of the upstreams' names, which no DNS has.
const DOMAIN: &str = "corp.example";
/// What it is asked for.
const AUTHORITY: &str = "app.corp.example:8443";
/// The port that callers use for another one of the upstream. A gateway's pods need it for themselves.
const PORT: u16 = 8081;
/// Where the pods listen for it.
const INSIDE: u16 = 28081;

#[test]
fn an_upstream_is_reached_as_it_is() {
    let authority = Authority::new("public authority").unwrap();
    scene(stage::cluster("cluster-upstreams", &authority), |cluster| exercise(cluster, &authority));
}

/// The ports of the upstream, and what is behind each.
struct Upstream {
    first: Echo,
    second: Echo,
    other_port: Echo,
    _doorways: [Doorway; 3],
}

impl Upstream {
    fn start(cluster: &Cluster, authority: &Authority) -> Result<Self> {
        let names = ["corp", "api", "spare"].map(|name| format!("{name}.{DOMAIN}"));
        let identity = authority.server(cluster.scratch(), "corp", &names.each_ref().map(String::as_str))?;
        let echoes = [Echo::start(&identity)?, Echo::start(&identity)?, Echo::start(&identity)?];
        let at = |port: u16, echo: &Echo| Doorway::open_at(SocketAddr::from((cluster.bridge(), port)), echo.address());
        let [first, second, other_port] = echoes;
        let doorways = [at(443, &first)?, at(10443, &second)?, at(9443, &other_port)?];
        Ok(Self { first, second, other_port, _doorways: doorways })
    }

    /// Every request since the last time.
    fn take(&self) -> Vec<Received> {
        [&self.first, &self.second, &self.other_port].into_iter().flat_map(Echo::take).collect()
    }
}

/// Two addresses, of which the first gets three of four requests.
fn endpoints(cluster: &Cluster) -> String {
    let bridge = cluster.bridge();
    let locality = "locality: eu-west-1/eu-west-1a";
    format!("[{{address: {bridge}, weight: 3, {locality}}}, {{address: {bridge}, port: 10443, {locality}}}]")
}

/// The Egress `egress/NAME`: its fields, and what else it says.
fn egress(name: &str, endpoints: &str, more: &str) -> String {
    format!(
        "apiVersion: sallyport.dev/v1alpha1
kind: Egress
metadata: {{name: {name}, namespace: egress}}
spec:
  host: {name}.legacy.internal
  aliases: [{name}.corp.internal]
  ports: [{{port: {PORT}, upstreamPort: 9443}}]
  upstream: {{host: {name}.{DOMAIN}, port: 443, authority: {AUTHORITY}, endpoints: {endpoints}}}
  gateway: {{replicas: 1, drainSeconds: 5}}
  authz:
    rules:
    - id: by-path
      action: ALLOW
      from: [{{source: {{serviceAccounts: [httpbin/sleep]}}}}]
      to: [{{operation: {{paths: [/open, '/v1/{{**}}', /v1, /V1/a, /api/v2/a, /slow, /quick]}}}}]
    - id: by-method
      action: ALLOW
      from: [{{source: {{serviceAccounts: [httpbin/sleep]}}}}]
      to: [{{operation: {{methods: [OPTIONS]}}}}]
    - id: by-host
      action: ALLOW
      from: [{{source: {{serviceAccounts: [httpbin/sleep]}}}}]
      to: [{{operation: {{hosts: [{name}.corp.internal], paths: [/alias]}}}}]
    - id: by-port
      action: ALLOW
      from: [{{source: {{serviceAccounts: [httpbin/sleep]}}}}]
      to: [{{operation: {{ports: ['{INSIDE}'], paths: [/port]}}}}]
{more}"
    )
}

const PATHS: &str = "  route:
    timeout: 1s
    paths:
    - {path: '/v1/{**}', rewrite: '/api/v2/{**}'}
    - {path: /slow, timeout: 3s}
";

const SPARE_PATHS: &str = "  route: {paths: [{path: '/v1/{**}', rewrite: '/spare/{**}'}]}\n";

fn exercise(cluster: &Cluster, authority: &Authority) -> Result<()> {
    let site = Site::new(cluster, "1.31")?;
    let upstream = Upstream::start(cluster, authority)?;
    let endpoints = endpoints(cluster);
    site.apply("corp", &egress("corp", &endpoints, PATHS))?;
    let api = egress("api", &endpoints, "").replace("gateway: {", "gateway: {install: gateway-api, ");
    site.apply("api", &api)?;
    site.wait_ready("corp")?;
    site.wait_ready("api")?;
    for name in ["corp", "api"] {
        wait_for(cluster, &url(name, "legacy.internal", "/open"), |answer| answer.status == 200)?;
        is_asked_for_as_the_file_says(cluster, &upstream, name).with_context(|| name.to_owned())?;
    }
    paths_are_rewritten_however_they_are_spelled(cluster, &upstream)?;
    paths_have_their_own_time(cluster, &upstream)?;
    a_standby_is_reached_as_its_own_file_says(cluster, &site, &upstream)
}

fn url(name: &str, domain: &str, path: &str) -> String {
    format!("http://{name}.{domain}{path}")
}

/// Calls as `httpbin/sleep`, to whom any address does for every host: the sidecar routes by the name.
fn call(cluster: &Cluster, url: &str) -> Result<Answer> {
    let authority = url.trim_start_matches("http://").split('/').next().unwrap_or_default();
    let (host, port) = authority.split_once(':').unwrap_or((authority, "80"));
    let resolve = format!("{host}:{port}:{}", cluster.bridge());
    cluster.curl("httpbin", "sleep", &["--path-as-is", "--resolve", &resolve, url])
}

fn wait_for(cluster: &Cluster, url: &str, wanted: impl Fn(&Answer) -> bool) -> Result<()> {
    cluster.wait(&format!("the answer of {url}"), || {
        let answer = call(cluster, url)?;
        ensure!(wanted(&answer), "{answer:?}");
        Ok(true)
    })
}

fn is_asked_for_as_the_file_says(cluster: &Cluster, upstream: &Upstream, name: &str) -> Result<()> {
    // Every address gets requests, by its weight.
    let _ = upstream.take();
    for _ in 0..60 {
        let answer = call(cluster, &url(name, "legacy.internal", "/open"))?;
        ensure!(answer.status == 200, "{answer:?}");
    }
    let (first, second) = (upstream.first.take(), upstream.second.take());
    ensure!(first.len() > second.len() && !second.is_empty(), "{} and {}", first.len(), second.len());
    eprintln!("60 requests of {name} to two addresses with weights 3 and 1: {} and {}", first.len(), second.len());
    for request in first.iter().chain(&second) {
        ensure!(request.sni == format!("{name}.{DOMAIN}") && request.texts("host") == [AUTHORITY], "{request:?}");
    }

    // By every host and port, and the policy knows which.
    let legacy = |path| url(name, "legacy.internal", path);
    let alias = |path| url(name, "corp.internal", path);
    let other = |domain: &str, path: &str| url(name, &format!("{domain}:{PORT}"), path);
    for (url, status) in [
        (alias("/open"), 200),
        (alias("/alias"), 200),
        (legacy("/alias"), 403),
        (other("legacy.internal", "/open"), 200),
        (other("corp.internal", "/open"), 200),
        (other("corp.internal", "/alias"), 200),
        (other("legacy.internal", "/port"), 200),
        (legacy("/port"), 403),
        // The kubelet's path is a path like any other on the callers' port of the same number.
        (other("legacy.internal", "/sallyport/ready"), 403),
        (legacy("/sallyport/ready"), 403),
    ] {
        let answer = call(cluster, &url)?;
        ensure!(answer.status == status, "{url}: {answer:?}");
        ensure!(status == 200 || answer.header("x-sallyport").contains("not_allowed"), "{url}: {answer:?}");
    }
    let others = upstream.other_port.take();
    ensure!(others.len() == 4, "{others:?}");
    for request in others.iter().chain(&upstream.take()) {
        ensure!(request.sni == format!("{name}.{DOMAIN}") && request.texts("host") == [AUTHORITY], "{request:?}");
        ensure!(request.texts("x-sallyport-route").is_empty(), "{request:?}");
    }

    // Without the mesh's certificate the port is as closed as the first.
    let (_, gateway) = cluster.pod("egress", &format!("{name}-egress"))?;
    let answer = curl_from_outside(&["--insecure", &format!("https://{gateway}:{INSIDE}/open")])?;
    ensure!(answer.status == 0, "{answer:?}");
    Ok(())
}

/// What the upstream gets of a path; `None`: nothing.
fn seen(cluster: &Cluster, upstream: &Upstream, method: &str, path: &str) -> Result<(u16, Option<String>)> {
    let _ = upstream.take();
    let url = url("corp", "legacy.internal", path);
    let resolve = format!("corp.legacy.internal:80:{}", cluster.bridge());
    let answer =
        cluster.curl("httpbin", "sleep", &["--path-as-is", "--request", method, "--resolve", &resolve, &url])?;
    let line = upstream.take().pop().map(|request| request.line);
    let path = line.and_then(|line| Some(line.split_whitespace().nth(1)?.to_owned()));
    Ok((answer.status, path))
}

fn paths_are_rewritten_however_they_are_spelled(cluster: &Cluster, upstream: &Upstream) -> Result<()> {
    let check = |method: &str, rows: &[(&str, u16, Option<&str>)]| -> Result<()> {
        let mut wrong = Vec::new();
        for (path, status, sent) in rows {
            let seen = seen(cluster, upstream, method, path)?;
            if seen != (*status, sent.map(str::to_owned)) {
                wrong.push((path, seen));
            }
        }
        ensure!(wrong.is_empty(), "{method}: {wrong:?}");
        Ok(())
    };
    check(
        "GET",
        &[
            ("/v1/a?b=/v1/c", 200, Some("/api/v2/a?b=/v1/c")),
            ("/v1/", 200, Some("/api/v2/")),
            ("/v1", 200, Some("/v1")),
            // The rules decide on the caller's path: this one may be asked for, whatever it is called behind the gateway.
            ("/api/v2/a", 200, Some("/api/v2/a")),
            ("/v12/a", 403, None),
            // The same path, otherwise spelled.
            ("/%76%31/a", 200, Some("/api/v2/a")),
            ("/v1/%2e%2e/v1/a", 200, Some("/api/v2/a")),
            ("/x/../v1/a", 200, Some("/api/v2/a")),
            // Envoy takes a segment of dots with parameters for one of dots, and a backslash for a slash, before the policy and the
            // route see the path.
            ("/v1\\a", 200, Some("/api/v2/a")),
            ("/v1/..;/v1/a", 200, Some("/api/v2/a")),
            // What a server may take for it.
            ("//v1/a", 400, None),
            ("/v1//a", 400, None),
            ("/v1%2Fa", 400, None),
            ("/v1;x/a", 400, None),
            ("/%2576%2531/a", 400, None),
            // In another case it is another path, as in the policy.
            ("/V1/a", 200, Some("/V1/a")),
        ],
    )?;
    // Where Envoy leaves paths as they are, what is spelled otherwise is refused: by the policy if no rule allows it as it is
    // spelled, or else by the filter or the route.
    let none = json!({"pathNormalization": {"normalization": "NONE"}});
    cluster.control().configure(none.as_object().context("an object")?)?;
    cluster
        .wait("gateway that leaves paths as they are", || Ok(seen(cluster, upstream, "GET", "/%76%31/a")?.0 == 403))?;
    let rows = [
        ("/v1/a", 200, Some("/api/v2/a")),
        ("/v1/%61", 400, None),
        ("/v1/%2e%2e/v1/a", 400, None),
        ("/x/../v1/a", 400, None),
        ("/v1/..;/v1/a", 400, None),
        ("/v1\\a", 400, None),
    ];
    check("GET", &rows)?;
    check("OPTIONS", &rows)?;
    check("OPTIONS", &[("/%76%31/a", 400, None), ("/%56%31/a", 400, None), ("/V1/a", 200, Some("/V1/a"))])?;
    cluster.control().configure(&serde_json::Map::new())?;
    cluster.wait("gateway that decodes paths", || Ok(seen(cluster, upstream, "GET", "/%76%31/a")?.0 == 200))
}

/// An upstream that never ends its answer.
fn paths_have_their_own_time(cluster: &Cluster, upstream: &Upstream) -> Result<()> {
    for echo in [&upstream.first, &upstream.second] {
        echo.answer(*b"HTTP/1.1 200 OK\r\n");
    }
    for (path, least, most) in [("/quick", 900, 2_500), ("/slow", 2_900, 4_500)] {
        let started = Instant::now();
        let answer = call(cluster, &url("corp", "legacy.internal", path))?;
        let elapsed = started.elapsed();
        ensure!(answer.status == 504, "{path}: {answer:?}");
        ensure!((least..most).contains(&elapsed.as_millis()), "{path}: {elapsed:?}");
    }
    for echo in [&upstream.first, &upstream.second] {
        echo.answer([]);
    }
    Ok(())
}

/// With the upstream's gate held open, its standby gets the requests, by every port, with its own paths and `Host`.
fn a_standby_is_reached_as_its_own_file_says(cluster: &Cluster, site: &Site<'_>, upstream: &Upstream) -> Result<()> {
    // One address, and another port behind the callers'.
    let spare = egress("spare", &format!("[{{address: {}}}]", cluster.bridge()), SPARE_PATHS);
    let spare = spare.replace(AUTHORITY, "spare.corp.example").replace("upstreamPort: 9443", "upstreamPort: 10443");
    site.write("spare", &spare)?;
    let health = "  health: {override: forceOpen, passive: {}, failover: [spare]}\n";
    site.apply("corp", &egress("corp", &endpoints(cluster), &format!("{PATHS}{health}")))?;
    site.apply("spare", &spare)?;
    let of_spare = |request: &Received| request.texts("host") == ["spare.corp.example"];
    cluster.wait("request to the standby", || {
        call(cluster, &url("corp", "legacy.internal", "/v1/a"))?;
        Ok(upstream.take().last().is_some_and(of_spare))
    })?;
    for (port, path, behind, sent) in [
        ("", "/v1/a", &upstream.first, "/spare/a"),
        ("", "/open", &upstream.first, "/open"),
        (":8081", "/v1/a", &upstream.second, "/spare/a"),
        (":8081", "/open", &upstream.second, "/open"),
    ] {
        let _ = upstream.take();
        let answer = call(cluster, &url("corp", &format!("corp.internal{port}"), path))?;
        ensure!(answer.status == 200, "{port}{path}: {answer:?}");
        let seen = behind.take();
        ensure!(seen.len() == 1 && seen.iter().all(of_spare), "{port}{path}: {seen:?}");
        ensure!(seen.iter().all(|request| request.line == format!("GET {sent} HTTP/1.1")), "{port}{path}: {seen:?}");
    }
    Ok(())
}
