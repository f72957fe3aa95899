//! Changed rules go through three gateways under load, wave by wave, and lose no request; a bad change is found in shadow, and
//! goes back in one step.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::cluster::doorway::Doorway;
use sallyport_tests::cluster::network::command_in;
use sallyport_tests::cluster::stage::Site;
use sallyport_tests::cluster::{Cluster, curl_from_outside, scene, stage};
use sallyport_tests::echo::Echo;
use sallyport_tests::process::{Program, Stdout};
use serde_json::Value;

const GATEWAYS: [&str; 3] = ["httpbin", "second", "third"];
const RULES: &str = "authz:
    rules:
    # Both of them read.
    - {id: readers, action: ALLOW, from: [{source: {serviceAccounts: [httpbin/sleep, other/stranger]}}]}";
const ROLLOUT: &str = "apiVersion: sallyport.dev/v1alpha1
kind: Rollout
metadata: {name: rollout}
spec:
  waves:
  - {name: first, gateways: [egress/httpbin]}
  gates: {canary: {steps: [50]}}
";

/// A candidate that has one more rule.
fn candidate(gateway: &str, rule: &str) -> String {
    format!(
        "apiVersion: sallyport.dev/v1alpha1
kind: Candidate
metadata: {{name: {gateway}, namespace: egress}}
spec:
  rules:
  - {rule}
"
    )
}

#[test]
fn changed_rules_go_through_three_gateways() {
    let authority = Authority::new("public authority").unwrap();
    scene(stage::cluster("cluster-promotion", &authority), |cluster| exercise(cluster, &authority));
}

fn exercise(cluster: &Cluster, authority: &Authority) -> Result<()> {
    let names = [stage::UPSTREAM, "second.org", "third.org"];
    let echo = Echo::start(&authority.server(cluster.scratch(), "upstreams", &names)?)?;
    let _doorway = Doorway::open(cluster.bridge(), echo.address())?;
    let site = Site::new(cluster, "1.31")?;
    for name in GATEWAYS {
        site.apply(name, &stage::egress(name, "[]").replace("authz: {rules: []}", RULES))?;
    }
    for name in GATEWAYS {
        site.wait_ready(name)?;
        for (namespace, caller) in [("httpbin", "sleep"), ("other", "stranger")] {
            cluster.wait_for(namespace, caller, &url(name, "a"), |answer| answer.status == 200)?;
        }
    }
    a_change_that_nobody_notices(cluster, &site)?;
    a_change_that_breaks_a_caller(cluster, &site)
}

fn a_change_that_nobody_notices(cluster: &Cluster, site: &Site<'_>) -> Result<()> {
    site.write("rollout", ROLLOUT)?;
    for name in GATEWAYS {
        let no_old = "{id: no-old, action: DENY, to: [{operation: {paths: [/anything/old]}}]}";
        site.write(&format!("{name}.candidate"), &candidate(name, no_old))?;
    }
    let load = GATEWAYS.map(|name| stream(cluster, name));
    let mut steps = 0;
    while GATEWAYS.iter().any(|name| site.folder().join(format!("{name}.candidate.yaml")).exists()) {
        let said = site.sallyport(&["promote", "--without-evidence", "nobody asks for it"])?;
        roll_out(cluster, site).with_context(|| said)?;
        steps += 1;
        ensure!(steps <= 8, "two waves take four steps each");
    }
    ensure!(steps == 8, "{steps} steps");
    for name in GATEWAYS {
        let text = fs::read_to_string(site.folder().join(format!("{name}.yaml")))?;
        ensure!(text.contains("# Both of them read.") && text.contains("id: no-old"), "{text}");
        cluster.wait_for("other", "stranger", &url(name, "old"), |answer| answer.status == 403)?;
    }
    let mut all = 0;
    for program in load {
        let program = program?;
        let log = program.log();
        let lost: Vec<&str> = log.lines().filter(|line| *line != "200").collect();
        ensure!(lost.is_empty(), "{} requests were lost: {lost:?}", lost.len());
        all += log.lines().count();
    }
    ensure!(all > 300, "the load was thin: {all}");
    eprintln!("{all} requests while changed rules went through three gateways, none lost");
    Ok(())
}

