//! The health gate, with an upstream whose behaviour the test sets: what callers get while it is unhealthy, and once it has
//! recovered.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use sallyport_tests::client::{Reply, Request};
use sallyport_tests::crowd::{Crowd, Sample};
use sallyport_tests::dns::Dns;
use sallyport_tests::envoys::{each_envoy, newest_envoy};
use sallyport_tests::faulty::Mood;
use sallyport_tests::stage::FaultyStage;
use serde_json::{Value, json};

const HEALTH: &str = "
health:
  probe: {path: /health, interval: 400ms, jitter: 0, timeout: 400ms, rise: 2, fall: 2, expect: {bodyPrefix: ok}}
  hold: 500ms
  slowStart: {share: 20, duration: 1s}
  refusal: {retryAfter: 7s}
";
/// Every way in which a probe can fail.
const UNHEALTHY: [(Mood, &str); 6] = [
    (Mood::Hang, "unreachable"),
    (Mood::Refuse, "unreachable"),
    (Mood::Reset, "unreachable"),
    (Mood::Slow(Duration::from_secs(1)), "unreachable"),
    (Mood::Status(500), "status 500"),
    (Mood::Body("sorry"), "unexpected body"),
];
/// Callers' connections, which Envoy spreads over its workers.
const CONNECTIONS: usize = 8;
/// That of the requests and that of the probes.
const CLUSTERS: usize = 2;
const EVERY: Duration = Duration::from_millis(10);
/// Calls in a row that show that all workers have read the record.
const ALL: usize = 5 * CONNECTIONS;

fn crowd(stage: &FaultyStage) -> Result<Crowd> {
    Ok(Crowd::start(&stage.sleep()?, Request::get("/"), CONNECTIONS, EVERY))
}

fn is_healthy(sample: &Sample) -> bool {
    sample.status() == 200
}

/// Nothing in the filter has failed.
fn check_log(stage: &FaultyStage) -> Result<()> {
    let log = stage.gate.envoy_log()?;
    let bad =
        |line: &&str| line.contains("[critical]") || line.contains("panicked") || line.contains("Function: proxy");
    ensure!(log.lines().find(bad).is_none(), "{log}");
    Ok(())
}

/// What callers of every kind get while the gate is open.
fn check_refusals(stage: &FaultyStage) -> Result<()> {
    let sleep = stage.sleep()?;
    let told = |reply: &Reply| (reply.spoken().verdict, reply.spoken().reason);
    let refused = ("refused".to_owned(), "upstream_down".to_owned());
    for request in [Request::get("/"), Request::new("HEAD", "/")] {
        for reply in [sleep.send(&request)?, sleep.http2()?.send(&request)?] {
            ensure!((reply.status, reply.header("retry-after")) == (503, Some("7")), "{reply:?}");
            ensure!(told(&reply) == refused, "{reply:?}");
        }
    }
    let reply = sleep.http2()?.send(&Request::grpc("/library.Shelves/List"))?;
    ensure!((reply.status, reply.header("grpc-status"), reply.headers_only) == (200, Some("14"), true), "{reply:?}");
    ensure!(told(&reply) == refused, "{reply:?}");
    // Who may not ask learns nothing of the upstream.
    let reply = stage.stranger()?.send(&Request::get("/"))?;
    ensure!((reply.status, reply.spoken().reason.as_str()) == (403, "not_allowed"), "{reply:?}");
    ensure!(reply.header("retry-after").is_none(), "{reply:?}");
    Ok(())
}

