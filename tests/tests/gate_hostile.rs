//! Requests made to confuse: every one is refused, or means what it says; and the filter outlives them all.

use anyhow::{Result, ensure};
use sallyport_tests::client::{Caller, Reply, Request};
use sallyport_tests::envoys::each_envoy;
use sallyport_tests::gate::Gate;
use sallyport_tests::stage::Stage;

const AUTHZ: &str = r#"
discloseRule: true
rules:
- id: readers
  action: ALLOW
  from: [{source: {serviceAccounts: [httpbin/sleep]}}]
  to: [{operation: {methods: [GET, HEAD], paths: [/get, "/anything*", "/info/{**}"]}}]
- id: roles
  action: ALLOW
  from: [{source: {serviceAccounts: [httpbin/sleep]}}]
  to: [{operation: {paths: [/role]}}]
  when: [{key: "request.headers[x-role]", values: [reader]}]
- id: not-blocked
  action: ALLOW
  from: [{source: {serviceAccounts: [httpbin/sleep]}}]
  to: [{operation: {paths: [/not-blocked]}}]
  when: [{key: "request.headers[x-blocked]", notValues: ["yes"]}]
- id: any-method
  action: ALLOW
  from: [{source: {serviceAccounts: [httpbin/sleep]}}]
  to: [{operation: {paths: [/methods]}}]
- id: no-delete
  action: DENY
  to: [{operation: {methods: [DELETE]}}]
- id: no-admin
  action: DENY
  to: [{operation: {paths: ["/anything/admin*", "/private*"]}}]
- id: no-marked
  action: DENY
  when: [{key: "request.headers[x-marked]", values: ["bad*"]}]
"#;

/// After all that was done to it, the gate still decides, and no VM has died.
fn alive(gate: &Gate, caller: &Caller) -> Result<()> {
    let reply = caller.send(&Request::get("/get"))?;
    ensure!(reply.status == 200, "the gate does not answer any more: {reply:?}");
    let log = gate.envoy_log()?;
    for sign in ["wasm_fail_stream", "Function: proxy_on", "panicked at", "Plugin configuration failed"] {
        ensure!(!log.contains(sign), "the filter failed ({sign}):\n{log}");
    }
    Ok(())
}

/// Refused by the filter, or by Envoy itself with a 4xx, on both protocols where both can carry it.
fn never_reaches(caller: &Caller, request: &Request) -> Result<Reply> {
    let reply = caller.send(request)?;
    ensure!((400..500).contains(&reply.status), "{request:?} got through: {reply:?}");
    Ok(reply)
}

#[test]
fn path_tricks() {
    each_envoy("paths", |envoy, scratch| {
        let stage = Stage::start(envoy, scratch, AUTHZ)?;
        let sleep = stage.sleep()?;
        let tricks: &[&[u8]] = &[
            b"/info/../private",
            b"/info/%2e%2e/private",
            b"/info/.%2E/private",
            b"/anything/..%2fadmin",
            b"/anything/%2F..%2Fadmin",
            b"/anything%5cadmin",
            b"/anything\\..\\admin",
            b"//anything",
            b"/anything//admin",
            b"/anything/..;foo=bar/admin",
            b"/anything;x=y/admin",
            b"/anything%3bx",
            b"/anything/%252e%252e/admin",
            b"/anything/%2561dmin",
            b"/anything/%00",
            b"/anything/%0a",
            b"/anything/%7f",
            b"/anything/\xc3\xa4",
            b"/anything/\xff",
            b"/anything/%zz",
            b"/anything/%2",
            b"/anything#admin",
            b"/get#",
            b"/GET",
            b"/get/",
            b"/anything/%61dmin",
            b"/anything/admin?x",
            b"/anything/admin/",
            b"*",
            b"anything",
        ];
        for path in tricks {
            never_reaches(&sleep, &Request::get(path))?;
        }
        let reached = stage.echo.take();
        ensure!(reached.is_empty(), "the upstream saw {reached:?}");

        // Dots are resolved by Envoy, and rules and the upstream see what is left.
        for path in ["/info/../get", "/info/%2e%2E/get", "/./get", "/info/x/.././../get"] {
            let reply = sleep.send(&Request::get(path))?;
            let seen: Vec<_> = stage.echo.take().into_iter().map(|seen| seen.line).collect();
            ensure!(reply.status == 200 && seen == ["GET /get HTTP/1.1"], "{path}: {reply:?}: {seen:?}");
        }

        // What only looks like a trick.
        for path in ["/get?x=../..", "/get?x=%2f//;a", "/anything/a*b", "/anything/%41", "/info/", "/anything/a.b"] {
            let reply = sleep.send(&Request::get(path))?;
            ensure!(reply.status == 200, "{path}: {reply:?}");
        }
        alive(&stage.gate, &sleep)
    });
}

