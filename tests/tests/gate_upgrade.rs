//! WebSockets through real Envoys: the handshake header by header, the bytes after it, and who gets none.

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use sallyport_tests::client::Request;
use sallyport_tests::envoys::each_envoy;
use sallyport_tests::named::Named;
use sallyport_tests::stage::{Stage, egress};

const AUTHZ: &str = "discloseRule: true
rules: [{id: chat, action: ALLOW, from: [{source: {namespaces: [httpbin]}}], to: [{operation: {paths: [/chat]}}]}]\n";
const SWITCHING: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nsec-websocket-protocol: chat\r\nx-kept: 1\r\n\
    server: legacy/1.0\r\nx-powered-by: COBOL\r\nvia: 1.1 inside\r\nset-cookie: s=1\r\nx-sallyport: allowed;rule=forged\r\n\r\n";

/// A browser's handshake, and what a caller must not say.
fn handshake(path: &str) -> Request {
    [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "chat"),
        ("origin", "https://shop.example"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("b3", "0"),
        ("x-user", "root"),
        ("x-real-ip", "1.2.3.4"),
        ("x-envoy-max-retries", "9"),
        ("x-forwarded-client-cert", "URI=spiffe://cluster.local/ns/x/sa/admin"),
        ("x-sallyport-route", "elsewhere/upstream"),
    ]
    .into_iter()
    .fold(Request::get(path), |request, (name, value)| request.header(name, value))
}

#[test]
fn a_handshake_and_what_comes_after() {
    each_envoy("upgrade", |envoy, scratch| {
        let stage =
            Stage::with_file(envoy, scratch, &(egress(AUTHZ) + "  headers: {response: {remove: [set-cookie]}}\n"))?;
        stage.echo.answer(SWITCHING);
        let mut caller = stage.sleep()?.http1()?;
        let reply = caller.send(&handshake("/chat"))?;
        let mut answered: Vec<_> = reply.headers.iter().map(|(name, _)| name.as_str()).collect();
        answered.sort_unstable();
        let wanted = [
            "connection",
            "date",
            "sec-websocket-accept",
            "sec-websocket-protocol",
            "server",
            "upgrade",
            "x-kept",
            "x-sallyport",
        ];
        ensure!(reply.status == 101 && answered == wanted, "{reply:?}");
        ensure!(reply.spoken().rule == "chat" && reply.header("upgrade") == Some("websocket"), "{reply:?}");

        let seen = stage.echo.take().pop().context("the upstream got nothing")?;
        let wanted = [
            "connection",
            "host",
            "origin",
            "sec-websocket-key",
            "sec-websocket-protocol",
            "sec-websocket-version",
            "traceparent",
            "upgrade",
            "x-request-id",
        ];
        ensure!(seen.names() == wanted, "{seen:?}");
        ensure!(seen.values("traceparent").all(|value| value.starts_with(b"00-0af7651916cd43dd8448eb211c80319c-")));

        // Frames of all sizes, both ways; what looks like a request is none.
        for bytes in [&b"\x81\x02hi"[..], b"GET /private HTTP/1.1\r\n\r\n", &vec![0xff; 300_000]] {
            ensure!(caller.exchange(bytes)? == bytes, "{} bytes did not come back", bytes.len());
        }
        ensure!(stage.echo.count() == 1, "{:?}", stage.echo.take());
        Ok(())
    });
}

#[test]
fn who_is_refused_switches_nothing() {
    each_envoy("upgrade-refused", |envoy, scratch| {
        let stage = Stage::start(envoy, scratch, AUTHZ)?;
        stage.echo.answer(SWITCHING);
        for (caller, path, status) in
            [(stage.stranger()?, "/chat", 403), (stage.gate.nobody()?, "/chat", 401), (stage.sleep()?, "/private", 403)]
        {
            let reply = caller.http1()?.send(&handshake(path))?;
            ensure!(reply.status == status && reply.header("upgrade").is_none(), "{}: {reply:?}", caller.name);
            ensure!(reply.spoken().verdict == "refused", "{reply:?}");
        }
        ensure!(stage.echo.count() == 0, "{:?}", stage.echo.take());
        Ok(())
    });
}

/// A gateway whose route that leads nowhere was patched away: there Envoy refuses no upgrade, and the filter does.
#[test]
fn without_the_route_that_leads_nowhere_the_filter_refuses() {
    each_envoy("upgrade-patched", |envoy, scratch| {
        let stage = Stage::start(envoy, scratch, AUTHZ)?;
        let patched = Named::start_with(scratch, envoy, &stage.gate, |manager| {
            let routes = manager["route_config"]["virtual_hosts"][0]["routes"].as_array_mut();
            routes.into_iter().for_each(|routes| routes.retain(|route| route["name"] != "nowhere"));
        })?;
        let sleep = stage.sleep()?.at(patched.listener());
        let hidden = "GET /private HTTP/1.1\r\nhost: httpbin.org\r\n\r\n";
        for protocol in ["TLS/1.0", "websocket, h2c", "any"] {
            let head = "GET /chat HTTP/1.1\r\nhost: httpbin.legacy.internal\r\nconnection: upgrade";
            let raw = format!("{head}\r\nupgrade: {protocol}\r\n\r\n{hidden}");
            let reply = sleep.http1()?.send_raw(raw.as_bytes(), false)?;
            ensure!(reply.status == 400 && reply.spoken().reason == "ambiguous_request", "{protocol}: {reply:?}");
        }
        ensure!(sleep.send(&Request::get("/chat"))?.status == 200, "the gate is not open at all");
        thread::sleep(Duration::from_millis(500));
        ensure!(stage.echo.count() == 1, "{:?}", stage.echo.take());
        Ok(())
    });
}

/// An upstream that switches to nothing reads on behind the head. What is there must not be a request that was denied.
#[test]
fn bytes_before_the_answer_are_no_request() {
    each_envoy("upgrade-early", |envoy, scratch| {
        let stage = Stage::start(envoy, scratch, AUTHZ)?;
        let hidden = "GET /private HTTP/1.1\r\nhost: httpbin.org\r\n\r\n";
        let chunk = format!("{:x}\r\n{hidden}\r\n0\r\n\r\n", hidden.len());
        // Envoy passes the first two on, one as an upgrade and one as a plain request, and refuses the others itself.
        for (protocol, passes) in
            [("websocket", true), ("h2c", true), ("TLS/1.0", false), ("websocket, h2c", false), ("any", false)]
        {
            let head = format!(
                "GET /chat HTTP/1.1\r\nhost: httpbin.legacy.internal\r\nconnection: upgrade\r\nupgrade: {protocol}\r\n"
            );
            for raw in [format!("{head}\r\n{hidden}"), format!("{head}transfer-encoding: chunked\r\n\r\n{chunk}")] {
                let reply = stage.sleep()?.http1()?.send_raw(raw.as_bytes(), false)?;
                ensure!(reply.status == if passes { 200 } else { 403 }, "{protocol}: {reply:?}");
            }
        }
        // What is on its way to the upstream gets there.
        thread::sleep(Duration::from_millis(500));
        let seen = stage.echo.take();
        ensure!(seen.len() == 4 && seen.iter().all(|seen| seen.line == "GET /chat HTTP/1.1"), "{seen:?}");
        Ok(())
    });
}
