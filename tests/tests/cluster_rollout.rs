//! A gateway with two replicas under load: a rolling restart loses no request, and a killed replica comes back.

use std::time::Duration;

use anyhow::{Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::cluster::doorway::Doorway;
use sallyport_tests::cluster::network::command_in;
use sallyport_tests::cluster::stage::Site;
use sallyport_tests::cluster::{Cluster, scene, stage};
use sallyport_tests::process::{Program, Stdout};

const RULES: &str = "[{id: readers, action: ALLOW, from: [{source: {serviceAccounts: [httpbin/sleep]}}]}]";
const URL: &str = "http://httpbin.legacy.internal/status/200";

#[test]
fn a_rolling_restart_loses_no_request() {
    let authority = Authority::new("public authority").unwrap();
    scene(stage::cluster("cluster-rollout", &authority), |cluster| exercise(cluster, &authority));
}

fn exercise(cluster: &Cluster, authority: &Authority) -> Result<()> {
    let httpbin = stage::httpbin(cluster, authority, &[stage::UPSTREAM])?;
    let _doorway = Doorway::open(cluster.bridge(), httpbin.address())?;
    let site = Site::new(cluster, "1.31")?;
    site.apply("httpbin", &stage::egress("httpbin", RULES).replace("replicas: 1", "replicas: 2"))?;
    let kubectl = cluster.kubectl();
    let rollout = ["rollout", "status", "deployment/httpbin-egress", "-n", "egress", "--timeout=180s"];
    kubectl.run(&rollout)?;
    cluster.wait_for("httpbin", "sleep", URL, |answer| answer.status == 200)?;

    let stream = allowed(cluster)?;
    std::thread::sleep(Duration::from_secs(1));
    kubectl.run(&["rollout", "restart", "deployment/httpbin-egress", "-n", "egress"])?;
    kubectl.run(&rollout)?;
    // The last of the old ones takes its time to drain.
    std::thread::sleep(Duration::from_secs(7));
    let log = stream.log();
    let lost: Vec<&str> = log.lines().filter(|line| *line != "200").collect();
    ensure!(lost.is_empty(), "{} of {} requests were lost: {lost:?}", lost.len(), log.lines().count());
    ensure!(log.lines().count() > 100, "the load was thin");
    drop(stream);
    eprintln!("{} requests during a rolling restart, none lost", log.lines().count());
    a_killed_replica_comes_back(cluster, &site)
}

fn a_killed_replica_comes_back(cluster: &Cluster, site: &Site<'_>) -> Result<()> {
    let restarts = || -> Result<u64> {
        let pods = cluster.kubectl().get(&["pods", "-n", "egress", "-l", "sallyport.dev/gateway=httpbin"])?;
        let pods = pods["items"].as_array().cloned().unwrap_or_default();
        let count = |pod: &serde_json::Value| pod.pointer("/status/containerStatuses/0/restartCount")?.as_u64();
        Ok(pods.iter().filter_map(count).sum())
    };
    ensure!(restarts()? == 0, "something was restarted already");
    cluster.kill("egress", "httpbin-egress")?;
    cluster.wait_for("httpbin", "sleep", URL, |answer| answer.status == 200)?;
    cluster.wait("restarted container", || Ok(restarts()? == 1))?;
    site.wait_ready("httpbin")
}

/// A stream of allowed requests, until it is dropped; it logs a status a line.
fn allowed(cluster: &Cluster) -> Result<Program> {
    let (inside, _) = cluster.pod("httpbin", "sleep")?;
    let mut command = command_in(&inside, "sh");
    command.args([
        "-c",
        "while :; do curl -s -o /dev/null -w '%{http_code}\\n' --max-time 5 \
         'http://httpbin.legacy.internal/anything/[1-50]'; done",
    ]);
    Program::start("allowed", cluster.scratch().path(), &mut command, Stdout::Log)
}