#[test]
fn odd_methods_and_hosts() {
    each_envoy("methods", |envoy, scratch| {
        let stage = Stage::start(envoy, scratch, AUTHZ)?;
        let sleep = stage.sleep()?;
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "get", "GeT", "GETX", "FROB", "PRI"] {
            never_reaches(&sleep, &Request::new(method, "/get"))?;
        }
        // HTTP/2 carries any token as a method, in any case; case must not lead round a rule.
        let mut http2 = sleep.http2()?;
        for method in ["DELETE", "delete", "DeLeTe"] {
            let reply = http2.send(&Request::new(method, "/methods"))?;
            ensure!(reply.status == 403 && reply.spoken().rule == "no-delete", "{method}: {reply:?}");
        }
        for method in ["post", "GETX", "FROB", "g-et", "GET!"] {
            let reply = http2.send(&Request::new(method, "/get"))?;
            ensure!(reply.status == 403, "{method}: {reply:?}");
        }
        for raw in [
            &b"CONNECT httpbin.legacy.internal:443 HTTP/1.1\r\nhost: httpbin.legacy.internal:443\r\n\r\n"[..],
            b"OPTIONS * HTTP/1.1\r\nhost: httpbin.legacy.internal\r\n\r\n",
            b"GET /get HTTP/1.1\r\n\r\n",
            b"GET /get HTTP/1.1\r\nhost: httpbin.legacy.internal\r\nhost: other\r\n\r\n",
            b"GET  HTTP/1.1\r\nhost: httpbin.legacy.internal\r\n\r\n",
            b"GET /private HTTP/1.1\r\nhost: httpbin.legacy.internal\r\nx-envoy-original-path: /get\r\n\r\n",
        ] {
            let reply = sleep.http1()?.send_raw(raw, false);
            let through = reply.as_ref().is_ok_and(|reply| reply.status < 400);
            ensure!(!through, "{} got through: {reply:?}", String::from_utf8_lossy(raw));
        }
        ensure!(stage.echo.count() == 0, "the upstream saw {:?}", stage.echo.take());

        let absolute = b"GET https://httpbin.legacy.internal/get HTTP/1.1\r\nhost: ignored\r\n\r\n";
        let reply = sleep.http1()?.send_raw(absolute, false)?;
        ensure!(reply.status == 200 || reply.status >= 400, "{reply:?}");
        for host in ["HTTPBIN.legacy.Internal", "httpbin.legacy.internal:443", "httpbin.legacy.internal."] {
            let reply = sleep.send(&Request::get("/private").host(host))?;
            ensure!(reply.status >= 400, "{host}: {reply:?}");
        }
        for host in ["", "a b", "[::1", "httpbin.legacy.internal:99999", "user@httpbin.legacy.internal", "\"<b>"] {
            // Envoy or the filter; either way nothing breaks.
            drop(sleep.send(&Request::get("/get").host(host)));
        }
        alive(&stage.gate, &sleep)
    });
}

#[test]
fn repeated_headers_never_help() {
    each_envoy("repeated", |envoy, scratch| {
        let stage = Stage::start(envoy, scratch, AUTHZ)?;
        let sleep = stage.sleep()?;
        let cases: &[(&str, &str, &[&str], bool)] = &[
            ("/role", "x-role", &["reader"], true),
            // Joined they are another value, as Envoy and Istio read them.
            ("/role", "x-role", &["reader", "reader"], false),
            ("/role", "x-role", &["reader", "writer"], false),
            ("/role", "x-role", &["writer", "reader"], false),
            ("/role", "x-role", &["reader,writer"], false),
            ("/role", "x-role", &["writer,reader"], false),
            ("/role", "x-role", &[""], false),
            ("/role", "x-role", &[], false),
            ("/role", "X-ROLE", &["reader"], true),
            ("/role", "x_role", &["reader"], false),
            ("/not-blocked", "x-blocked", &[], true),
            ("/not-blocked", "x-blocked", &["no"], true),
            ("/not-blocked", "x-blocked", &["no", "yes"], false),
            ("/not-blocked", "x-blocked", &["yes", "no"], false),
            ("/get", "x-marked", &["good"], true),
            ("/get", "x-marked", &["good", "bad"], false),
            ("/get", "x-marked", &["bad", "good"], false),
            ("/get", "x-marked", &["good,bad one"], false),
        ];
        for (path, name, values, expected) in cases {
            let mut request = Request::get(path);
            for value in *values {
                request = request.header(name, value);
            }
            for reply in [sleep.http1()?.send(&request)?, http2(&sleep, &request)?] {
                ensure!((reply.status == 200) == *expected, "{path} {name}: {values:?}: {reply:?}");
            }
        }
        alive(&stage.gate, &sleep)
    });
}

