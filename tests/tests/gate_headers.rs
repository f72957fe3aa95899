//! What the upstream gets, header by header, in real Envoys: the modes of tracing, the hygiene, and requests that are
//! made to go wrong.

use anyhow::{Result, ensure};
use sallyport_tests::client::Request;
use sallyport_tests::echo::Received;
use sallyport_tests::envoys::each_envoy;
use sallyport_tests::stage::{Stage, egress};

const AUTHZ: &str = "rules: [{id: all, action: ALLOW, from: [{source: {namespaces: [httpbin]}}]}]\n";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// What an Egress says more, and what becomes of it.
fn file(more: &str) -> String {
    egress(AUTHZ) + more
}

/// Every trace header, and a few that callers must not write.
fn everything() -> Request {
    [
        ("traceparent", PARENT),
        ("tracestate", "a=1, b=2"),
        ("baggage", "user=alice,tenant=a"),
        ("b3", "0"),
        ("x-b3-traceid", "80f198ee56343ba864fe8b2a57d3eff7"),
        ("x-datadog-trace-id", "1"),
        ("x-request-id", "my-own-id"),
        ("x-user", "root"),
        ("x-auth-request-email", "root@example.com"),
        ("x-real-ip", "1.2.3.4"),
        ("x-envoy-max-retries", "9"),
        ("x-forwarded-client-cert", "By=spiffe://x"),
        ("authorization", "Bearer mine"),
    ]
    .into_iter()
    .fold(Request::get("/get"), |request, (name, value)| request.header(name, value))
}

#[test]
fn by_default_a_trace_an_id_and_the_request_itself() {
    each_envoy("headers-default", |envoy, scratch| {
        let stage = Stage::with_file(envoy, scratch, &file(""))?;
        let seen = stage.pass(&everything(), false)?;
        ensure!(seen.names() == ["authorization", "host", "traceparent", "tracestate", "x-request-id"], "{seen:?}");
        let [parent] = &seen.texts("traceparent")[..] else { anyhow::bail!("{seen:?}") };
        ensure!(parent == PARENT, "{parent}");
        ensure!(seen.texts("tracestate") == ["a=1,b=2"] && seen.texts("x-request-id") == ["my-own-id"], "{seen:?}");
        // Where there is no trace, none begins.
        let seen = stage.pass(&Request::get("/get"), false)?;
        ensure!(seen.names() == ["host", "x-request-id"], "{seen:?}");
        drop(stage);
        let stage = Stage::with_file(envoy, scratch, &file("  tracing: {parent: gateway}\n"))?;
        let [first, second] = [stage.pass(&everything(), false)?, stage.pass(&everything(), false)?];
        let [first, second] = [first.texts("traceparent"), second.texts("traceparent")];
        // Two spans of one trace are two spans.
        ensure!(first != second && first != [PARENT], "a span was used twice");
        ensure!(first[0].starts_with(&format!("00-{TRACE}-")) && first[0].ends_with("-01"), "{first:?}");
        Ok(())
    });
}

#[test]
fn modes_of_tracing() {
    each_envoy("headers-modes", |envoy, scratch| {
        for (tracing, wanted) in [
            ("{mode: strip}", &["authorization", "host", "x-request-id"][..]),
            ("{formats: [b3]}", &["authorization", "b3", "host", "x-request-id"]),
            (
                "{formats: [b3multi], baggage: [tenant]}",
                &["authorization", "baggage", "host", "x-b3-sampled", "x-b3-spanid", "x-b3-traceid", "x-request-id"],
            ),
            (
                "{mode: envoy}",
                &[
                    "authorization",
                    "b3",
                    "baggage",
                    "host",
                    "traceparent",
                    "tracestate",
                    "x-b3-traceid",
                    "x-datadog-trace-id",
                    "x-request-id",
                ],
            ),
        ] {
            let stage = Stage::with_file(envoy, scratch, &file(&format!("  tracing: {tracing}\n")))?;
            let seen = stage.pass(&everything(), false)?;
            ensure!(seen.names() == wanted, "{tracing}: {:?}", seen.names());
            let baggage = seen.texts("baggage");
            ensure!(baggage.is_empty() || tracing.contains("envoy") || baggage == ["tenant=a"], "{baggage:?}");
        }
        Ok(())
    });
}

