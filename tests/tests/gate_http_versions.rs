//! The version of HTTP towards the upstream is the file's, for callers of either version and for probes, and no route is
//! opened from outside.

use anyhow::{Context as _, Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::client::Request;
use sallyport_tests::echo::{Http2Echo, Received};
use sallyport_tests::envoys::{Envoy, each_envoy};
use sallyport_tests::gate::{Gate, Options};
use sallyport_tests::named::Named;
use sallyport_tests::process::Scratch;
use sallyport_tests::stage::{CALLERS, Stage, UPSTREAM, egress_with, over_http2};

const AUTHZ: &str = "rules: [{id: all, action: ALLOW, from: [{source: {serviceAccounts: [httpbin/sleep]}}]}]\n";
const PROBED: &str = "health:\n  probe: {path: /probe, interval: 200ms, timeout: 200ms}\n";

/// A gate, and an upstream that speaks HTTP/2 alone.
fn http2_stage(envoy: &Envoy, scratch: &Scratch, spec: &str) -> Result<(Gate, Http2Echo)> {
    let authority = Authority::new("upstream authority")?;
    let ca = authority.write(scratch, "upstream-ca")?;
    let echo = Http2Echo::start(&authority.server(scratch, "upstream", &[UPSTREAM])?)?;
    let egress = over_http2(&egress_with(spec, AUTHZ));
    let options =
        Options { envoy: &envoy.path, egress: &egress, upstream: echo.address(), authority: &ca, callers: &CALLERS };
    Ok((Gate::start(scratch, &options)?, echo))
}

#[test]
fn the_upstream_is_called_with_the_version_of_the_file() {
    each_envoy("version", |envoy, scratch| {
        let stage = Stage::with_file(envoy, scratch, &egress_with("", AUTHZ))?;
        for http2 in [false, true] {
            ensure!(stage.pass(&Request::get("/get"), http2)?.line == "GET /get HTTP/1.1");
        }
        Ok(())
    });
    each_envoy("version-2", |envoy, scratch| {
        let (gate, echo) = http2_stage(envoy, scratch, "")?;
        for http2 in [false, true] {
            let reply = gate.caller("httpbin/sleep")?.send_over(&Request::get("/get"), http2)?;
            let seen = echo.take().pop().context("the upstream got nothing")?;
            ensure!(reply.status == 200 && seen.line == "GET https://httpbin.org/get HTTP/2", "{reply:?} {seen:?}");
        }
        Ok(())
    });
}

fn first(gate: &Gate, take: impl Fn() -> Vec<Received>) -> Result<Received> {
    let found = std::cell::RefCell::new(Vec::new());
    let read = |_: &Gate| {
        found.borrow_mut().extend(take());
        Ok(found.borrow().len().to_string())
    };
    gate.wait_until("a probe", read, |count| count != "0")?;
    found.into_inner().into_iter().next().context("no probe")
}

#[test]
fn a_probe_has_the_version_and_scheme_of_requests_and_no_header_of_envoys() {
    each_envoy("probe", |envoy, scratch| {
        let stage = Stage::with_file(envoy, scratch, &egress_with(PROBED, AUTHZ))?;
        let probe = first(&stage.gate, || stage.echo.take())?;
        ensure!(probe.line == "GET /probe HTTP/1.1" && probe.names() == ["host", "user-agent"], "{probe:?}");
        Ok(())
    });
    each_envoy("probe-2", |envoy, scratch| {
        let (gate, echo) = http2_stage(envoy, scratch, PROBED)?;
        let probe = first(&gate, || echo.take())?;
        ensure!(probe.line == "GET https://httpbin.org/probe HTTP/2" && probe.names() == ["user-agent"], "{probe:?}");
        Ok(())
    });
}

/// A gateway whose filter has been taken away.
#[test]
fn without_the_filter_a_forged_mark_opens_no_route() {
    each_envoy("forged", |envoy, scratch| {
        let stage = Stage::with_file(envoy, scratch, &egress_with("", AUTHZ))?;
        let unguarded = Named::start_with(scratch, envoy, &stage.gate, |manager| {
            if let Some(filters) = manager["http_filters"].as_array_mut() {
                filters.retain(|filter| filter.get("config_discovery").is_none());
            }
        })?;
        let caller = stage.sleep()?.at(unguarded.listener());
        let marks = ["egress-httpbin/httpbin", "egress-httpbin/httpbin"];
        for (name, http2) in [("x-sallyport-route", false), ("X-Sallyport-Route", false), ("x-sallyport-route", true)] {
            let forged = marks.iter().fold(Request::get("/get"), |request, mark| request.header(name, mark));
            let reply = caller.send_over(&forged, http2)?;
            ensure!(reply.status == 404, "{name}: {reply:?}");
        }
        ensure!(stage.echo.count() == 0, "a forged mark opened the route");
        Ok(())
    });
}
