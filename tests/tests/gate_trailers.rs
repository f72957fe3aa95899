//! Trailers, which no route reaches: of requests to an HTTP/2 upstream, and of its answers; in real Envoys.

use anyhow::{Context, Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::client::{Reply, Request};
use sallyport_tests::echo::{Http2Echo, Received};
use sallyport_tests::envoys::{Envoy, each_envoy};
use sallyport_tests::gate::{Gate, Options};
use sallyport_tests::process::Scratch;
use sallyport_tests::stage::{CALLERS, UPSTREAM, egress, over_http2};

const AUTHZ: &str =
    "discloseRule: true\nrules: [{id: all, action: ALLOW, from: [{source: {namespaces: [httpbin]}}]}]\n";

struct Stage {
    gate: Gate,
    upstream: Http2Echo,
}

fn start(envoy: &Envoy, scratch: &Scratch, more: &str) -> Result<Stage> {
    let authority = Authority::new("upstream authority")?;
    let ca = authority.write(scratch, "upstream-ca")?;
    let upstream = Http2Echo::start(&authority.server(scratch, "upstream", &[UPSTREAM])?)?;
    let options = Options {
        envoy: &envoy.path,
        egress: &over_http2(&(egress(AUTHZ) + more)),
        upstream: upstream.address(),
        authority: &ca,
        callers: &CALLERS,
    };
    Ok(Stage { gate: Gate::start(scratch, &options)?, upstream })
}

impl Stage {
    fn send(&self, request: &Request) -> Result<(Received, Reply)> {
        let reply = self.gate.caller("httpbin/sleep")?.http2()?.send(request)?;
        ensure!(reply.status == 200, "{reply:?}");
        Ok((self.upstream.take().pop().context("the upstream got nothing")?, reply))
    }

    /// No VM has died of it.
    fn alive(&self) -> Result<()> {
        self.send(&Request::get("/get"))?;
        let log = self.gate.envoy_log()?;
        for sign in ["wasm_fail_stream", "Function: proxy_on", "panicked at"] {
            ensure!(!log.contains(sign), "the filter failed ({sign}):\n{log}");
        }
        Ok(())
    }
}

fn names(fields: &[(String, Vec<u8>)]) -> Vec<&str> {
    let mut names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names
}

/// What a caller would say who has found out that headers are looked at.
const FORGED: [(&str, &[u8]); 13] = [
    ("x-forwarded-client-cert", b"URI=spiffe://cluster.local/ns/x/sa/admin"),
    ("x-envoy-peer-metadata", b"pod"),
    ("x-envoy-max-retries", b"9"),
    ("x-forwarded-for", b"10.0.0.1"),
    ("x-real-ip", b"\xff"),
    ("x-user", b"root"),
    ("x-user", b"twice"),
    ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("baggage", b"user=alice"),
    ("x-caller", b"root/admin"),
    ("x-secret", b"1"),
    ("x-sallyport-route", b"elsewhere/upstream"),
    ("x-sallyport", b"allowed;rule=forged"),
];
const HARMLESS: [(&str, &[u8]); 3] = [("x-checksum", b"abc\xff"), ("x-checksum", b"twice"), ("grpc-timeout", b"1S")];

fn with(request: Request, trailers: &[(&str, &[u8])]) -> Request {
    trailers.iter().fold(request, |request, (name, value)| request.trailer(name, value))
}

#[test]
fn trailers_of_requests() {
    const MORE: &str = "  headers:
    remove: [x-secret]
    set: [{name: x-caller, value: '%{caller.namespace}/%{caller.serviceAccount}'}]
";
    each_envoy("trailers-requests", |envoy, scratch| {
        let stage = start(envoy, scratch, MORE)?;
        for request in [Request::grpc("/library.Shelves/Get"), Request::new("POST", "/post"), Request::get("/get")] {
            let (seen, _) = stage.send(&with(with(request.clone(), &FORGED), &HARMLESS))?;
            ensure!(names(&seen.trailers) == ["grpc-timeout", "x-checksum", "x-checksum"], "{seen:?}");
            ensure!(seen.trailers.iter().any(|(_, value)| value == b"abc\xff"), "{seen:?}");
            ensure!(seen.values("x-caller").eq([b"httpbin/sleep"]), "{seen:?}");
            // Nothing left, and nothing to do.
            ensure!(stage.send(&with(request.clone(), &FORGED))?.0.trailers.is_empty(), "{request:?}");
            ensure!(stage.send(&with(request.clone(), &HARMLESS))?.0.trailers.len() == HARMLESS.len(), "{request:?}");
        }
        // Envoy drops those of HTTP/1.1, so there is nothing to clean.
        let chunked = with(with(Request::new("POST", "/post").body("b"), &FORGED), &HARMLESS);
        let reply = stage.gate.caller("httpbin/sleep")?.send(&chunked)?;
        let seen = stage.upstream.take().pop().context("the upstream got nothing")?;
        ensure!(reply.status == 200 && seen.trailers.is_empty(), "{reply:?}: {seen:?}");
        // Who is refused sends nothing on, trailers or not.
        let refused = stage.gate.caller("other/stranger")?.http2()?.send(&with(Request::get("/get"), &FORGED))?;
        ensure!(refused.status == 403 && stage.upstream.take().is_empty(), "{refused:?}");
        stage.alive()
    });
}

#[test]
fn trailers_of_requests_in_other_modes() {
    each_envoy("trailers-modes", |envoy, scratch| {
        for (more, gone) in [
            (
                "  headers: {hygiene: compatible}\n  tracing: {mode: strip}\n",
                &["baggage", "traceparent", "x-envoy-max-retries", "x-envoy-peer-metadata", "x-forwarded-client-cert"]
                    [..],
            ),
            ("  headers: {hygiene: off}\n  tracing: {mode: envoy}\n", &[]),
            (
                "  headers: {hygiene: off, credential: {name: x-secret, secretName: s}}\n  tracing: {formats: [b3]}\n",
                &["baggage", "traceparent", "x-secret"],
            ),
        ] {
            let stage = start(envoy, scratch, more)?;
            let (seen, _) = stage.send(&with(Request::get("/get"), &FORGED))?;
            let mut sent: Vec<_> = FORGED.iter().map(|(name, _)| *name).filter(|name| !gone.contains(name)).collect();
            sent.retain(|name| !name.starts_with("x-sallyport"));
            sent.sort_unstable();
            ensure!(names(&seen.trailers) == sent, "{more}: {seen:?}");
        }
        Ok(())
    });
}

/// The header of the gate itself, too: from the gate alone.
#[test]
fn trailers_of_answers() {
    const HEADERS: &[(&str, &str)] = &[
        ("content-type", "application/grpc"),
        ("server", "legacy/1.0"),
        ("x-sallyport", "allowed;rule=forged"),
        ("x-sallyport-route", "elsewhere/upstream"),
        ("x-kept", "1"),
    ];
    const TRAILERS: &[(&str, &str)] = &[
        ("grpc-status", "5"),
        ("grpc-message", "no shelf"),
        ("server", "legacy/1.0"),
        ("x-powered-by", "COBOL"),
        ("x-powered-by", "twice"),
        ("x-sallyport", "allowed;rule=forged"),
        ("x-sallyport-route", "elsewhere/upstream"),
        ("x-debug", "stack"),
        ("x-kept", "2"),
    ];
    each_envoy("trailers-answers", |envoy, scratch| {
        for (headers, left) in [
            ("{response: {remove: [x-debug, grpc-status]}}", &["grpc-message", "grpc-status", "x-kept"][..]),
            (
                "{hygiene: compatible}",
                &["grpc-message", "grpc-status", "server", "x-debug", "x-kept", "x-powered-by", "x-powered-by"],
            ),
            (
                "{hygiene: off}",
                &["grpc-message", "grpc-status", "server", "x-debug", "x-kept", "x-powered-by", "x-powered-by"],
            ),
        ] {
            let stage = start(envoy, scratch, &format!("  headers: {headers}\n"))?;
            stage.upstream.answer(HEADERS, TRAILERS);
            let (_, reply) = stage.send(&Request::grpc("/library.Shelves/Get"))?;
            // The harness puts trailers behind the headers.
            let position =
                reply.headers.iter().position(|(name, _)| name.starts_with("grpc-")).context("no trailers")?;
            let (first, trailers) = reply.headers.split_at(position);
            ensure!(names(trailers) == left, "{headers}: {reply:?}");
            ensure!(reply.header("grpc-status") == Some("5") && reply.header("grpc-message") == Some("no shelf"));
            let spoken: Vec<_> =
                first.iter().filter(|(name, _)| name == "x-sallyport").map(|(_, value)| value).collect();
            ensure!(spoken == [b"allowed;rule=all"], "{headers}: {reply:?}");
            ensure!(reply.header("x-sallyport-route").is_none(), "{headers}: {reply:?}");
            // Nor does the route take it from a refusal, not even of a caller who names the route.
            let stranger = stage.gate.caller("other/stranger")?;
            let marked = Request::get("/get").header("x-sallyport-route", "egress-httpbin/httpbin");
            for request in [Request::get("/get"), marked, Request::grpc("/library.Shelves/Get")] {
                let refused = stranger.http2()?.send(&request)?;
                ensure!(refused.spoken().reason == "not_allowed", "{refused:?}");
            }
            stage.upstream.answer(&[], TRAILERS);
            let (_, reply) = stage.send(&Request::get("/get"))?;
            ensure!(reply.header("x-debug").is_some() == headers.contains("hygiene"), "{reply:?}");
            stage.alive()?;
        }
        Ok(())
    });
}
