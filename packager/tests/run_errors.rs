//! The errors of `sallyport run` when it cannot start, each with its exit code. They need no Envoy.

#![expect(clippy::unwrap_used, reason = "a broken assumption ends the test")]

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

const EGRESS: &str = "apiVersion: sallyport.dev/v1alpha1\nkind: Egress\nmetadata: {name: a, namespace: a}\n\
                      spec: {host: a.internal, upstream: {host: 127.0.0.1, port: 1, tls: {mode: NONE}}}\n";

/// Runs in a directory with `egress.yaml` and `filter.wasm`; checks the exit code and the first line of stderr.
fn check(arguments: &[&str], code: i32, line: &str) {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("egress.yaml"), EGRESS).unwrap();
    fs::write(home.path().join("bad.yaml"), "kind: [").unwrap();
    fs::write(home.path().join("filter.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let output = run(home.path(), arguments);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stdout}{stderr}");
    let said = stderr.lines().chain(stdout.lines()).find(|line| !line.starts_with("starting ")).unwrap_or_default();
    assert!(said.starts_with(line), "{arguments:?}: {said}");
}

fn run(home: &Path, arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_sallyport"))
        .arg("run")
        .args(arguments)
        .current_dir(home)
        .env_remove("SALLYPORT_ENVOY")
        .env("PATH", "/nowhere")
        .output()
        .unwrap()
}

#[test]
fn without_envoy() {
    check(&["egress.yaml"], 4, "error: no Envoy was found");
    check(&["egress.yaml", "--envoy", "nope"], 4, "error: `nope` from --envoy is not an executable file");
    check(&["egress.yaml", "--envoy", "egress.yaml"], 4, "error: `egress.yaml` from --envoy is not an executable file");
}

#[test]
fn without_the_filter() {
    check(&["egress.yaml", "--envoy", "/bin/true", "--wasm", "nope"], 7, "error: cannot read `nope`");
    check(&["egress.yaml", "--envoy", "/bin/true", "--wasm", "bad.yaml"], 7, "error: `bad.yaml` is not a wasm module");
}

#[test]
fn with_a_port_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let line = format!("error: port {port} of 127.0.0.1 is in use");
    let base = ["egress.yaml", "--envoy", "/bin/true", "--wasm", "filter.wasm"];
    check(&[&base[..], &["--port", &port]].concat(), 5, &line);
    check(&[&base[..], &["--port", "0", "--admin-port", &port]].concat(), 5, &line);
}

#[test]
fn with_an_envoy_that_exits_at_once() {
    let base = ["egress.yaml", "--wasm", "filter.wasm", "--port", "0"];
    check(&[&base[..], &["--envoy", "/bin/false"]].concat(), 6, "error: Envoy exited unexpectedly (exit status: 1)");
}

#[test]
fn with_an_invalid_file() {
    check(&["bad.yaml"], 1, "error[SP");
    check(&["nope.yaml"], 3, "error[SP");
    check(&["."], 3, "error: `.` is not a file");
}

#[test]
fn with_invalid_arguments() {
    check(&["egress.yaml", "--port", "70000"], 64, "error: invalid value '70000' for '--port <N>'");
    check(&["egress.yaml", "--caller", "x"], 64, "error: invalid value 'x' for '--caller <NS/SA>'");
    check(&["egress.yaml", "--upstream", "x"], 64, "error: invalid value 'x' for '--upstream <HOST:PORT>'");
}
