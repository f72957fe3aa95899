//! The errors of `sallyport run` when it cannot start, each with its exit code. They need no Envoy.

#![expect(clippy::unwrap_used, reason = "a broken assumption ends the test")]

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

const EGRESS: &str = "apiVersion: sallyport.dev/v1alpha1\nkind: Egress\nmetadata: {name: a, namespace: a}\n\
                      spec:\n  host: a.internal\n  upstream: {host: 127.0.0.1, port: 1, tls: {mode: NONE}}\n";
const CREDENTIAL: &str = "  headers: {credential: {name: authorization, prefix: \"Bearer \", secretName: key-of-a}}\n";
const CERTIFICATES: &str = "--ca-certificates";
const FAILOVER: &str = "  health: {override: forceOpen, failover: [b]}\n";

/// Runs in a directory with `egress.yaml` and `filter.wasm`; checks the exit code and the first line of stderr.
fn check(arguments: &[&str], code: i32, line: &str) {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("egress.yaml"), EGRESS).unwrap();
    fs::write(home.path().join("other.yaml"), EGRESS.replace("name: a,", "name: b,").replace("a.int", "b.int"))
        .unwrap();
    fs::write(home.path().join("secret.yaml"), EGRESS.to_owned() + CREDENTIAL).unwrap();
    let of_b = EGRESS.replace("name: a,", "name: b,").replace("a.int", "b.int") + CREDENTIAL;
    fs::write(home.path().join("secret-of-b.yaml"), of_b).unwrap();
    fs::write(home.path().join("failover.yaml"), EGRESS.to_owned() + FAILOVER).unwrap();
    fs::write(home.path().join("tls.yaml"), EGRESS.replace("NONE", "SIMPLE")).unwrap();
    fs::write(home.path().join("empty.pem"), "").unwrap();
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
fn an_output_that_is_no_file() {
    for (value, help) in [("json", "write `--format json`"), ("a.txt", "redirect stdout into the file")] {
        let home = tempfile::tempdir().unwrap();
        let output = run(home.path(), &["egress.yaml", "--output", value]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{stderr}");
        assert!(stderr.contains(help), "{value}: {stderr}");
    }
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
fn with_the_port_of_the_kubelet() {
    let base = ["egress.yaml", "--envoy", "/bin/true", "--wasm", "filter.wasm"];
    check(&[&base[..], &["--port", "8081"]].concat(), 5, "error: port 8081 is for the kubelet's probes");
}

#[test]
fn with_something_missing_that_the_file_refers_to() {
    let with = |file| [file, "--envoy", "/bin/true", "--wasm", "filter.wasm", "--port", "0"];
    let line = "error: the credential of the Egress `a/a` (Secret `key-of-a`, key `token`) does not exist";
    check(&with("secret.yaml"), 3, line);
    // Of several Egresses.
    let both = [&["secret-of-b.yaml"][..], &with("secret.yaml")].concat();
    let line = "error: 2 things that gateways need do not exist: the credential of the Egress `a/b` (";
    check(&both, 3, line);
    let folder = |file, folder| [&with(file)[..], &["--secrets", folder]].concat();
    check(&folder("secret.yaml", "nope"), 3, "error: the folder `nope` from --secrets does not exist");
    check(&folder("egress.yaml", "bad.yaml"), 3, "error: the folder `bad.yaml` from --secrets is not a directory");
    check(&with("failover.yaml"), 1, "error: SP9107: the Egress `a/a`: its standby `a/b` is not among the files");
}

#[test]
fn with_certificates_that_are_none() {
    let with = |path| ["tls.yaml", "--envoy", "/bin/true", "--wasm", "filter.wasm", "--port", "0", CERTIFICATES, path];
    for (path, what) in [
        ("nope.pem", "does not exist"),
        ("/", "is a directory"),
        ("/dev/null", "is not a regular file"),
        ("tls.yaml", "is not PEM"),
        ("filter.wasm", "is binary, not PEM: `openssl x509`, `pkey` and `pkcs12` convert it"),
        ("empty.pem", "is empty"),
    ] {
        check(&with(path), 3, &format!("error: the file `{path}` from --ca-certificates {what}"));
    }
}

#[test]
fn with_addresses_for_no_upstream() {
    let line = "error: --upstream is for one Egress, but there are several";
    check(&["egress.yaml", "other.yaml", "--upstream", "127.0.0.1:1"], 64, line);
    check(&["egress.yaml", "--connect", "z=127.0.0.1:1"], 64, "error: --connect names no Egress: `z`");
    check(&["egress.yaml", "--connect", "a"], 64, "error: invalid value 'a' for '--connect <NAME=HOST:PORT>'");
}

#[test]
fn with_an_envoy_that_exits_at_once() {
    let base = ["egress.yaml", "--wasm", "filter.wasm", "--port", "0"];
    check(&[&base[..], &["--envoy", "/bin/false"]].concat(), 6, "error: Envoy exited unexpectedly (exit status: 1)");
}

/// It says what it waits for, and ends when Envoy does.
#[test]
fn with_an_envoy_that_does_not_get_ready() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("egress.yaml"), EGRESS).unwrap();
    fs::write(home.path().join("filter.wasm"), b"\0asm\x01\0\0\0").unwrap();
    // Written by a program of its own: a test that starts another at this moment would keep the file open for writing.
    let script = "printf '#!/bin/sh\n/bin/sleep 6\nexit 3\n' > envoy && chmod +x envoy";
    assert!(Command::new("/bin/sh").args(["-c", script]).current_dir(home.path()).status().unwrap().success());
    let base = ["egress.yaml", "--wasm", "filter.wasm", "--port", "0", "--envoy", "./envoy", "--dir", "kept"];
    let output = run(home.path(), &base);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{stderr}");
    for line in [
        "Envoy is not ready after 5 s: it waits for its admin interface; its log is ",
        "error: Envoy exited unexpectedly (exit status: 3)",
        "  help: Envoy's log, `envoy.log`, is in `kept`",
    ] {
        assert!(stderr.lines().any(|said| said.starts_with(line)), "{line}: {stderr}");
    }
}

/// Its files could be overwritten.
#[test]
fn with_a_directory_of_others() {
    let base = ["egress.yaml", "--wasm", "filter.wasm", "--port", "0", "--envoy", "/bin/false"];
    let line = "error: `.` is not empty, and was not made by `sallyport run`";
    check(&[&base[..], &["--dir", "."]].concat(), 3, line);
    check(&[&base[..], &["--dir", "new"]].concat(), 6, "error: Envoy exited unexpectedly");
}

#[test]
fn with_an_invalid_file() {
    check(&["bad.yaml"], 1, "error[SP");
    check(&["nope.yaml"], 3, "error[SP");
    check(&["no/such/folder"], 3, "error[SP");
}

#[test]
fn with_invalid_arguments() {
    check(&["-"], 64, "error: `run` cannot read standard input, because it watches its files");
    check(&[], 64, "error: the following required arguments were not provided:");
    check(&["egress.yaml", "--port", "70000"], 64, "error: invalid value '70000' for '--port <N>'");
    check(&["egress.yaml", "--caller", "x"], 64, "error: invalid value 'x' for '--caller <NS/SA>'");
    check(&["egress.yaml", "--upstream", "x"], 64, "error: invalid value 'x' for '--upstream <HOST:PORT>'");
}
