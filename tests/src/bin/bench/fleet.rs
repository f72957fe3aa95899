//! What one gateway costs whose numbers a fleet multiplies: memory of each worker, series, probes, the filter's image; and
//! in an Istio what an edit of one of them costs the control plane and all other proxies.

mod istiod;

use std::fs;
use std::iter;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use sallyport_tests::client::Request;
use sallyport_tests::envoys::Envoy;
use sallyport_tests::gate::sallyport;
use sallyport_tests::process::Scratch;
use sallyport_tests::stage::{FaultyStage, Stage, egress_with};

/// Connections of callers, and requests on each, before Envoy's memory is read.
const CONNECTIONS: usize = 40;
const REQUESTS: usize = 50;
/// So many that the time of one is taken.
const REFUSED: usize = 300;
/// Counters are passed to Envoy once per second.
const FLUSHED: Duration = Duration::from_secs(3);
/// How long probes are counted, and how often they are sent.
const PROBED: Duration = Duration::from_secs(20);
const HEALTH: &str = "health: {probe: {path: /health, interval: 1s, jitter: 0}}";

/// Prints all of it.
pub fn run(envoy: &Envoy) -> Result<()> {
    memory(envoy)?;
    series(envoy)?;
    probes(envoy)?;
    image()?;
    istiod::run()
}

/// Rules that read the caller, the method and the path, as a YAML flow sequence.
fn rules(count: usize) -> String {
    let rules: Vec<String> = (0..count)
        .map(|number| {
            format!(
                "{{id: rule-{number}, action: ALLOW, from: [{{source: {{serviceAccounts: [httpbin/sleep]}}}}], \
                 to: [{{operation: {{methods: [GET], paths: [/get, \"/api/{number}/{{*}}\"]}}}}]}}"
            )
        })
        .collect();
    format!("[{}]", rules.join(",\n      "))
}

/// An Egress file with so many rules.
fn file(spec: &str, count: usize) -> String {
    egress_with(spec, &format!("rules: {}", rules(count)))
}

/// The resident memory of Envoy with one worker and with five, after requests to each.
fn memory(envoy: &Envoy) -> Result<()> {
    println!("memory of Envoy       one worker   five workers   each further worker");
    for (name, count) in [("no rules", 0), ("10 rules", 10), ("1,000 rules", 1_000), ("5,000 rules", 5_000)] {
        let mut sizes = Vec::new();
        for workers in ["1", "5"] {
            let folder = Scratch::new("bench-fleet")?;
            let stage = Stage::with_arguments(envoy, &folder, &file("", count), &["--concurrency", workers])?;
            // Of so many connections, each worker has some.
            for _ in 0..CONNECTIONS {
                stage.sleep()?.http2()?.send_many(&Request::get("/get"), REQUESTS, 1)?;
            }
            thread::sleep(FLUSHED);
            sizes.push(stage.gate.memory()?);
        }
        if let [one, five] = sizes.as_slice() {
            let each = five.saturating_sub(*one) as f64 / 4.0 / 1024.0;
            println!("  {name:<14} {:>11} MiB {:>10} MiB {each:>17.1} MiB", one / 1024, five / 1024);
        }
    }
    Ok(())
}

/// The lines of `/stats/prometheus`, ours and all, after one request for each rule and some that are refused: a series is there from
/// the first time that it counts.
fn series(envoy: &Envoy) -> Result<()> {
    println!("series                         ours    all of Envoy   a scrape");
    for (name, spec, count) in [
        ("no rules", "", 0),
        ("10 rules", "", 10),
        ("110 rules", "", 110),
        ("10 rules, health", "health: {probe: {path: /get}, passive: {}}", 10),
    ] {
        let folder = Scratch::new("bench-fleet")?;
        let stage = Stage::with_file(envoy, &folder, &file(spec, count))?;
        let mut connection = stage.sleep()?.http1()?;
        for path in
            (0..count).map(|number| format!("/api/{number}/one")).chain(iter::repeat_n("/refused".to_owned(), REFUSED))
        {
            connection.send(&Request::get(path))?;
        }
        thread::sleep(FLUSHED);
        let page = stage.gate.admin("/stats/prometheus")?;
        let samples = || page.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let ours = samples().filter(|line| line.contains("sallyport")).count();
        println!("  {name:<24} {ours:>8} {:>15} {:>7} KiB", samples().count(), page.len() / 1024);
    }
    Ok(())
}

/// How many probes reach the upstream of one pod.
fn probes(envoy: &Envoy) -> Result<()> {
    for workers in [1, 4] {
        let folder = Scratch::new("bench-fleet")?;
        let stage = FaultyStage::start(envoy, &folder, HEALTH, workers)?;
        let (before, since) = (stage.upstream.probes(), Instant::now());
        thread::sleep(PROBED);
        let probes = stage.upstream.probes() - before;
        println!(
            "probes of a pod with {workers} workers, interval 1s: {probes} in {:.1} s",
            since.elapsed().as_secs_f64()
        );
    }
    Ok(())
}

/// What a pod pulls.
fn image() -> Result<()> {
    let folder = Scratch::new("bench-fleet")?;
    let file = folder.path().join("filter.tar");
    let build = Command::new(sallyport()?).args(["image", "build", "--output"]).arg(&file).output()?;
    ensure!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
    println!("the filter's image, as an archive: {} KiB", fs::metadata(file)?.len() / 1024);
    Ok(())
}
