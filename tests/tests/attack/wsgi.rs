//! A real WSGI server behind the gate: what an application reads, in whose eyes `X_Api_Key` and `x-api-key` are one.

use anyhow::{Context as _, Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::client::{Answer, Caller, Request};
use sallyport_tests::envoys::each_envoy;
use sallyport_tests::gate::{Gate, Options};
use sallyport_tests::stage::{CALLERS, UPSTREAM, egress_with};
use sallyport_tests::upstream::Environ;
use serde_json::{Map, Value};

use super::reading::folded;

const AUTHZ: &str = "rules: [{id: all, action: ALLOW, from: [{source: {namespaces: [httpbin]}}]}]\n";
const SPEC: &str = "headers:
  remove: [x-secret-thing]
  set: [{name: x-caller, value: '%{caller.namespace}/%{caller.serviceAccount}'}]
  credential: {name: x-api-key, prefix: 'Key ', secretName: s}
";
/// What the upstream is told in these is the gate's to say.
const SAID: [(&str, &str); 2] = [("x-api-key", "Key ours"), ("x-caller", "httpbin/sleep")];
/// What it is not told at all.
const GONE: [&str; 14] = [
    "x-secret-thing",
    "x-user",
    "x-remote-user",
    "remote-user",
    "x-auth-request-email",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-client-cert",
    "x-real-ip",
    "proxy-authorization",
    "x-envoy-internal",
    "x-istio-attributes",
    "x-sallyport",
    "x-sallyport-route",
];

/// A name as callers spell it who have found out how servers read it.
fn spellings(name: &str) -> [String; 5] {
    let title: String = name.split('-').map(|word| format!("{}{}-", word[..1].to_uppercase(), &word[1..])).collect();
    let title = title.trim_end_matches('-').to_owned();
    [
        name.to_owned(),
        name.replace('-', "_"),
        name.replacen('-', "_", 1),
        title.replace('-', "_"),
        name.to_uppercase().replace('-', "_"),
    ]
}

fn read(body: &[u8]) -> Result<Map<String, Value>> {
    serde_json::from_slice(body).context("no answer of the application")
}

#[test]
fn an_application_reads_what_the_gate_says_and_nothing_of_the_caller() {
    each_envoy("wsgi", |envoy, scratch| {
        let authority = Authority::new("upstream authority")?;
        let ca = authority.write(scratch, "upstream-ca")?;
        let upstream = Environ::start(scratch, &authority.server(scratch, "upstream", &[UPSTREAM])?)?;

        // Without the gate it does read both as one: else this would prove nothing.
        let direct = Caller::new("direct", "", (upstream.address(), UPSTREAM), &ca, None)?;
        let reply = direct.send(&Request::get("/").header("x-api-key", "Key ours").header("X_Api_Key", "mine"))?;
        ensure!(read(&reply.body)?.get("HTTP_X_API_KEY") == Some(&"Key ours,mine".into()), "{}", reply.text());

        let egress = egress_with(SPEC, AUTHZ);
        let options = Options {
            envoy: &envoy.path,
            egress: &egress,
            upstream: upstream.address(),
            authority: &ca,
            callers: &CALLERS,
        };
        let gate = Gate::start_with(scratch, &options, &["--concurrency", "1"])?;
        let sleep = gate.caller("httpbin/sleep")?;
        let mut wrong = Vec::new();
        for name in SAID.iter().map(|(name, _)| *name).chain(GONE) {
            for spelling in spellings(name) {
                let request = Request::get("/").header(&spelling, "mine").header("x-plain", "1");
                let mut answers = vec![sleep.send(&request)?];
                if spelling.bytes().all(|byte| !byte.is_ascii_uppercase()) {
                    answers.push(sleep.http2()?.send(&request)?);
                }
                for reply in answers {
                    // Refused is right, too: then it reads nothing.
                    if reply.status == 400 {
                        continue;
                    }
                    ensure!(reply.status == 200, "{spelling}: {reply:?}");
                    let read = read(&reply.body)?;
                    let said = SAID
                        .iter()
                        .all(|(name, value)| read.get(&format!("HTTP_{}", folded(name))) == Some(&Value::from(*value)));
                    let gone = GONE.iter().all(|name| !read.contains_key(&format!("HTTP_{}", folded(name))));
                    if !said || !gone || read.get("HTTP_X_PLAIN") != Some(&"1".into()) {
                        let theirs =
                            read.iter().filter(|(_, value)| value.as_str().is_some_and(|value| value.contains("mine")));
                        wrong.push(format!("{spelling}: {:?}", theirs.collect::<Vec<_>>()));
                    }
                }
            }
        }
        ensure!(wrong.is_empty(), "{} spellings get through:\n{}", wrong.len(), wrong.join("\n"));

        // Trailers: of HTTP/1.1 Envoy drops them, and an HTTP/1.1 upstream gets none of HTTP/2.
        let trailers = Request::new("POST", "/").body("x").trailer("x-api-key", "mine").trailer("x_user", "root");
        ensure!(matches!(sleep.frames()?.send(&trailers, sallyport_tests::client::PATIENCE)?, Answer::Status(200)));
        Ok(())
    });
}