fn a_change_that_breaks_a_caller(cluster: &Cluster, site: &Site<'_>) -> Result<()> {
    let no_stranger = "{id: no-stranger, action: DENY, from: [{source: {serviceAccounts: [other/stranger]}}]}";
    site.write("httpbin.candidate", &candidate("httpbin", no_stranger))?;
    site.sallyport(&["promote", "--to", "shadow"])?;
    roll_out(cluster, site)?;
    has_what_was_built(cluster, site)?;
    let entered = |caller: &str| -> Result<bool> {
        let pages = stats(cluster, "httpbin")?;
        let mark = format!("allowed_refused_cluster_2elocal_2fns_{caller}");
        Ok(pages.lines().any(|line| line.contains("sallyport_region_") && line.contains(&mark)))
    };
    for _ in 0..3 {
        for (namespace, caller) in [("httpbin", "sleep"), ("other", "stranger")] {
            let answer = cluster.curl(namespace, caller, &[&url("httpbin", "a")])?;
            ensure!(answer.status == 200, "shadow decides nothing: {answer:?}");
        }
    }
    cluster.wait("count of who would be refused", || entered("2fother_2fsa_2fstranger"))?;
    ensure!(!entered("2fhttpbin_2fsa_2fsleep")?, "only one caller would be");
    // Somebody does not look.
    site.sallyport(&["promote", "--to", "enforce", "--without-evidence", "it will be fine"])?;
    roll_out(cluster, site)?;
    cluster.wait_for("other", "stranger", &url("httpbin", "a"), |answer| answer.status == 403)?;
    site.sallyport(&["rollback"])?;
    roll_out(cluster, site)?;
    for (namespace, caller) in [("httpbin", "sleep"), ("other", "stranger")] {
        let answer = cluster.curl(namespace, caller, &[&url("httpbin", "a")])?;
        ensure!(answer.status == 200, "one step leads back: {answer:?}");
    }
    Ok(())
}

/// What the workers say is the digest of what `build` writes: of the configuration, which istiod writes anew, and of the filter.
fn has_what_was_built(cluster: &Cluster, site: &Site<'_>) -> Result<()> {
    let status: Value = serde_json::from_str(&site.sallyport(&["status", "--quiet", "httpbin", "--format", "json"])?)?;
    let digest = status["gateways"][0]["digest"].as_str().context("no digest")?;
    let found = in_use(cluster, "httpbin")?;
    ensure!(found.len() == 1 && found.iter().all(|(name, _)| name.contains(digest)), "{digest}: {found:?}");
    Ok(())
}

/// Builds, applies, and waits until every worker of every gateway has what was built.
fn roll_out(cluster: &Cluster, site: &Site<'_>) -> Result<()> {
    let before = GATEWAYS.map(|name| in_use(cluster, name));
    let old = GATEWAYS.map(|name| plugin(site, name));
    site.build()?;
    for ((name, before), old) in GATEWAYS.into_iter().zip(before).zip(old) {
        let before = before?;
        site.apply_built(name)?;
        if plugin(site, name)? != old? {
            // All of them, and Envoy's main thread.
            cluster.wait_until("workers with the new configuration", || {
                let now = in_use(cluster, name)?;
                let workers: u32 = concurrency(cluster, name)?.parse()?;
                let all = (workers + 1).to_string();
                let is_new = now.len() == 1 && now != before && now.iter().all(|(_, count)| *count == all);
                ensure!(is_new, "{name}: {before:?}, now {now:?}");
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// The text of the built object that has the filter's configuration.
fn plugin(site: &Site<'_>, name: &str) -> Result<String> {
    let files = fs::read_dir(site.manifests(name))?.collect::<std::io::Result<Vec<_>>>()?;
    let texts = files.iter().filter_map(|file| fs::read_to_string(file.path()).ok());
    texts.into_iter().find(|text| text.contains("kind: TrafficExtension")).context("no plugin was built")
}

/// Which configurations are in use, and by how many.
fn in_use(cluster: &Cluster, name: &str) -> Result<Vec<(String, String)>> {
    let pages = stats(cluster, name)?;
    let lines = pages.lines().filter(|line| line.contains("sallyport_workers_") && !line.starts_with('#'));
    let counts = lines.filter_map(|line| line.rsplit_once(' '));
    Ok(counts.filter(|(_, count)| *count != "0").map(|(name, count)| (name.to_owned(), count.to_owned())).collect())
}

/// How many workers Envoy has.
fn concurrency(cluster: &Cluster, name: &str) -> Result<String> {
    let pages = stats(cluster, name)?;
    let line = pages.lines().find(|line| line.starts_with("envoy_server_concurrency"));
    Ok(line.and_then(|line| line.rsplit_once(' ')).context("no envoy_server_concurrency")?.1.to_owned())
}

/// What the gateway's agent tells Prometheus.
fn stats(cluster: &Cluster, name: &str) -> Result<String> {
    let (_, gateway) = cluster.pod("egress", &format!("{name}-egress"))?;
    Ok(curl_from_outside(&[&format!("http://{gateway}:{}/stats/prometheus", stage::AGENT)])?.body)
}

fn url(name: &str, what: &str) -> String {
    format!("http://{name}.legacy.internal/anything/{what}")
}

/// A stream of requests that are allowed all the time, until it is dropped; it logs a status a line.
fn stream(cluster: &Cluster, name: &str) -> Result<Program> {
    let (inside, _) = cluster.pod("httpbin", "sleep")?;
    let mut command = command_in(&inside, "sh");
    let url = url(name, "[1-50]");
    let script =
        format!("while :; do curl -s -o /dev/null -w '%{{http_code}}\\n' --max-time 5 '{url}'; sleep 0.2; done");
    command.args(["-c", &script]);
    std::thread::sleep(Duration::from_millis(100));
    Program::start(&format!("allowed-{name}"), cluster.scratch().path(), &mut command, Stdout::Log)
}
