//! `sallyport run` with a real Envoy and the real filter: its output, reloading, and cleaning up.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a broken assumption ends the test"
)]

mod against;
mod session;
mod upstream;
mod upstreams;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;
use session::{Session, curl, egress};
use upstream::Upstream;

#[test]
#[ignore = "needs Envoy: make test"]
fn the_printed_commands_do_what_they_say() {
    let upstream = Upstream::start();
    let session = Session::start(&egress("GET", upstream.port()), &["--caller", "web/front"]);
    let callers = session.ready["callers"].as_array().unwrap();
    let expected =
        [("httpbin/sa/sleep", "allowed", "200"), ("web/sa/front", "refused", "403"), ("stranger", "refused", "403")];
    for (principal, expect, status) in expected {
        let caller = callers.iter().find(|caller| caller["principal"].as_str().unwrap().ends_with(principal)).unwrap();
        assert_eq!(caller["expect"], expect, "{principal}");
        assert_eq!(curl(caller["curl"].as_str().unwrap()), status, "{principal}");
    }
    assert_eq!(curl(&session.command("/get", false)), "401", "no certificate");
    let log = session.access_log(|log| log.lines().count() >= 4);
    assert!(log.contains(r#""principal":"spiffe://cluster.local/ns/httpbin/sa/sleep""#), "{log}");
}

/// The command is a pipeline, and shows the status of gRPC in a terminal.
#[test]
#[ignore = "needs Envoy: make test"]
fn a_printed_command_makes_a_grpc_call() {
    let upstream = Upstream::start();
    let file = egress("GET", upstream.port()).replace("methods: [GET], paths: [/get]", "grpc: [a.v1.B/Get]");
    let session = Session::start(&file, &[]);
    let command = |position: usize| session.ready["callers"][position]["curl"].as_str().unwrap();
    // The refusal may come before curl has sent its message, which it then takes for a broken connection.
    let mut outputs = (0..5).map(|_| session::spawn_line(command(1)).wait_with_output().unwrap());
    let mut said = Vec::new();
    let is_shown = outputs.any(|output| {
        said.push(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned());
        said.iter().any(|said| said.contains("\ngrpc-status: 7"))
    });
    assert!(is_shown, "{}: {said:?}", command(1));
    curl(command(0));
    let head = upstream.last_head().to_lowercase();
    for line in ["post /a.v1.b/get http/1.1", "te: trailers", "content-type: application/grpc"] {
        assert!(head.lines().any(|found| found == line), "{line}: {head}");
    }
}

#[test]
#[ignore = "needs Envoy: make test"]
fn an_alias_has_a_command_and_the_certificate_is_for_it() {
    let upstream = Upstream::start();
    let alias = |file: String, names: &str| file.replace("  upstream:", &format!("  aliases: [{names}]\n  upstream:"));
    let mut session = Session::start(&alias(egress("GET", upstream.port()), "old.internal"), &[]);
    let check = |event: &serde_json::Value, host: &str| {
        let found = event["aliases"].as_array().unwrap().iter().find(|found| found["host"] == host).unwrap();
        assert_eq!((&found["expect"], &found["rule"]), (&json!("allowed"), &json!("readers")), "{found}");
        assert_eq!(curl(found["curl"].as_str().unwrap()), "200", "{found}");
    };
    check(&session.ready, "old.internal");
    session.save(&alias(egress("GET", upstream.port()), "old.internal, older.internal"));
    let live = session.event("policy_live");
    ["old.internal", "older.internal"].into_iter().for_each(|host| check(&live, host));
}

#[test]
#[ignore = "needs Envoy: make test"]
fn a_saved_policy_is_live_within_a_second_and_no_connection_is_dropped() {
    let upstream = Upstream::start();
    let mut session = Session::start(&egress("GET", upstream.port()), &[]);
    // One process, one connection, forty requests over two seconds.
    let many = session.command("/get?[1-40]", true);
    let client =
        session::spawn(&format!("{many} -sS --rate 20/s -o /dev/null -w '%{{http_code}} %{{num_connects}}\\n'"));
    for methods in ["GET, POST", "GET, PUT", "GET, HEAD"] {
        sleep(Duration::from_millis(400));
        let started = Instant::now();
        session.save(&egress(methods, upstream.port()));
        let live = session.event("policy_live");
        assert!(started.elapsed() < Duration::from_secs(1), "live after {:?}: {live}", started.elapsed());
    }
    let output = client.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().filter(|line| line.starts_with("200 ")).count(), 40, "{text}");
    assert_eq!(text.lines().filter(|line| line.ends_with(" 1")).count(), 1, "{text}");
    session.save(&egress("POST", upstream.port()));
    session.event("policy_live");
    assert_eq!(curl(&session.command("/get", true)), "403");
}

#[test]
#[ignore = "needs Envoy: make test"]
fn changes_of_health_are_reported() {
    let upstream = Upstream::start();
    // The upstream answers everything with 200.
    let health = |status: u16| {
        format!(
            "  health:\n    probe: {{path: /, interval: 200ms, rise: 1, fall: 2, expect: {{statuses: [\"{status}\"]}}}}\n    \
             hold: 1ms\n    slowStart: {{duration: 1ms}}\n  authz:\n"
        )
    };
    let file = |status: u16| egress("GET", upstream.port()).replace("  authz:\n", &health(status));
    let mut session = Session::start(&file(204), &[]);
    let opened = session.event("health");
    let cause = "2 failed probes, the last: status 200";
    assert_eq!((&opened["from"], &opened["to"], &opened["cause"]), (&json!("closed"), &json!("open"), &json!(cause)));
    assert_eq!(opened["upstream"], "httpbin/httpbin");
    session.save(&file(200));
    session.event("policy_live");
    for to in ["half-open", "closed"] {
        assert_eq!(session.event("health")["to"], to);
    }
}

#[test]
#[ignore = "needs Envoy: make test"]
fn a_bad_file_is_reported_and_the_old_version_stays() {
    let upstream = Upstream::start();
    let mut session = Session::start(&egress("GET", upstream.port()), &[]);
    for bad in ["nonsense: [", "", &egress("GET", upstream.port()).replace("name: httpbin", "name: other")] {
        session.save(bad);
        let refused = session.event("policy_refused");
        assert!(!refused["diagnostics"].as_array().unwrap().is_empty(), "{refused}");
        assert_eq!((&refused["version"], &refused["versions"]), (&json!(1), &json!({"httpbin/httpbin": 1})));
        assert_eq!(curl(&session.command("/get", true)), "200");
    }
    fs::remove_file(session.file()).unwrap();
    session.event("policy_refused");
    session.save(&egress("POST", upstream.port()));
    assert_eq!(session.event("policy_live")["version"], 2);
    assert_eq!(curl(&session.command("/get", true)), "403");
}

#[test]
#[ignore = "needs Envoy: make test"]
fn the_upstream_can_be_moved() {
    let (first, second) = (Upstream::start(), Upstream::start());
    let mut session = Session::start(&egress("GET", first.port()), &[]);
    assert_eq!(curl(&session.command("/get", true)), "200");
    session.save(&egress("GET", second.port()));
    session.event("policy_live");
    assert_eq!(curl(&session.command("/get", true)), "200");
    assert_eq!((first.served(), second.served()), (1, 1));
}

#[test]
#[ignore = "needs Envoy: make test"]
fn the_endpoints_of_the_upstream_are_said() {
    let upstream = Upstream::start();
    let endpoints =
        format!("endpoints: [{{address: 127.0.0.1, port: {}}}, {{address: \"::1\"}}], tls", upstream.port());
    let file = egress("GET", 9443).replace("host: 127.0.0.1", "host: app.corp.example").replace("tls", &endpoints);
    let session = Session::start(&file, &[]);
    assert_eq!(session.ready["connectsTo"], json!([format!("127.0.0.1:{}", upstream.port()), "[::1]:9443"]));
    let session = Session::start(&egress("GET", upstream.port()), &[]);
    assert_eq!(session.ready["connectsTo"], json!([format!("127.0.0.1:{}", upstream.port())]));
}

/// As a pod has them, so that what is measured here is what a pod takes.
#[test]
#[ignore = "needs Envoy: make test"]
fn an_envoy_has_the_workers_of_its_egress() {
    let upstream = Upstream::start();
    let file = egress("GET", upstream.port());
    let three = format!("{file}  gateway: {{concurrency: 3}}\n");
    for (file, arguments, workers) in [(&file, &[][..], 2), (&three, &[], 3), (&three, &["--concurrency", "1"], 1)] {
        let session = Session::start(file, arguments);
        let output = Command::new("ps").args(["-o", "args=", "-p", &session.envoy().to_string()]).output().unwrap();
        let command = String::from_utf8(output.stdout).unwrap();
        assert!(command.contains(&format!(" --concurrency {workers} ")), "{workers}: {command}");
    }
}

/// The same bytes that a gateway in the mesh sends: with the port, an IPv6 address in brackets, and patched if there is a
/// patch.
#[test]
#[ignore = "needs Envoy: make test"]
fn the_upstream_gets_the_host_that_it_gets_in_the_mesh() {
    let upstream = Upstream::start();
    let address = format!("127.0.0.1:{}", upstream.port());
    let file = |host: &str| egress("GET", 28_444).replace("host: 127.0.0.1", &format!("host: \"{host}\""));
    let patches = "  patches: [{kind: VirtualService, name: httpbin-upstream, json: [{op: replace, \
                   path: /spec/http/0/rewrite/authority, value: named.by.a.patch}]}]\n";
    let patched = file("::1") + patches;
    let mut session = Session::start(&file("app.corp.example"), &["--upstream", &address]);
    for (text, expected) in [
        (file("app.corp.example"), "app.corp.example:28444"),
        (file("::1"), "[::1]:28444"),
        (patched, "named.by.a.patch"),
    ] {
        session.save(&text.replace("paths: [/get]", "paths: [/get, /other]"));
        session.event("policy_live");
        assert_eq!(curl(&session.command("/get", true)), "200");
        let head = upstream.last_head();
        assert!(head.to_lowercase().contains(&format!("\nhost: {expected}\n")), "{expected}: {head}");
    }
}

#[test]
#[ignore = "needs Envoy: make test"]
fn what_is_not_served_is_said_at_the_start() {
    let upstream = Upstream::start();
    let patches = "  patches:\n  - {kind: VirtualService, name: httpbin-upstream, json: [{op: add, \
                   path: /spec/http/0/fault, value: {abort: {httpStatus: 500}}}]}\n  \
                   - {kind: Deployment, merge: {spec: {replicas: 7}}}\n  \
                   - {kind: \"*\", merge: {metadata: {annotations: {team: payments}}}}\n";
    let session = Session::start(&(egress("GET", upstream.port()) + patches), &[]);
    let expected = json!([
        "Deployment/httpbin-egress: its patch",
        "* (8 manifests that are not for this Envoy): its patch",
        "VirtualService/httpbin-upstream: spec.http[0].fault",
    ]);
    assert_eq!(session.ready["notServed"], expected);
}

/// Each Egress has its listener, and the gate of one leads to the other.
#[test]
#[ignore = "needs Envoy: make test"]
fn a_standby_takes_over() {
    let (primary, standby) = (Upstream::start(), Upstream::start());
    let health = "  health: {override: forceOpen, failover: [standby]}\n";
    let other = egress("GET", standby.port())
        .replace("name: httpbin,", "name: standby,")
        .replace("host: httpbin.l", "host: standby.l");
    let session = Session::start_with(&(egress("GET", primary.port()) + health), &[("standby.yaml", &other)], &[]);
    assert_eq!(curl(session.ready["callers"][0]["curl"].as_str().unwrap()), "200");
    assert_eq!((primary.served(), standby.served()), (0, 1));
}

/// With several Egresses only those that a change is about are reported.
#[test]
#[ignore = "needs Envoy: make test"]
fn a_change_is_reported_for_the_egress_that_it_is_about() {
    let upstream = Upstream::start();
    let named = |name: &str, file: String| {
        file.replace("name: httpbin,", &format!("name: {name},")).replace("host: httpbin.l", &format!("host: {name}.l"))
    };
    let other = named("other", egress("GET", upstream.port()));
    let mut session = Session::start_with(&egress("GET", upstream.port()), &[("other.yaml", &other)], &[]);
    session.save(&egress("POST", upstream.port()));
    let live = session.event("policy_live");
    assert_eq!((&live["egress"], &live["version"]), (&json!("httpbin/httpbin"), &json!(2)));
    session.save(&(egress("POST", upstream.port()) + "# a comment\n"));
    let live = session.event("policy_live");
    assert_eq!((&live["egress"], &live["version"]), (&json!("httpbin/httpbin"), &json!(2)));
    session.save("nonsense: [");
    let refused = session.event("policy_refused");
    assert_eq!(refused["versions"], json!({"httpbin/httpbin": 2, "httpbin/other": 1}));
}

#[test]
#[ignore = "needs Envoy: make test"]
fn nothing_is_left_when_it_ends() {
    let upstream = Upstream::start();
    for signal in ["INT", "TERM", "HUP"] {
        let mut session = Session::start(&egress("GET", upstream.port()), &[]);
        let (envoy, directory) = (session.envoy(), session.directory());
        session.signal(signal);
        assert_eq!(session.end(), Some(0), "{signal}");
        assert!(!session::is_running(envoy) && !Path::new(&directory).exists(), "{signal}");
    }
    let mut killed = Session::start(&egress("GET", upstream.port()), &[]);
    let (envoy, directory) = (killed.envoy(), killed.directory());
    killed.signal("KILL");
    killed.end();
    let deadline = Instant::now() + Duration::from_secs(2);
    while session::is_running(envoy) && Instant::now() < deadline {
        sleep(Duration::from_millis(10));
    }
    assert!(!session::is_running(envoy), "Envoy outlives `kill -9`");
    // The process that would remove it is dead.
    fs::remove_dir_all(directory).unwrap();
}

/// What only Envoy can find wrong: something in DER that is no certificate.
#[test]
#[ignore = "needs Envoy: make test"]
fn what_envoy_rejects_is_said_in_its_own_words() {
    let home = tempfile::tempdir().unwrap();
    let certificate = home.path().join("ca.pem");
    fs::write(&certificate, "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n").unwrap();
    let file = egress("GET", 9443).replace("mode: NONE", "mode: SIMPLE");
    let (code, errors) = session::failure(&file, &["--ca-certificates", &certificate.to_string_lossy()]);
    assert_eq!(code, Some(6), "{errors}");
    let expected = "error: Envoy rejects its configuration: Error adding/updating cluster(s) outbound|9443||";
    assert!(errors.contains(expected) && errors.contains("/ca.pem"), "{errors}");
    assert!(errors.contains("--dir DIR keeps Envoy's log"), "{errors}");
}

#[test]
#[ignore = "needs Envoy: make test"]
fn an_envoy_that_dies_is_one_line_and_exit_code_6() {
    let upstream = Upstream::start();
    let mut session = Session::start(&egress("GET", upstream.port()), &[]);
    session::kill(session.envoy(), "SEGV");
    assert_eq!(session.end(), Some(6));
    let errors = session.errors();
    assert!(errors.contains("error: Envoy exited unexpectedly (signal: 11"), "{errors}");
}
