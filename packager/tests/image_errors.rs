//! The errors of `sallyport image`, and its answer to a registry that asks for a token.

#![expect(clippy::unwrap_used, reason = "a broken assumption ends the test")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::thread;

fn image(arguments: &[&str], docker: Option<&str>) -> Output {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("text.wasm"), "text").unwrap();
    fs::write(home.path().join("empty.wasm"), b"\0asm\x01\0\0\0").unwrap();
    if let Some(configuration) = docker {
        fs::write(home.path().join("config.json"), configuration).unwrap();
    }
    Command::new(env!("CARGO_BIN_EXE_sallyport"))
        .arg("image")
        .args(arguments)
        .current_dir(home.path())
        .env("DOCKER_CONFIG", home.path())
        .output()
        .unwrap()
}

/// Checks the exit code, and that stderr contains the text.
fn check(arguments: &[&str], code: i32, words: &str) {
    let output = image(arguments, None);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    assert!(said.contains(words), "{arguments:?}: {said}");
}

#[test]
fn a_bad_reference_is_wrong_usage() {
    let both = format!("ghcr.io/a/b:1@sha256:{}", "0".repeat(64));
    for verb in ["push", "verify"] {
        check(&[verb, "ghcr.io/Acme/filter"], 64, "upper-case letters");
        check(&[verb, "ghcr.io"], 64, "there is no repository");
        check(&[verb, "acme/filter"], 64, "such as `docker.io/acme/filter`");
        check(&[verb, "oci://ghcr.io/acme/filter"], 64, "has no scheme");
        check(&[verb, &both], 64, "a tag and a digest");
    }
    check(&["verify", "ghcr.io/a/b", "--expect", "sha256:1"], 64, "is not a digest");
}

#[test]
fn a_missing_or_invalid_module_is_reported() {
    check(&["build", "--wasm", "none.wasm"], 3, "cannot read `none.wasm`: no such file");
    check(&["build", "--wasm", "text.wasm"], 3, "`text.wasm` is not a wasm module");
    check(&["build", "--wasm", "empty.wasm"], 1, "error[SP3012]: the module does not export");
    check(&["build", "--wasm", "empty.wasm", "--quiet"], 1, "error[SP3012]: the module does not export");
    check(&["verify", "--layout", "none.tar"], 3, "cannot read `none.tar`");
    check(&["verify", "--layout", "."], 3, "`.` is not an OCI image layout");
}

/// This very program is what the tests are built for: one that is linked dynamically on most machines.
#[test]
fn a_program_that_cannot_be_the_image_is_reported() {
    check(&["build", "--of", "command", "--program", "none"], 3, "cannot read `none`: no such file");
    check(&["build", "--of", "command", "--program", "text.wasm"], 1, "error[SP3018]: the program is not an ELF file");
    check(&["build", "--program", "text.wasm"], 64, "`--program` needs `--of command`");
    check(&["build", "--of", "command", "--wasm", "empty.wasm"], 64, "`--wasm` needs `--of filter`");
    check(&["build", "--of", "shell"], 64, "possible values: filter, command");
    let push = ["push", "localhost:1/a/b", "--of", "command", "--lock", "sallyport.lock"];
    check(&push, 64, "`--lock` pins the filter");
    check(&["push", "localhost:1/a/b", "--layout", "x", "--program", "y"], 64, "cannot be used with");
    check(&["push", "localhost:1/a/b", "--layout", "x", "--wasm", "y"], 64, "cannot be used with");
}

#[test]
fn an_unreachable_registry_is_reported() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let name = format!("127.0.0.1:{port}/a/b");
    check(&["verify", &name], 3, &format!("cannot connect to the registry `127.0.0.1:{port}`: connection refused"));
}

#[test]
fn every_finding_has_a_manual() {
    for number in 3001..=3019 {
        let code = format!("SP{number}");
        let output =
            Command::new(env!("CARGO_BIN_EXE_sallyport")).args(["check", "--explain", &code]).output().unwrap();
        assert!(output.status.success() && output.stdout.starts_with(code.as_bytes()), "{output:?}");
    }
}

/// A registry that is busy at first, asks for a token, and has no images.
fn token_registry() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let answer = answer(&request(&stream), number, port);
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    port
}

fn request(stream: &TcpStream) -> String {
    let lines = BufReader::new(stream).lines().map(|line| line.unwrap() + "\n");
    lines.take_while(|line| line != "\n").collect()
}

fn answer(request: &str, number: usize, port: u16) -> String {
    let rest = "content-length: 0\r\nconnection: close\r\n\r\n";
    if number == 0 {
        return format!("HTTP/1.1 503 Busy\r\n{rest}");
    }
    // mesh:secret
    let known = request.contains("authorization: Basic bWVzaDpzZWNyZXQ=\n");
    if request.starts_with("GET /token?service=mine&scope=repository%3Aa%2Fb%3Apull ") && known {
        let body = r#"{"access_token": "abc"}"#;
        return format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    }
    if request.starts_with("GET /v2/a/b/manifests/latest ") && request.contains("authorization: Bearer abc\n") {
        return format!("HTTP/1.1 404 Not Found\r\n{rest}");
    }
    let challenge = format!("www-authenticate: Bearer realm=\"http://127.0.0.1:{port}/token\",service=\"mine\"\r\n");
    format!("HTTP/1.1 401 Unauthorized\r\n{challenge}{rest}")
}

#[test]
fn a_token_is_fetched_with_dockers_credentials() {
    let port = token_registry();
    let name = format!("127.0.0.1:{port}/a/b");
    let docker = format!(r#"{{"auths": {{"127.0.0.1:{port}": {{"auth": "bWVzaDpzZWNyZXQ="}}}}}}"#);
    let output = image(&["verify", &name], Some(&docker));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("error[SP3001]"), "{output:?}");
    let output = image(&["verify", &name], None);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot get a token from"), "{output:?}");
}
