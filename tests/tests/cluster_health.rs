//! The upstream goes away and comes back: what callers get, which pods are ready, who answers instead.

use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::cluster::doorway::Doorway;
use sallyport_tests::cluster::stage::Site;
use sallyport_tests::cluster::{Answer, Cluster, curl_from_outside, scene, stage};
use sallyport_tests::echo::Echo;

const RULES: &str = "[{id: readers, action: ALLOW, from: [{source: {serviceAccounts: [httpbin/sleep]}}]}]";
const OPEN: &str = "[{id: open, action: ALLOW, to: [{operation: {methods: [GET]}}]}]";
const URL: &str = "http://httpbin.legacy.internal/anything";
const SECOND: &str = "second.org";

/// The Egress of `httpbin`, with two pods and a gate that is quick.
fn egress(more: &str) -> String {
    let probe = "{path: /probe, interval: 1s, timeout: 500ms, rise: 2, fall: 2}";
    let slow_start = "{share: 50, duration: 2s}";
    stage::egress("httpbin", RULES).replace("replicas: 1", "replicas: 2")
        + &format!("  health: {{probe: {probe}, hold: 2s, slowStart: {slow_start}{more}}}\n")
}

#[test]
fn callers_learn_the_truth_at_once_and_pods_say_what_the_file_says() {
    let authority = Authority::new("public authority").unwrap();
    scene(stage::cluster("cluster-health", &authority), |cluster| exercise(cluster, &authority));
}

fn exercise(cluster: &Cluster, authority: &Authority) -> Result<()> {
    let echo = Echo::start(&authority.server(cluster.scratch(), "upstream", &[stage::UPSTREAM])?)?;
    let doorway = Doorway::open(cluster.bridge(), echo.address())?;
    let site = Site::new(cluster, "1.31")?;
    site.serve("httpbin", &egress(""))?;
    cluster.wait_for("httpbin", "sleep", URL, |answer| answer.status == 200)?;
    let up = echo.address();
    let down = nobody()?;

    // By default the pods stay, and say why not.
    let opened = turn(cluster, &doorway, down, is_refused)?;
    cluster.wait("two ready pods", || Ok(ready(cluster)? == 2))?;
    a_stranger_learns_nothing(cluster)?;
    open_it_stays_through_an_edit(cluster, &site)?;
    let closed = turn(cluster, &doorway, up, |answer| answer.status == 200)?;
    eprintln!("1 upstream refused: requests refused by the gate after {opened:?}, answered again after {closed:?}");

    pods_leave_and_come_back(cluster, &site, &doorway, up)?;
    another_answers(cluster, authority, &site, &doorway, up)
}

/// An address where nobody listens.
fn nobody() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn is_refused(answer: &Answer) -> bool {
    answer.status == 503 && answer.header("x-sallyport").contains("reason=upstream_down")
}

/// Sends the upstream's connections elsewhere; how long until callers get such an answer.
fn turn(cluster: &Cluster, doorway: &Doorway, to: SocketAddr, wanted: impl Fn(&Answer) -> bool) -> Result<Duration> {
    doorway.lead_name_to(stage::UPSTREAM, to);
    doorway.hang_up();
    let started = Instant::now();
    let answer = cluster.wait_for("httpbin", "sleep", URL, &wanted)?;
    let elapsed = started.elapsed();
    always(cluster, &[URL], wanted)?;
    ensure!(answer.status != 503 || !answer.header("retry-after").is_empty(), "{answer:?}");
    Ok(elapsed)
}

/// Each pod finds out by itself, and which one answers is chance: waits for ten such answers in a row.
fn always(cluster: &Cluster, arguments: &[&str], wanted: impl Fn(&Answer) -> bool) -> Result<()> {
    cluster.wait("the same answer from every pod", || {
        for _ in 0..10 {
            if !wanted(&cluster.curl("httpbin", "sleep", arguments)?) {
                return Ok(false);
            }
        }
        Ok(true)
    })
}

fn ready(cluster: &Cluster) -> Result<usize> {
    let pods = cluster.kubectl().get(&["pods", "-n", "egress", "-l", "sallyport.dev/gateway=httpbin"])?;
    let pods = pods["items"].as_array().cloned().unwrap_or_default();
    let is_ready = |pod: &&serde_json::Value| {
        let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
    };
    Ok(pods.iter().filter(is_ready).count())
}

/// Authorization comes first.
fn a_stranger_learns_nothing(cluster: &Cluster) -> Result<()> {
    let answer = cluster.curl("other", "stranger", &[URL])?;
    ensure!(answer.status == 403 && answer.header("x-sallyport").contains("not_allowed"), "{answer:?}");
    Ok(())
}