/// HTTP/2 has header names in lower case only.
fn http2(caller: &Caller, request: &Request) -> Result<Reply> {
    let mut request = request.clone();
    for (name, _) in &mut request.headers {
        name.make_ascii_lowercase();
    }
    caller.http2()?.send(&request)
}

#[test]
fn bytes_that_are_no_text() {
    each_envoy("bytes", |envoy, scratch| {
        let stage = Stage::start(envoy, scratch, AUTHZ)?;
        let sleep = stage.sleep()?;

        // A value that is no text is no match, and neither a crash nor a way round.
        let reply = sleep.send(&Request::get("/get").header("x-other", b"\xff\xfe"))?;
        ensure!(reply.status == 200, "{reply:?}");
        for value in [&b"reader\xff"[..], b"\xffreader", b"\xff", b"\x80\x80\x80"] {
            for request in
                [Request::get("/role").header("x-role", value), Request::get("/role").header("x-role", value)]
            {
                let reply = sleep.send(&request)?;
                ensure!(reply.status == 403, "{request:?}: {reply:?}");
            }
        }
        let reply = sleep.send(&Request::get("/get").header("x-marked", b"bad\xff"))?;
        ensure!(reply.status == 403, "{reply:?}");
        let reply = sleep.http2()?.send(&Request::get("/get").header("x-marked", b"bad\xff"))?;
        ensure!(reply.status == 403, "{reply:?}");

        // Envoy may refuse such a name itself, or pass it on: the filter must not care.
        for name in [&b"x-\xff"[..], b"x-\xc3\xa4", b"\xf0\x9f\x98\x80", b"x y", b"x\x01"] {
            let outcome = sleep.send(&Request::get("/private").header(name, "1"));
            ensure!(outcome.is_err() || outcome.is_ok_and(|reply| reply.status >= 400), "{name:?} got through");
        }
        alive(&stage.gate, &sleep)
    });
}

#[test]
fn too_much_of_everything() {
    each_envoy("size", |envoy, scratch| {
        let stage = Stage::start(envoy, scratch, AUTHZ)?;
        let sleep = stage.sleep()?;
        let many = |count: usize, path: &str| {
            (0..count).fold(Request::get(path), |request, number| request.header(format!("x-{number}"), "1"))
        };

        // As many as Envoy's default limit lets through, and more than the 1,024 pairs the host writes back.
        for count in [50, 90, 101, 1_000, 1_100, 2_000] {
            for path in ["/get", "/private"] {
                let request = many(count, path);
                for outcome in [sleep.send(&request), sleep.http2()?.send(&request)] {
                    let through = outcome.as_ref().is_ok_and(|reply| reply.status == 200);
                    ensure!(!through || path == "/get", "{count} headers got {path} through: {outcome:?}");
                    let broken = outcome.as_ref().is_ok_and(|reply| reply.status >= 500);
                    ensure!(!broken, "{count} headers broke the gate: {outcome:?}");
                }
            }
        }
        for length in [1_000, 10_000, 50_000, 200_000] {
            let long = "a".repeat(length);
            for request in [
                Request::get(format!("/anything/{long}")),
                Request::get(format!("/private/{long}")),
                Request::get(format!("/get?{long}")),
                Request::get("/get").header("x-long", &long),
                Request::get("/role").header("x-role", &long),
                Request::get(format!("/info{}", "/a".repeat(length / 2))),
            ] {
                let outcome = sleep.send(&request);
                let broken = outcome.as_ref().is_ok_and(|reply| reply.status >= 500);
                ensure!(!broken, "{length} bytes broke the gate: {outcome:?}");
            }
        }
        alive(&stage.gate, &sleep)
    });
}

#[test]
fn the_upstream_is_asked_only_what_was_allowed() {
    each_envoy("smuggling", |envoy, scratch| {
        let stage = Stage::start(envoy, scratch, AUTHZ)?;
        let sleep = stage.sleep()?;
        let hidden = "GET /private HTTP/1.1\r\nhost: httpbin.legacy.internal\r\n\r\n";
        let length = hidden.len();
        for raw in [
            format!("GET /get HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{hidden}"),
            format!("GET /get HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\ncontent-length: {length}\r\n\r\n{hidden}"),
            format!(
                "GET /get HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n{hidden}"
            ),
            format!("GET /get HTTP/1.1\r\nhost: x\r\ntransfer-encoding: xchunked\r\n\r\n{hidden}"),
            format!("GET /get HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n{hidden}"),
        ] {
            // Whatever the answer, the hidden request must not get past the gate.
            drop(sleep.http1()?.send_raw(raw.as_bytes(), false));
        }
        alive(&stage.gate, &sleep)?;
        let private: Vec<_> = stage.echo.take().into_iter().filter(|seen| seen.line.contains("private")).collect();
        ensure!(private.is_empty(), "{private:?}");
        Ok(())
    });
}
