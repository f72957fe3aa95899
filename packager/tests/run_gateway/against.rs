//! `sallyport test --against` a gateway that `sallyport run` serves.

use std::fs;
use std::process::{Command, Output};

use super::session::{Session, egress};
use super::upstream::Upstream;

const CASES: &str = "\
apiVersion: sallyport.dev/v1alpha1
kind: Cases
groups:
- name: readers
  from: {serviceAccounts: [httpbin/sleep]}
  expect: {verdict: DENY, reason: not_allowed}
  cases:
  - {to: {paths: [/get]}, expect: {verdict: ALLOW, rule: readers}}
  - {to: {methods: [DELETE], paths: [/get]}}
  - {to: {paths: [/get%2fx]}, expect: {verdict: DENY, reason: ambiguous_request, ambiguity: escapedSlash, status: 400}}
  - {from: {anonymous: true}, to: {paths: [/get]}, expect: {verdict: DENY, reason: no_identity, status: 401}}
  - {from: {serviceAccounts: [httpbin/unknown]}, to: {paths: [/get]}}
  - {from: {anonymous: true, claims: {iss: a}}, to: {paths: [/get]}, expect: {verdict: DENY, reason: no_identity}}
";

fn replay(session: &Session, folder: &std::path::Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sallyport"));
    command.args(["test", "--against", &format!("https://127.0.0.1:{}", session.port()), "--cert-dir"]);
    command.arg(session.directory().join("callers")).args(arguments).arg(folder).output().unwrap()
}

#[test]
#[ignore = "needs Envoy: make test"]
fn cases_are_replayed_on_a_gateway() {
    let upstream = Upstream::start();
    let file = egress("GET", upstream.port());
    let session = Session::start(&file, &[]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("egress.yaml"), &file).unwrap();
    fs::write(folder.path().join("cases.yaml"), CASES).unwrap();

    let served = upstream.served();
    let output = replay(&session, folder.path(), &[]);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{stdout}{stderr}");
    assert!(stdout.contains("3 cases passed"), "{stdout}");
    for skipped in ["would reach the upstream", "there is no certificate `httpbin.unknown.pem`", "it needs a token"] {
        assert!(stderr.contains(skipped), "{stderr}");
    }
    assert_eq!(upstream.served(), served, "only refusals were sent");

    let output = replay(&session, folder.path(), &["--send-allowed"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("4 cases passed"), "{output:?}");
    assert!(upstream.served() > served);

    // The gateway has another policy than the file.
    fs::write(folder.path().join("egress.yaml"), file.replace("methods: [GET]", "methods: [POST]")).unwrap();
    fs::write(
        folder.path().join("cases.yaml"),
        CASES.replace("verdict: ALLOW, rule: readers", "verdict: DENY, reason: not_allowed"),
    )
    .unwrap();
    let output = replay(&session, folder.path(), &[]);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{stdout}");
    assert!(stdout.contains("`verdict`: expected DENY, got ALLOW"), "{stdout}");
}
