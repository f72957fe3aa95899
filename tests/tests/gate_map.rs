//! The map with what a real Prometheus says of a real gate, and with the gate's own metrics page.

use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use sallyport_tests::client::Request;
use sallyport_tests::envoys::newest_envoy;
use sallyport_tests::gate;
use sallyport_tests::process::Scratch;
use sallyport_tests::prometheus::{Prometheus, Target, job};
use sallyport_tests::stage::Stage;
use serde_json::Value;

const AUTHZ: &str = "
rules:
- id: readers.v2
  action: ALLOW
  from: [{source: {serviceAccounts: [httpbin/sleep]}}]
  to: [{operation: {methods: [GET]}}]
";

fn map(scratch: &Scratch, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(gate::sallyport()?);
    command.arg("map").arg(scratch.path().join("egress.yaml")).args(["--format", "json"]).args(arguments);
    Ok(command.output()?)
}

fn read(output: &Output) -> Result<Value> {
    ensure!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// What is known of the one gateway: requests allowed, refused, and allowed by its rule.
fn counts(map: &Value) -> Result<[u64; 3]> {
    let observed = &map["gateways"][0]["observed"];
    ensure!(observed["pods"] == 1 && observed["health"] == "no gate", "{observed}");
    let refused = observed["refused"].as_object().context("no refusals")?.values().filter_map(Value::as_u64).sum();
    let count = |value: &Value| value.as_u64().with_context(|| format!("no count in {map:#}"));
    Ok([count(&observed["allowed"])?, refused, count(&map["grants"][0]["calls"])?])
}

#[test]
fn the_map_has_what_prometheus_has() {
    newest_envoy("map", |envoy, scratch| {
        let stage = Stage::start(envoy, scratch, AUTHZ)?;
        let admin = stage.gate.admin_address()?;
        let target = Target { gateway: "httpbin", pod: "gate", address: admin };
        let prometheus = Prometheus::start(scratch, &job(scratch, &[target])?)?;
        let sleep = stage.sleep()?;
        let round = |times: usize| -> Result<()> {
            for _ in 0..times {
                ensure!(sleep.send(&Request::get("/"))?.status == 200);
                ensure!(sleep.send(&Request::new("POST", "/"))?.status == 403);
            }
            Ok(())
        };
        let wait = |count: f64| {
            let query = "sallyport_requests_total{verdict=\"refused\"}";
            prometheus.wait(query, |rows| matches!(rows, [row] if row.value == count))
        };
        // An increase begins with the second sample.
        round(1)?;
        wait(1.0)?;
        round(40)?;
        wait(41.0)?;
        let url = prometheus.url();
        let asked = read(&map(scratch, &["--prometheus", &url, "--window", "5m"])?)?;
        let [allowed, refused, calls] = counts(&asked)?;
        ensure!([allowed, refused, calls].iter().all(|count| (38..=60).contains(count)), "{asked:#}");
        ensure!(asked["observed"]["window"] == "5m" && asked["observed"]["warnings"] == serde_json::json!([]));
        ensure!(asked["observed"]["asOf"].as_str().is_some_and(|time| time.starts_with("20") && time.ends_with('Z')));

        // The page has the same series under other names.
        let page = format!("egress-httpbin/httpbin=http://{admin}/stats/prometheus");
        let read_off = read(&map(scratch, &["--metrics", &page])?)?;
        ensure!(counts(&read_off)? == [41, 41, 41], "{read_off:#}");
        ensure!(read_off["observed"]["asOf"].is_null());

        // A file of another gateway: of it nothing is known, which is not the same as nothing.
        let file = std::fs::read_to_string(scratch.path().join("egress.yaml"))?;
        scratch.write("egress.yaml", file.replace("name: httpbin, namespace", "name: other, namespace"))?;
        let other = map(scratch, &["--prometheus", &url])?;
        let (map_of_other, note) = (serde_json::from_slice::<Value>(&other.stdout)?, String::from_utf8(other.stderr)?);
        let unknown = &map_of_other["gateways"][0]["observed"];
        ensure!(*unknown == serde_json::json!({"health": "no data"}), "{map_of_other:#}");
        ensure!(map_of_other["grants"][0]["calls"].is_null(), "{map_of_other:#}");
        ensure!(note.contains("there are metrics, but no file: egress-httpbin/httpbin"), "{note}");

        // Below another prefix there is no Prometheus; and then there is none at all.
        let failed = map(scratch, &["--prometheus", &format!("{url}/wrong")])?;
        let error = String::from_utf8(failed.stderr)?;
        ensure!(
            failed.status.code() == Some(3) && error.contains("does not answer as Prometheus does: 404"),
            "{error}"
        );
        drop(prometheus);
        let failed = map(scratch, &["--prometheus", &url])?;
        let error = String::from_utf8(failed.stderr)?;
        ensure!(failed.status.code() == Some(3) && error.contains("cannot be reached: connection refused"), "{error}");
        ensure!(failed.stdout.is_empty());
        Ok(())
    });
}
