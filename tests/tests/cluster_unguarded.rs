//! No unguarded moment: while everything is made, edited and taken away, not one forbidden request gets through.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::cluster::doorway::Doorway;
use sallyport_tests::cluster::network::command_in;
use sallyport_tests::cluster::stage::Site;
use sallyport_tests::cluster::{Cluster, scene, stage};
use sallyport_tests::echo::Echo;
use sallyport_tests::process::{Program, Stdout};

const URL: &str = "http://httpbin.legacy.internal/status/200";
/// What the filter marks a request with that may go to the upstream.
const MARK: &str = "x-sallyport-route: egress/httpbin";
const RULES: &str = "[{id: readers, action: ALLOW, from: [{source: {serviceAccounts: [httpbin/sleep]}}]}]";

#[test]
fn no_forbidden_request_passes_at_any_time() {
    let authority = Authority::new("public authority").unwrap();
    scene(stage::cluster("cluster-unguarded", &authority), |cluster| exercise(cluster, &authority));
}

fn exercise(cluster: &Cluster, authority: &Authority) -> Result<()> {
    let echo = Echo::start(&authority.server(cluster.scratch(), "upstream", &[stage::UPSTREAM])?)?;
    let _doorway = Doorway::open(cluster.bridge(), echo.address())?;
    let stream = forbidden(cluster)?;

    let site = Site::new(cluster, "1.31")?;
    site.serve("httpbin", &stage::egress("httpbin", RULES))?;
    cluster.wait("answer for sleep", || Ok(cluster.curl("httpbin", "sleep", &[URL])?.status == 200))?;
    for round in 0..5 {
        site.apply("httpbin", &stage::egress("httpbin", &RULES.replace("readers", &format!("r{round}"))))?;
        std::thread::sleep(Duration::from_secs(1));
        ensure!(cluster.curl("httpbin", "sleep", &[URL])?.status == 200, "an edit cost the allowed caller its answer");
    }
    let refused = || stream.log().lines().filter(|line| *line == "403").count();
    let before = refused();
    ensure!(before > 100, "the stream was thin: {before} refusals");

    // The policy alone, from a gateway that goes on: a route that only the filter's mark opens is closed to everyone.
    // The EnvoyFilter, which removes the mark of a caller, is not in that file.
    let plugin = site.manifests("httpbin").join("20-plugin.yaml");
    cluster.kubectl().run(&["delete", "-f", &plugin.to_string_lossy()])?;
    cluster.wait_for("httpbin", "sleep", URL, |answer| answer.status == 404)?;
    // A connection from before keeps its filter, and with it an answer for this caller, until it is drained.
    cluster.wait("refusal of the mark of a caller", || {
        let answers: Result<Vec<_>> = (0..5).map(|_| cluster.curl("httpbin", "sleep", &["-H", MARK, URL])).collect();
        Ok(answers?.iter().all(|answer| answer.status == 404))
    })?;
    site.apply("httpbin", &stage::egress("httpbin", RULES))?;
    cluster.wait_for("httpbin", "sleep", URL, |answer| answer.status == 200)?;

    site.remove("httpbin")?;
    cluster.wait("gateway without routes", || Ok(cluster.curl("httpbin", "sleep", &[URL])?.status != 200))?;
    std::thread::sleep(Duration::from_secs(3));

    let passed = stream.log().lines().filter(|line| line.starts_with('2')).count();
    ensure!(passed == 0, "{passed} forbidden requests were answered");
    let seen = echo.take();
    ensure!(!seen.is_empty(), "the allowed caller was not seen");
    ensure!(
        seen.iter().all(|request| !request.line.contains("/forbidden")),
        "a forbidden request reached the upstream"
    );
    eprintln!(
        "{} forbidden requests, {before} of them refused by the policy, none passed",
        stream.log().lines().count()
    );
    Ok(())
}

/// A stream of requests that nobody may send, half of them with a forged mark, until it is dropped; it logs a status a line.
fn forbidden(cluster: &Cluster) -> Result<Program> {
    let (inside, _) = cluster.pod("other", "stranger")?;
    let mut command: Command = command_in(&inside, "sh");
    command.args([
        "-c",
        "while :; do for mark in x-none: \"$0\"; do curl -s -o /dev/null -w '%{http_code}\\n' --max-time 5 -H \"$mark\" \
         'http://httpbin.legacy.internal/forbidden/[1-50]'; done; done",
        MARK,
    ]);
    Program::start("forbidden", cluster.scratch().path(), &mut command, Stdout::Log)
}
