//! What OpenTelemetry's own SDK makes, as the upstream, of the traces that the gate sends: which spans it records, and of
//! whom they are children.

use anyhow::{Context, Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::client::Request;
use sallyport_tests::envoys::{Envoy, each_envoy};
use sallyport_tests::gate::{Gate, Options};
use sallyport_tests::process::Scratch;
use sallyport_tests::stage::{CALLERS, UPSTREAM, egress_with};
use sallyport_tests::upstream::Traced;
use serde_json::Value;

const AUTHZ: &str = "rules: [{id: all, action: ALLOW, from: [{source: {namespaces: [httpbin]}}]}]\n";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";
/// Requests without a trace.
const SENT: usize = 300;
/// How many a tenth of them is: 30, with a standard deviation of 5.
const A_TENTH: std::ops::RangeInclusive<usize> = 8..=56;
const ALL: std::ops::RangeInclusive<usize> = SENT..=SENT;
const NONE: std::ops::RangeInclusive<usize> = 0..=0;

type Sampler = &'static [(&'static str, &'static str)];

/// The SDK's own: it follows the caller, and records everything where there is none.
const DEFAULT: Sampler = &[];
/// It follows the caller, and records a tenth where there is none.
const RATIO: Sampler = &[("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.1")];
/// It records a tenth of all traces, whatever the caller says.
const OWN_RATIO: Sampler = &[("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.1")];

/// A gate, and the SDK behind it.
struct Sdk {
    gate: Gate,
    _upstream: Traced,
}

impl Sdk {
    fn start(envoy: &Envoy, scratch: &Scratch, tracing: &str, sampler: Sampler) -> Result<Self> {
        let authority = Authority::new("upstream authority")?;
        let ca = authority.write(scratch, "upstream-ca")?;
        let identity = authority.server(scratch, "upstream", &[UPSTREAM])?;
        let upstream = Traced::start(scratch, &identity, sampler)?;
        let egress = egress_with(&format!("tracing: {tracing}"), AUTHZ);
        let options = Options {
            envoy: &envoy.path,
            egress: &egress,
            upstream: upstream.address(),
            authority: &ca,
            callers: &CALLERS,
        };
        Ok(Self { gate: Gate::start(scratch, &options)?, _upstream: upstream })
    }

    /// What the SDK says of each of so many requests.
    fn ask(&self, request: &Request, count: usize) -> Result<Vec<Value>> {
        let mut connection = self.gate.caller("httpbin/sleep")?.http1()?;
        let mut said = Vec::new();
        for _ in 0..count {
            let reply = connection.send(request)?;
            ensure!(reply.status == 200, "{reply:?}");
            said.push(serde_json::from_slice(&reply.body).with_context(|| reply.text())?);
        }
        Ok(said)
    }
}

#[test]
fn an_sdk_behind_the_gate_records_as_it_would_without_it() {
    each_envoy("traces-recorded", |envoy, scratch| {
        for (tracing, sampler, wanted) in [
            // As it was before there was a choice: begun here, and not sampled.
            ("{samplingPerMille: 0}", DEFAULT, NONE),
            ("{samplingPerMille: 0}", RATIO, NONE),
            ("{}", DEFAULT, ALL),
            ("{}", RATIO, A_TENTH),
            ("{}", OWN_RATIO, A_TENTH),
            ("{samplingPerMille: 100}", DEFAULT, A_TENTH),
            ("{samplingPerMille: 100}", RATIO, A_TENTH),
            ("{samplingPerMille: 100}", OWN_RATIO, A_TENTH),
            ("{samplingPerMille: 1000}", DEFAULT, ALL),
            // Whoever decides by the trace id itself is not told otherwise.
            ("{samplingPerMille: 1000}", OWN_RATIO, A_TENTH),
            ("{mode: strip}", DEFAULT, ALL),
        ] {
            let sdk = Sdk::start(envoy, scratch, tracing, sampler)?;
            let said = sdk.ask(&Request::get("/"), SENT)?;
            let recorded = said.iter().filter(|said| said["recorded"] == true).count();
            eprintln!("{tracing} {sampler:?}: {recorded} of {SENT} recorded");
            ensure!(wanted.contains(&recorded), "{tracing} {sampler:?}: {recorded} of {SENT} are recorded");
            // Two that sample a tenth by the trace id have the same tenth.
            for said in said.iter().filter(|_| tracing.contains(": 100}")) {
                let flags = if said["recorded"] == true { "-03" } else { "-02" };
                ensure!(said["traceparent"].as_str().is_some_and(|parent| parent.ends_with(flags)), "{said}");
            }
        }
        Ok(())
    });
}

#[test]
fn the_upstreams_span_is_a_child_of_one_that_is_known() {
    each_envoy("traces-parent", |envoy, scratch| {
        let traced = |path| Request::get(path).header("traceparent", format!("00-{TRACE}-{SPAN}-01"));
        let sdk = Sdk::start(envoy, scratch, "{}", DEFAULT)?;
        let said = sdk.ask(&traced("/known"), 1)?;
        ensure!(said[0]["trace"] == TRACE && said[0]["parent"] == SPAN, "{said:?}");
        ensure!(sdk.ask(&Request::get("/"), 1)?[0]["parent"].is_null(), "a root");
        drop(sdk);
        let sdk = Sdk::start(envoy, scratch, "{parent: gateway, samplingPerMille: 1000}", DEFAULT)?;
        for (request, path) in [(traced("/traced"), "/traced"), (Request::get("/begun"), "/begun")] {
            let said = sdk.ask(&request, 1)?.remove(0);
            ensure!(said["parent"] != SPAN && said["parent"].is_string(), "{said}");
            ensure!((said["trace"] == TRACE) == (path == "/traced"), "{said}");
            let is_it = |line: &Value| line["path"] == path;
            let lines = |log: &str| log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find(is_it);
            let log = sdk.gate.wait_until(path, Gate::access_log, |log| lines(log).is_some())?;
            let line = lines(&log).context("a line")?;
            ensure!(line["spanId"] == said["parent"] && line["traceId"] == said["trace"], "{line} {said}");
        }
        Ok(())
    });
}