/// A new policy is a new plugin in the same VM: it knows what the one before knew.
fn open_it_stays_through_an_edit(cluster: &Cluster, site: &Site<'_>) -> Result<()> {
    site.apply("httpbin", &egress("").replace("id: readers", "id: edited"))?;
    let deadline = Instant::now() + Duration::from_secs(3);
    while Instant::now() < deadline {
        let answer = cluster.curl("httpbin", "sleep", &[URL])?;
        ensure!(is_refused(&answer), "{answer:?}");
    }
    // And what is restarted finds out by itself.
    cluster.kill("egress", "httpbin-egress")?;
    site.wait_ready("httpbin")?;
    cluster.wait_for("httpbin", "sleep", URL, is_refused)?;
    Ok(())
}

/// `readiness: upstream`: the pods leave their Service, and the caller's own sidecar has nobody to ask.
fn pods_leave_and_come_back(cluster: &Cluster, site: &Site<'_>, doorway: &Doorway, up: SocketAddr) -> Result<()> {
    site.serve("httpbin", &egress(", readiness: upstream"))?;
    cluster.wait_for("httpbin", "sleep", URL, |answer| answer.status == 200)?;
    doorway.lead_name_to(stage::UPSTREAM, nobody()?);
    doorway.hang_up();
    cluster.wait("gateway without a ready pod", || Ok(ready(cluster)? == 0))?;
    let alone = |answer: &Answer| answer.status == 503 && answer.header("x-sallyport").is_empty();
    cluster.wait_for("httpbin", "sleep", URL, alone)?;

    doorway.lead_name_to(stage::UPSTREAM, up);
    cluster.wait("two ready pods", || Ok(ready(cluster)? == 2))?;
    cluster.wait_for("httpbin", "sleep", URL, |answer| answer.status == 200)?;
    // The kubelet's path is nobody else's business, and its port leads nowhere else.
    let (_, gateway) = cluster.pod("egress", "httpbin-egress")?;
    for (path, status) in [("/sallyport/ready", 200), ("/anything", 404), ("/sallyport/readyz", 404)] {
        let answer = curl_from_outside(&[&format!("http://{gateway}:8081{path}")])?;
        ensure!(answer.status == status, "{path}: {answer:?}");
    }
    // A policy that names no caller decides there, too, but what it allows has no route.
    site.serve("httpbin", &egress("").replace(RULES, OPEN))?;
    cluster
        .wait_for("httpbin", "sleep", URL, |answer| answer.header("x-sallyport").is_empty() && answer.status == 200)?;
    let (_, gateway) = cluster.pod("egress", "httpbin-egress")?;
    for (path, status) in [("/sallyport/ready", 200), ("/anything", 404), ("/sallyport/readyz", 404)] {
        let answer = curl_from_outside(&[&format!("http://{gateway}:8081{path}")])?;
        ensure!(answer.status == status, "{path}: {answer:?}");
    }
    Ok(())
}

/// A standby answers what may be asked twice, until the upstream is back.
fn another_answers(
    cluster: &Cluster,
    authority: &Authority,
    site: &Site<'_>,
    doorway: &Doorway,
    up: SocketAddr,
) -> Result<()> {
    let second = Echo::start(&authority.server(cluster.scratch(), "second", &[SECOND])?)?;
    doorway.lead_name_to(SECOND, second.address());
    site.write("second", &stage::egress("second", "[]"))?;
    site.serve("httpbin", &egress(", failover: [second]"))?;
    site.serve("second", &stage::egress("second", "[]"))?;
    cluster.wait_for("httpbin", "sleep", URL, |answer| answer.status == 200)?;
    let _ = second.take();

    doorway.lead_name_to(stage::UPSTREAM, nobody()?);
    doorway.hang_up();
    always(cluster, &["-X", "POST", URL], is_refused)?;
    always(cluster, &[URL], |answer| answer.status == 200)?;
    let seen = second.take();
    ensure!(!seen.is_empty() && seen.iter().all(|request| request.sni == SECOND), "{seen:?}");
    ensure!(seen.iter().all(|request| request.values("host").eq([SECOND.as_bytes()])), "{seen:?}");
    ensure!(seen.iter().all(|request| request.values("x-sallyport-route").next().is_none()), "{seen:?}");

    doorway.lead_name_to(stage::UPSTREAM, up);
    cluster.wait("return to the upstream", || {
        let _ = second.take();
        for _ in 0..10 {
            cluster.curl("httpbin", "sleep", &[URL])?;
        }
        thread::sleep(Duration::from_millis(100));
        // It is still probed.
        Ok(second.take().iter().all(|request| !request.line.contains("/anything")))
    })
}