/// Headers of every other tracing system, and what a real Envoy sends on of them.
#[test]
fn traces_of_other_systems() {
    const ALWAYS: [&str; 22] = [
        "ot-tracer-traceid",
        "ot-tracer-sampled",
        "elastic-apm-traceparent",
        "sentry-trace",
        "newrelic",
        "x-newrelic-id",
        "x-dynatrace",
        "x-instana-t",
        "x-instana-s",
        "sw3",
        "sw6",
        "sw8",
        "sw8-x",
        "sw8-correlation",
        "request-id",
        "request-context",
        "jaeger-debug-id",
        "x-datadog-trace-id",
        "x-cloud-trace-context",
        "x-amzn-trace-id",
        "grpc-trace-bin",
        "uberctx-user",
    ];
    each_envoy("headers-other-traces", |envoy, scratch| {
        let request = ALWAYS.iter().fold(Request::get("/get"), |request, name| request.header(*name, "1"));
        let request = request.header("uberctx-tenant", "a").header("correlation-context", "user=alice,tenant=a");
        for (tracing, wanted) in [
            ("{mode: strip}", &["host", "x-request-id"][..]),
            ("{}", &["host", "x-request-id"]),
            ("{baggage: [tenant]}", &["correlation-context", "host", "uberctx-tenant", "x-request-id"]),
        ] {
            let stage = Stage::with_file(envoy, scratch, &file(&format!("  tracing: {tracing}\n")))?;
            for http2 in [false, true] {
                let seen = stage.pass(&request, http2)?;
                ensure!(seen.names() == wanted, "{tracing}: {seen:?}");
                let listed = seen.texts("correlation-context");
                ensure!(listed.is_empty() || listed == ["tenant=a"], "{seen:?}");
            }
        }
        Ok(())
    });
}

/// What repeated headers of B3, members of `tracestate` and long baggage become on a real Envoy's way.
#[test]
fn what_is_repeated_or_too_long() {
    each_envoy("headers-repeated", |envoy, scratch| {
        let tracing = "{formats: [w3c, b3multi], baggage: [tenant]}";
        let stage = Stage::with_file(envoy, scratch, &file(&format!("  tracing: {tracing}\n")))?;
        let b3 = [("x-b3-traceid", TRACE), ("x-b3-spanid", "b7ad6b7169203331"), ("x-b3-parentspanid", "")];
        let b3 = b3.into_iter().fold(Request::get("/get"), |request, (name, value)| request.header(name, value));
        for (decisions, sampled) in [(["True", "1"], "1"), (["1", "False"], "0"), (["true,0", "1"], "0")] {
            let request = decisions.into_iter().fold(b3.clone(), |request, text| request.header("x-b3-sampled", text));
            let seen = stage.pass(&request.header("x-b3-traceid", "x"), false)?;
            ensure!(seen.texts("x-b3-traceid") == [TRACE] && seen.texts("x-b3-sampled") == [sampled], "{seen:?}");
        }
        let request = Request::get("/get").header("traceparent", PARENT).header("tracestate", "foo@=1,BAD=1,t@x@y=2");
        let seen = stage.pass(&request.header("tracestate", "foo@=3,z=4"), false)?;
        ensure!(seen.texts("tracestate") == ["foo@=1,t@x@y=2,z=4"], "{seen:?}");
        let whole = format!("tenant={}", "x".repeat(8_192 - "tenant=".len()));
        let long = Request::get("/get").header("baggage", format!("{whole}x, tenant=a b,{whole}"));
        let seen = stage.pass(&long, false)?;
        ensure!(seen.texts("baggage") == [whole], "{}", seen.texts("baggage").len());
        Ok(())
    });
}

