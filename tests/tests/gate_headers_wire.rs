//! What the upstream and the caller get, byte by byte, in real Envoys: values that are no text, traces that contradict
//! each other, and what upstreams say of themselves.

use anyhow::{Result, bail, ensure};
use sallyport_tests::client::Request;
use sallyport_tests::echo::Received;
use sallyport_tests::envoys::each_envoy;
use sallyport_tests::stage::{Stage, egress};

const AUTHZ: &str = "rules: [{id: all, action: ALLOW, from: [{source: {namespaces: [httpbin]}}]}]\n";
const A: &str = "0af7651916cd43dd8448eb211c80319c";
const B: &str = "80f198ee56343ba864fe8b2a57d3eff7";
const SPAN: &str = "b7ad6b7169203331";
const MODES: [&str; 3] = ["{formats: [w3c, b3, b3multi, jaeger]}", "{mode: strip}", "{mode: envoy}"];
/// The gateway is a span of its own, and traces begin there.
const OWN: &str = "{formats: [w3c, b3, b3multi, jaeger], parent: gateway, samplingPerMille: 500}";

#[test]
fn values_that_are_no_text() {
    const MORE: &str = "  headers:
    keep: [x-user]
    remove: [x-secret]
    set:
    - {name: x-caller, value: '%{caller.namespace}/%{caller.serviceAccount}'}
    - {name: x-foreign, value: '%{foreignTrace}'}
";
    each_envoy("wire-bytes", |envoy, scratch| {
        for mode in MODES {
            let stage = Stage::with_file(envoy, scratch, &format!("{}{MORE}  tracing: {mode}\n", egress(AUTHZ)))?;
            let not_text: [&[u8]; 4] = [b"\xff", b"\xc3\x28", b"a\x80b", b"\xf0\x9f\x98"];
            for (value, http2) in not_text.into_iter().flat_map(|value| [(value, false), (value, true)]) {
                let names =
                    ["x-user", "x-plain", "x-secret", "x-real-ip", "x-envoy-a", "x-caller", "x-caller", "x-foreign"];
                let trace = ["traceparent", "tracestate", "b3", "baggage", "x-amzn-trace-id", "x-request-id"];
                let request =
                    names.iter().chain(&trace).fold(Request::get("/get"), |request, name| request.header(name, value));
                let seen = stage.pass(&request, http2)?;
                for kept in ["x-user", "x-plain"] {
                    ensure!(seen.values(kept).eq([value]), "{mode}: {kept}: {seen:?}");
                }
                ensure!(seen.values("x-caller").eq([b"httpbin/sleep"]), "{mode}: {seen:?}");
                for gone in ["x-secret", "x-real-ip", "x-envoy-a", "x-foreign"] {
                    ensure!(seen.values(gone).next().is_none(), "{mode}: {gone}: {seen:?}");
                }
                for name in ["traceparent", "tracestate", "b3", "baggage", "x-amzn-trace-id"] {
                    let found: Vec<_> = seen.values(name).collect();
                    match mode {
                        "{mode: envoy}" => ensure!(found == [value], "{mode}: {name}: {seen:?}"),
                        "{mode: strip}" => ensure!(found.is_empty(), "{mode}: {name}: {seen:?}"),
                        // What cannot be read is never repeated.
                        _ => ensure!(!found.contains(&value), "{mode}: {name}: {seen:?}"),
                    }
                }
            }
        }
        Ok(())
    });
}

/// What a caller says of its trace, and which one goes on.
struct Case {
    headers: Vec<(&'static str, String)>,
    goes_on: Option<&'static str>,
}

fn cases() -> Vec<Case> {
    let parent = |trace: &str| ("traceparent", format!("00-{trace}-{SPAN}-01"));
    let state = |text: &str| ("tracestate", text.to_owned());
    let b3 = |trace: &str| ("b3", format!("{trace}-{SPAN}-1"));
    let id = |trace: &str| ("x-b3-traceid", trace.to_owned());
    let span = ("x-b3-spanid", SPAN.to_owned());
    [
        (vec![parent(A)], Some(A)),
        // Nobody knows which one is meant, even if they agree (W3C). With B3 the first one is.
        (vec![parent(A), parent(A)], None),
        (vec![parent(A), parent(B), state("a=1")], None),
        (vec![parent(A), parent(B), b3(B)], Some(B)),
        (vec![parent(A), b3(B)], Some(A)),
        (vec![b3(B), parent(A)], Some(A)),
        (vec![b3(A), b3(B)], Some(A)),
        (vec![b3(B), id(A), span.clone()], Some(B)),
        (vec![id(A), span.clone()], Some(A)),
        (vec![id(A), id(B), span], Some(A)),
        (vec![id(A)], None),
        (vec![parent(A), state("a=1"), state("b=2,c=3")], Some(A)),
        (vec![b3(A), state("a=1")], Some(A)),
    ]
    .map(|(headers, goes_on)| Case { headers, goes_on })
    .into()
}

impl Case {
    fn request(&self) -> Request {
        self.headers.iter().fold(Request::get("/get"), |request, (name, value)| request.header(name, value))
    }

    fn sent(&self, name: &str) -> Vec<String> {
        self.headers.iter().filter(|(sent, _)| *sent == name).map(|(_, value)| value.clone()).collect()
    }