/// Makes the upstream fail and recover, under load.
fn fails_and_recovers(stage: &mut FaultyStage, mood: Mood, failure: &str) -> Result<()> {
    let crowd = crowd(stage)?;
    crowd.wait_all(ALL, "healthy", is_healthy)?;
    let fell = Instant::now();
    stage.upstream.set(mood);
    let cause = stage.gate.wait_health("open")?;
    let opened = Instant::now();
    ensure!(cause.ends_with(&format!("the last: {failure}")), "{mood:?}: {cause}");
    crowd.wait_all(ALL, "refused", Sample::is_refused)?;
    let (open, asked) = (Instant::now(), stage.upstream.requests());
    check_refusals(stage)?;
    crowd.wait_all(ALL, "refused", Sample::is_refused)?;
    ensure!(stage.upstream.requests() == asked, "{mood:?}: the upstream is asked while the gate is open");

    let rose = Instant::now();
    stage.upstream.set(Mood::Healthy);
    stage.gate.wait_health("half-open")?;
    let asked_again = rose.elapsed();
    stage.gate.wait_health("closed")?;
    let closed = rose.elapsed();
    crowd.wait_all(ALL, "healthy", is_healthy)?;
    let samples = crowd.finish()?;

    let mut refused: Vec<Duration> = Vec::new();
    for sample in samples.iter().filter(|sample| sample.at > open && sample.at < rose) {
        ensure!(sample.is_refused(), "{mood:?}: not refused while the gate is open: {sample:?}");
        refused.push(sample.took);
    }
    refused.sort();
    let p99 = refused.get(refused.len() * 99 / 100).copied().unwrap_or_default();
    println!(
        "{mood:?}: open after {:?}; {} refusals, p99 {p99:?}; asked again after {asked_again:?}, closed after {closed:?}",
        opened.duration_since(fell),
        refused.len(),
    );
    check_log(stage)
}

#[test]
fn no_caller_waits_for_an_unhealthy_upstream() {
    each_envoy("health", |envoy, scratch| {
        let mut stage = FaultyStage::start(envoy, scratch, HEALTH, 2)?;
        UNHEALTHY.iter().try_for_each(|(mood, failure)| fails_and_recovers(&mut stage, *mood, failure))
    });
}

#[test]
fn any_number_of_workers_agrees() {
    newest_envoy("health-workers", |envoy, scratch| {
        for workers in [1, 4] {
            let mut stage = FaultyStage::start(envoy, scratch, HEALTH, workers)?;
            UNHEALTHY[..2].iter().try_for_each(|(mood, failure)| fails_and_recovers(&mut stage, *mood, failure))?;
        }
        Ok(())
    });
}

#[test]
fn probes_do_not_grow_with_workers() {
    const WINDOW: Duration = Duration::from_secs(4);
    const INTERVAL: Duration = Duration::from_millis(400);
    newest_envoy("probes", |envoy, scratch| {
        for workers in [1, 2, 4] {
            let stage = FaultyStage::start(envoy, scratch, HEALTH, workers)?;
            stage.gate.wait_until("a probe", |_| Ok(stage.upstream.probes().to_string()), |count| count != "0")?;
            let (start, before) = (Instant::now(), stage.upstream.probes());
            thread::sleep(WINDOW);
            let probes = stage.upstream.probes() - before;
            let window = start.elapsed();
            let most = window.as_millis() / INTERVAL.as_millis() + 2;
            println!("{workers} workers: {probes} probes in {window:?}");
            ensure!(probes > 0 && probes as u128 <= most, "{workers} workers: {probes} probes in {window:?}");
        }
        Ok(())
    });
}

#[test]
fn probes_have_the_user_agent_of_the_file() {
    newest_envoy("agents", |envoy, scratch| {
        let health = HEALTH.replace("jitter: 0", "jitter: 0, userAgent: Acme (probe)/1");
        let stage = FaultyStage::start(envoy, scratch, &health, 1)?;
        // The upstream takes everything without the gateway's usual name for a caller's request, and there is no caller.
        stage.gate.wait_until("a probe", |_| Ok(stage.upstream.requests().to_string()), |count| count != "0")?;
        ensure!(stage.upstream.probes() == 0);
        Ok(())
    });
}

#[test]
fn half_open_a_share_is_let_through_and_one_failed_probe_is_enough() {
    each_envoy("half-open", |envoy, scratch| {
        let health = "
health:
  probe: {path: /health, interval: 1s, timeout: 1s, rise: 1, fall: 1}
  hold: 500ms
  slowStart: {share: 10, duration: 1h}
";
        let mut stage = FaultyStage::start(envoy, scratch, health, 1)?;
        stage.upstream.set(Mood::Status(500));
        stage.gate.wait_health("open")?;
        stage.upstream.set(Mood::Healthy);
        stage.gate.wait_health("half-open")?;
        // Another VM may have said so: each looks five times a second.
        thread::sleep(Duration::from_millis(500));

        // Of ten calls one is let through, whatever those who may not call send between them: each round has nine of
        // theirs, so that a turn that they could take would always be theirs.
        let (mut sleep, mut stranger) = (stage.sleep()?.http1()?, stage.stranger()?.http1()?);
        let mut passed = 0;
        for _ in 0..40 {
            let reply = sleep.send(&Request::get("/"))?;
            ensure!(reply.status == 200 || reply.spoken().reason == "upstream_down", "{reply:?}");
            passed += usize::from(reply.status == 200);
            for _ in 0..9 {
                ensure!(stranger.send(&Request::get("/"))?.status == 403);
            }
        }
        ensure!((4..=5).contains(&passed), "{passed} of 40 calls were let through");
        ensure!(stage.upstream.requests() == passed);

        stage.upstream.set(Mood::Status(500));
        let cause = stage.gate.wait_health("open")?;
        ensure!(cause == "1 failed probes, the last: status 500", "{cause}");
        Ok(())
    });
}

