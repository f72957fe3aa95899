//! Every file of deploy/examples on a machine without a mesh: `sallyport run` with a real Envoy, and an upstream that answers.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use anyhow::{Context, Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::client::Request;
use sallyport_tests::echo::Echo;
use sallyport_tests::envoys::newest_envoy;
use sallyport_tests::gate::{Gate, Options};
use sallyport_tests::process::Scratch;
use sallyport_tests::upstream::Httpbin;
use sallyport_tests::workspace;

/// The names of the upstreams, which their certificates must have.
const NAMES: [&str; 3] = ["httpbin.org", "ledger.corp.example", "api.partner.example"];

#[test]
fn every_example_gets_an_answer() {
    newest_envoy("examples", |envoy, scratch| {
        let mut folders = 0;
        for folder in fs::read_dir(workspace().join("deploy/examples"))? {
            let folder = folder?;
            if folder.path().is_dir() {
                let name = folder.file_name().to_string_lossy().into_owned();
                let egress = fs::read_to_string(folder.path().join("egress.yaml"))?;
                example(&envoy.path, &scratch.folder(&name)?, &name, &egress).with_context(|| name.clone())?;
                folders += 1;
            }
        }
        ensure!(folders == 4, "{folders} examples");
        Ok(())
    });
}

/// A caller of each example, a request that its policy allows, and the status of the upstream.
fn example(envoy: &std::path::Path, home: &std::path::Path, name: &str, egress: &str) -> Result<()> {
    let scratch = Scratch::new(&format!("examples-{name}"))?;
    let authority = Authority::new("upstream authority")?;
    let ca = authority.write(&scratch, "upstream-ca")?;
    let server = authority.server(&scratch, "upstream", &NAMES)?;
    let client = authority.client(&scratch, "client", "spiffe://corp.example/gateway")?;
    let secret = |secret: &str, key: &str, content: &[u8]| -> Result<()> {
        fs::create_dir_all(home.join(secret))?;
        Ok(fs::write(home.join(secret).join(key), content)?)
    };
    secret("ledger-upstream-tls", "ca.crt", &fs::read(&ca)?)?;
    secret("ledger-upstream-tls", "tls.crt", &fs::read(&client.certificate)?)?;
    secret("ledger-upstream-tls", "tls.key", &fs::read(&client.key)?)?;
    secret("partner-api-key", "token", b"s3cret")?;
    let echo = Echo::start(&server)?;
    // It asks its clients for a certificate, and knows none of the paths.
    let mutual = Httpbin::start(&scratch, &server, Some(&ca))?;
    let (upstream, account, path, status) = match name {
        "httpbin" => (echo.address(), "httpbin/sleep", "/get", 200),
        "ledger" => (mutual.address(), "accounting/reports", "/v1/accounts/1", 404),
        "mainframe" => (plaintext()?, "branch/inquiry", "/cics/inquiry/1", 200),
        "partner" => (echo.address(), "shop/orders", "/orders", 200),
        _ => anyhow::bail!("a new example: say here who asks it for what"),
    };
    let options = Options { envoy, egress, upstream, authority: &ca, callers: &[] };
    let secrets = home.display().to_string();
    let gate = Gate::start_with(&scratch, &options, &["--secrets", &secrets])?;
    let reply = gate.caller(account)?.send(&Request::get(path))?;
    ensure!(reply.status == status, "{reply:?}\n{}", gate.access_log()?);
    if name == "partner" {
        let seen = echo.take().pop().context("the upstream got nothing")?;
        ensure!(seen.texts("x-api-key") == ["s3cret"], "{seen:?}");
    }
    Ok(())
}

/// A server that answers every request in plaintext, until the test ends.
fn plaintext() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            thread::spawn(move || {
                let Ok(requests) = connection.try_clone() else { return };
                for line in BufReader::new(requests).lines().map_while(Result::ok) {
                    if line.is_empty() && connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").is_err()
                    {
                        return;
                    }
                }
            });
        }
    });
    Ok(address)
}
