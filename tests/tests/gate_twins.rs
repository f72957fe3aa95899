//! Names that CGI, WSGI and PHP read as one header, in real Envoys: no twin of a name that the gate sets, removes or fills
//! with a secret reaches the upstream, and a real WSGI server reads what the gate says alone.

use anyhow::{Context, Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::client::Request;
use sallyport_tests::echo::{Http2Echo, Received};
use sallyport_tests::envoys::{Envoy, each_envoy};
use sallyport_tests::gate::{Gate, Options};
use sallyport_tests::process::Scratch;
use sallyport_tests::stage::{CALLERS, Stage, UPSTREAM, egress, over_http2};
use sallyport_tests::upstream::Httpbin;

const AUTHZ: &str = "rules: [{id: all, action: ALLOW, from: [{source: {namespaces: [httpbin]}}]}]\n";
const MORE: &str = "  headers:
    hygiene: HYGIENE
    keep: [x-real-ip, x_kept_name]
    remove: [x-secret, x_odd_name]
    set: [{name: x-caller, value: '%{caller.namespace}/%{caller.serviceAccount}'}]
    credential: {name: x-api-key, prefix: 'Bearer ', secretName: s}
  tracing: {formats: [w3c, b3multi]}
";
/// Under any hygiene: what is set, removed, shown, traced, marked or read.
const ALWAYS: [&str; 17] = [
    "X_Api_Key",
    "x-api_key",
    "x_secret",
    "x-odd-name",
    "x_caller",
    "x_b3_traceid",
    "x-b3_spanid",
    "grpc_trace_bin",
    "x-sallyport",
    "x_sallyport",
    "x_sallyport_route",
    "X-Sallyport_Route",
    "uber_trace_id",
    "x_forwarded_client_cert",
    "content_type",
    "content_length",
    "x_request_id",
];
const OF_THE_MESH: [&str; 2] = ["x_envoy_peer_metadata", "x-istio_attributes"];
const OF_CALLERS: [&str; 11] = [
    "x_user",
    "x_forwarded_for",
    "X-Forwarded_Proto",
    "x_real_ip",
    "proxy_authorization",
    "remote_user",
    "x_auth_request_email",
    "x-http-method-override",
    "X-Original-URL",
    "x_rewrite_url",
    "Proxy",
];
const PLAIN: [&str; 4] = ["x_plain_name", "x_api_keys", "x_kept_name", "x-real-ip"];

fn request() -> Request {
    let names = ALWAYS.iter().chain(&OF_THE_MESH).chain(&OF_CALLERS).chain(&PLAIN);
    names.fold(Request::get("/get"), |request, name| request.header(*name, "forged"))
}

fn file(hygiene: &str) -> String {
    egress(AUTHZ) + &MORE.replace("HYGIENE", hygiene)
}

/// What is left of the forged fields.
fn forged(fields: &[(String, Vec<u8>)]) -> Vec<String> {
    let forged = fields.iter().filter(|(_, value)| value == b"forged");
    let mut names: Vec<_> = forged.map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort_unstable();
    names
}

fn wanted(names: &[&[&str]]) -> Vec<String> {
    let mut names: Vec<_> = names.concat().iter().map(|name| name.to_ascii_lowercase()).collect();
    names.sort_unstable();
    names
}

const LEFT: [(&str, &[&[&str]]); 3] =
    [("off", &[&OF_THE_MESH, &OF_CALLERS, &PLAIN]), ("compatible", &[&OF_CALLERS, &PLAIN]), ("strict", &[&PLAIN])];

#[test]
fn no_twin_of_what_the_gate_says_reaches_the_upstream() {
    each_envoy("twins-headers", |envoy, scratch| {
        for (hygiene, left) in LEFT {
            let stage = Stage::with_file(envoy, scratch, &file(hygiene))?;
            for http2 in [false, true] {
                let seen = stage.pass(&request(), http2)?;
                ensure!(forged(&seen.headers) == wanted(left), "{hygiene}: {seen:?}");
                ensure!(seen.texts("x-caller") == ["httpbin/sleep"], "{hygiene}: {seen:?}");
                ensure!(seen.texts("x-api-key") == ["Bearer ours"], "{hygiene}: {seen:?}");
            }
        }
        Ok(())
    });
}

struct Http2Stage {
    gate: Gate,
    upstream: Http2Echo,
}

impl Http2Stage {
    fn start(envoy: &Envoy, scratch: &Scratch, egress: &str) -> Result<Self> {
        let authority = Authority::new("upstream authority")?;
        let ca = authority.write(scratch, "upstream-ca")?;
        let upstream = Http2Echo::start(&authority.server(scratch, "upstream", &[UPSTREAM])?)?;
        let address = upstream.address();
        let egress = &over_http2(egress);
        let options = Options { envoy: &envoy.path, egress, upstream: address, authority: &ca, callers: &CALLERS };
        Ok(Self { gate: Gate::start(scratch, &options)?, upstream })
    }

    fn pass(&self, request: &Request) -> Result<Received> {
        let reply = self.gate.caller("httpbin/sleep")?.http2()?.send(request)?;
        ensure!(reply.status == 200, "{reply:?}");
        self.upstream.take().pop().context("the upstream got nothing")
    }
}

/// No route reaches trailers, so the names themselves go there, too.
#[test]
fn nor_in_trailers() {
    each_envoy("twins-trailers", |envoy, scratch| {
        for (hygiene, left) in LEFT {
            let stage = Http2Stage::start(envoy, scratch, &file(hygiene))?;
            let names = ALWAYS.iter().chain(&OF_THE_MESH).chain(&OF_CALLERS).chain(&PLAIN);
            let own = ["x-api-key", "x-secret", "x_odd_name", "x-caller", "x-sallyport-route"];
            let lower = names.chain(&own).map(|name| name.to_ascii_lowercase());
            let request = lower.fold(Request::new("POST", "/post"), |request, name| request.trailer(name, "forged"));
            let seen = stage.pass(&request)?;
            ensure!(forged(&seen.trailers) == wanted(left), "{hygiene}: {:?}", seen.trailers);
        }
        Ok(())
    });
}

/// The scheme of the connection to the upstream, not of the one to the gateway: strict servers reset the stream.
#[test]
fn a_tls_upstream_is_asked_for_https() {
    each_envoy("twins-scheme", |envoy, scratch| {
        let stage = Http2Stage::start(envoy, scratch, &egress(AUTHZ))?;
        // A sidecar has its caller's, which spoke plain HTTP to it.
        for scheme in ["https", "http"] {
            let seen = stage.pass(&Request { scheme, ..Request::get("/get") })?;
            ensure!(seen.line.starts_with(&format!("GET https://{UPSTREAM}/get ")), "{scheme}: {}", seen.line);
        }
        Ok(())
    });
}

/// gunicorn joins what WSGI reads as one header. It does so with names that mean nothing to the gate, and never with one that
/// does.
#[test]
fn a_wsgi_server_reads_what_the_gate_says_alone() {
    each_envoy("twins-wsgi", |envoy, scratch| {
        let authority = Authority::new("upstream authority")?;
        let ca = authority.write(scratch, "upstream-ca")?;
        let httpbin = Httpbin::start(scratch, &authority.server(scratch, "upstream", &[UPSTREAM])?, None)?;
        let options = Options {
            envoy: &envoy.path,
            egress: &file("strict"),
            upstream: httpbin.address(),
            authority: &ca,
            callers: &CALLERS,
        };
        let gate = Gate::start(scratch, &options)?;
        let twins = [("x-plain", "one"), ("x_plain", "two"), ("X_Api_Key", "forged"), ("x_caller", "forged")];
        let request = twins
            .iter()
            .fold(Request::get("/headers?show_env=1"), |request, (name, value)| request.header(*name, *value));
        let reply = gate.caller("httpbin/sleep")?.send(&request)?;
        let read: serde_json::Value = serde_json::from_slice(&reply.body)?;
        let read = |name: &str| read["headers"][name].as_str().unwrap_or_default().to_owned();
        ensure!(read("X-Plain") == "one,two", "{reply:?}");
        ensure!(read("X-Api-Key") == "Bearer ours" && read("X-Caller") == "httpbin/sleep", "{reply:?}");
        Ok(())
    });
}