#[test]
fn a_flapping_upstream_gets_requests_only_while_it_is_healthy() {
    newest_envoy("flaps", |envoy, scratch| {
        let mut stage = FaultyStage::start(envoy, scratch, HEALTH, 2)?;
        let crowd = crowd(&stage)?;
        for mood in [Mood::Refuse, Mood::Healthy, Mood::Hang, Mood::Healthy, Mood::Reset, Mood::Healthy].repeat(2) {
            stage.upstream.set(mood);
            thread::sleep(Duration::from_millis(700));
        }
        crowd.wait_all(ALL, "healthy", is_healthy)?;
        let samples = crowd.finish()?;
        let unanswered = samples.iter().filter(|sample| sample.reply.is_none()).count();
        ensure!(unanswered == 0, "{unanswered} calls of {} have no answer", samples.len());
        stage.gate.check_running()?;
        check_log(&stage)
    });
}

#[test]
fn a_name_that_goes_away_and_comes_back() {
    newest_envoy("dns", |envoy, scratch| {
        let mut stage = FaultyStage::start(envoy, scratch, HEALTH, 2)?;
        let dns = Dns::start()?;
        resolve(&stage, &dns)?;
        let hosts = |wanted: usize| {
            let cluster = |gate: &sallyport_tests::gate::Gate| gate.admin("/clusters");
            let is = move |text: &str| text.lines().filter(|line| line.contains("::health_flags::")).count() == wanted;
            (cluster, is)
        };
        let (read, is) = hosts(CLUSTERS);
        stage.gate.wait_until("one host of each cluster", read, is)?;
        let crowd = crowd(&stage)?;
        crowd.wait_all(ALL, "healthy", is_healthy)?;
        dns.set_exists(false);
        let cause = stage.gate.wait_health("open")?;
        ensure!(cause.ends_with("unreachable"), "{cause}");
        crowd.wait_all(ALL, "refused", Sample::is_refused)?;
        dns.set_exists(true);
        stage.gate.wait_health("closed")?;
        crowd.wait_all(ALL, "healthy", is_healthy)?;
        crowd.finish()?;
        check_log(&stage)
    });
}

/// Has Envoy ask the name server for the upstream's address, as a gateway in the mesh would ask the mesh's.
fn resolve(stage: &FaultyStage, dns: &Dns) -> Result<()> {
    let file = stage.gate.folder()?.join("xds/cds/cds.json");
    let mut document: Value = serde_json::from_slice(&fs::read(&file)?)?;
    document["version_info"] = json!("by-name");
    let clusters = document["resources"].as_array_mut().context("no clusters")?;
    for cluster in clusters {
        by_name(cluster, stage, dns)?;
    }
    let beside = file.with_extension("new");
    fs::write(&beside, document.to_string())?;
    Ok(fs::rename(beside, &file)?)
}

fn by_name(cluster: &mut Value, stage: &FaultyStage, dns: &Dns) -> Result<()> {
    let address = |host: &str, port: u16| json!({"socket_address": {"address": host, "port_value": port}});
    cluster["type"] = json!("STRICT_DNS");
    cluster["dns_refresh_rate"] = json!("0.2s");
    cluster["dns_failure_refresh_rate"] = json!({"base_interval": "0.2s", "max_interval": "0.2s"});
    cluster["typed_dns_resolver_config"] = json!({
        "name": "envoy.network.dns_resolver.cares",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
            "resolvers": [address("127.0.0.1", dns.address().port())],
        },
    });
    let endpoint = cluster.pointer_mut("/load_assignment/endpoints/0/lb_endpoints/0/endpoint");
    endpoint.context("no endpoint")?["address"] = address("legacy.test", stage.upstream.address().port());
    Ok(())
}