    /// One trace goes on, in each format the same. Where none does, `is_own` says whether another one begins.
    fn goes_on(&self, seen: &Received, is_own: bool) -> Result<()> {
        if self.goes_on.is_none() && !is_own {
            for name in ["traceparent", "tracestate", "b3", "uber-trace-id", "x-b3-traceid", "x-b3-spanid"] {
                ensure!(seen.texts(name).is_empty(), "{:?}: {seen:?}", self.headers);
            }
            return Ok(());
        }
        let [parent] = &seen.texts("traceparent")[..] else { bail!("{:?}: {seen:?}", self.headers) };
        let (trace, span) = (&parent[3..35], &parent[36..52]);
        let right = self.goes_on.map_or(trace != A && trace != B, |wanted| trace == wanted);
        ensure!(right && (span == SPAN) != is_own, "{:?}: {parent}", self.headers);
        let [b3] = &seen.texts("b3")[..] else { bail!("{:?}: {seen:?}", self.headers) };
        ensure!(b3.starts_with(&format!("{trace}-{span}")), "{:?}: {b3} beside {parent}", self.headers);
        let [uber] = &seen.texts("uber-trace-id")[..] else { bail!("{:?}: {seen:?}", self.headers) };
        ensure!(uber.starts_with(&format!("{trace}:{span}:0:")), "{:?}: {uber} beside {parent}", self.headers);
        ensure!(seen.texts("x-b3-traceid") == [trace] && seen.texts("x-b3-spanid") == [span], "{seen:?}");
        // It belongs to the traceparent, and without one means nothing.
        let states = self.sent("tracestate");
        let belongs = self.goes_on.is_some() && self.sent("traceparent").len() == 1 && !states.is_empty();
        let joined = if belongs { vec![states.join(",")] } else { Vec::new() };
        ensure!(seen.texts("tracestate") == joined, "{:?}: {seen:?}", self.headers);
        Ok(())
    }
}

#[test]
fn traces_that_contradict_each_other() {
    each_envoy("wire-traces", |envoy, scratch| {
        let names = ["traceparent", "tracestate", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags"];
        for mode in MODES.into_iter().chain([OWN]) {
            let stage = Stage::with_file(envoy, scratch, &format!("{}  tracing: {mode}\n", egress(AUTHZ)))?;
            for (case, http2) in cases().iter().flat_map(|case| [(case, false), (case, true)]) {
                let seen = stage.pass(&case.request(), http2)?;
                if mode.contains("formats") {
                    case.goes_on(&seen, mode == OWN)?;
                    continue;
                }
                for name in names {
                    let wanted = if mode.contains("envoy") { case.sent(name) } else { Vec::new() };
                    ensure!(seen.texts(name) == wanted, "{mode}: {:?}: {seen:?}", case.headers);
                }
            }
        }
        Ok(())
    });
}

#[test]
fn what_upstreams_say_of_themselves() {
    const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nserver: legacy/1.0\r\nvia: 1.1 inside\r\n\
        x-powered-by: COBOL\r\nx-powered-by: twice\r\nx-runtime: 1\r\nx-envoy-decorator-operation: inside\r\n\
        x-envoy-upstream-service-time: 7\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nx-plain: \u{e9}\r\n\
        x-sallyport: allowed;rule=forged\r\nx-sallyport-route: elsewhere/upstream\r\n\r\n";
    const SHOWN: [&str; 6] =
        ["server", "via", "x-envoy-decorator-operation", "x-envoy-upstream-service-time", "x-powered-by", "x-runtime"];
    each_envoy("wire-answers", |envoy, scratch| {
        for (headers, own, others) in [
            ("{}", &[][..], &["set-cookie", "x-plain"][..]),
            ("{response: {keep: [via], remove: [set-cookie, x-plain]}}", &["via"], &[]),
            ("{hygiene: compatible}", &SHOWN[1..], &["set-cookie", "x-plain"]),
            ("{hygiene: compatible, response: {remove: [set-cookie]}}", &SHOWN[1..], &["x-plain"]),
            ("{hygiene: off}", &SHOWN[1..], &["set-cookie", "x-plain"]),
            ("{hygiene: off, response: {remove: [set-cookie]}}", &SHOWN[1..], &["x-plain"]),
        ] {
            let stage = Stage::with_file(envoy, scratch, &format!("{}  headers: {headers}\n", egress(AUTHZ)))?;
            stage.echo.answer(ANSWER);
            let request = Request::get("/get");
            for reply in [stage.sleep()?.send(&request)?, stage.sleep()?.http2()?.send(&request)?] {
                let mut names: Vec<_> = reply.headers.iter().map(|(name, _)| name.as_str()).collect();
                names.sort_unstable();
                names.dedup();
                // Envoy names itself in the place of the upstream.
                let mut wanted: Vec<_> =
                    ["content-length", "date", "server"].iter().chain(own).chain(others).copied().collect();
                wanted.sort_unstable();
                ensure!(names == wanted && reply.header("server") == Some("istio-envoy"), "{headers}: {reply:?}");
                let cookies = reply.headers.iter().filter(|(name, _)| name == "set-cookie").count();
                ensure!(cookies == if others.contains(&"set-cookie") { 2 } else { 0 }, "{headers}: {reply:?}");
                let plain = reply.headers.iter().find(|(name, _)| name == "x-plain");
                ensure!(plain.is_none_or(|(_, value)| value == "\u{e9}".as_bytes()), "{headers}: {reply:?}");
            }
        }
        Ok(())
    });
}