#[test]
fn the_file_keeps_removes_and_sets() {
    each_envoy("headers-file", |envoy, scratch| {
        let more = "  headers:
    hygiene: strict
    keep: [x-user]
    remove: [authorization]
    set:
    - {name: x-caller, value: '%{caller.namespace}/%{caller.serviceAccount}'}
    - {name: x-correlation-id, value: 'id %{requestId}'}
    response: {remove: [content-type]}
  tracing: {mode: strip, requestId: new}
";
        let stage = Stage::with_file(envoy, scratch, &file(more))?;
        let seen = stage.pass(&everything().header("x-caller", "root/admin").header("x-caller", "twice"), false)?;
        ensure!(seen.names() == ["host", "x-caller", "x-correlation-id", "x-request-id", "x-user"], "{seen:?}");
        ensure!(seen.texts("x-caller") == ["httpbin/sleep"], "{seen:?}");
        let [id] = &seen.texts("x-request-id")[..] else { anyhow::bail!("{seen:?}") };
        ensure!(id != "my-own-id" && seen.texts("x-correlation-id") == [format!("id {id}")], "{seen:?}");
        let reply = stage.sleep()?.send(&Request::get("/get"))?;
        ensure!(reply.header("content-type").is_none(), "{reply:?}");
        ensure!(reply.header("x-envoy-upstream-service-time").is_none(), "{reply:?}");
        drop(stage);
        let off = Stage::with_file(envoy, scratch, &file("  headers: {hygiene: off}\n"))?;
        let seen = off.pass(&everything(), false)?;
        for name in ["x-user", "x-real-ip", "x-auth-request-email", "x-forwarded-for"] {
            ensure!(seen.values(name).next().is_some(), "{name}: {seen:?}");
        }
        Ok(())
    });
}

/// `sallyport run` has it from a file; a caller's own is overwritten, and nothing else has it.
#[test]
fn the_upstream_is_shown_the_gateways_credential() {
    each_envoy("headers-credential", |envoy, scratch| {
        let more = "  headers: {credential: {name: x-api-key, prefix: '100% ', secretName: s}}\n";
        scratch.folder("secrets")?;
        scratch.folder("secrets/s")?;
        scratch.write("secrets/s/token", "s3cret")?;
        let secrets = scratch.path().join("secrets").display().to_string();
        let stage = Stage::with_arguments(envoy, scratch, &file(more), &["--secrets", &secrets])?;
        let seen = stage.pass(&everything().header("x-api-key", "mine"), false)?;
        ensure!(seen.texts("x-api-key") == ["100% s3cret"], "{seen:?}");
        Ok(())
    });
}

#[test]
fn what_is_made_to_go_wrong_does_not() {
    each_envoy("headers-hostile", |envoy, scratch| {
        let stage = Stage::with_file(
            envoy,
            scratch,
            &file("  tracing: {formats: [w3c, b3], baggage: [tenant], samplingPerMille: 0}\n"),
        )?;
        let fresh = |seen: &Received| -> Result<()> {
            let [parent] = &seen.texts("traceparent")[..] else { anyhow::bail!("{seen:?}") };
            ensure!(parent.starts_with("00-") && parent.ends_with("-02") && parent.len() == 55, "{parent}");
            ensure!(!parent.contains(TRACE), "{parent}");
            ensure!(seen.texts("tracestate").is_empty(), "{seen:?}");
            Ok(())
        };
        // Two traces are none, and so is one that cannot be read.
        let twice = Request::get("/get").header("traceparent", PARENT).header("traceparent", PARENT);
        fresh(&stage.pass(&twice.header("tracestate", "a=1"), false)?)?;
        for value in [&b"nonsense"[..], b"\xff\xfe", b"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"] {
            let request = Request::get("/get").header("traceparent", value).header("x-user", b"\xff");
            fresh(&stage.pass(&request.header("baggage", b"tenant=\xff").header("b3", value), false)?)?;
        }
        // As many headers as Envoy takes, and each of them one to take away.
        let many = (0..40).fold(Request::get("/get"), |request, number| {
            request.header(format!("x-auth-request-{number}"), "root").header(format!("x-plain-{number}"), "v")
        });
        let seen = stage.pass(&many.header("x-long", "y".repeat(40_000)), false)?;
        ensure!(seen.names().iter().all(|name| !name.starts_with("x-auth-request-")), "{seen:?}");
        ensure!(seen.names().iter().filter(|name| name.starts_with("x-plain-")).count() == 40, "{seen:?}");
        // gRPC, and an upgrade that nobody has asked for: as others.
        let grpc = stage.sleep()?.send(&Request::grpc("/library.Shelves/Get").header("traceparent", PARENT))?;
        ensure!(grpc.status == 200, "{grpc:?}");
        let upgrade = Request::get("/get").header("connection", "upgrade").header("upgrade", "websocket");
        let reply = stage.sleep()?.send(&upgrade.header("traceparent", PARENT))?;
        ensure!(reply.status < 500, "{reply:?}");
        fresh(&stage.pass(&Request::get("/get"), false)?)
    });
}
