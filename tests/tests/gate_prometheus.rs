//! Dashboard and alerts against a real Prometheus that scrapes a real gate: every query is one, and has rows.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sallyport_tests::client::Request;
use sallyport_tests::envoys::newest_envoy;
use sallyport_tests::prometheus::{Prometheus, dashboards};
use sallyport_tests::stage::{Stage, egress};
use serde_json::Value;

const FILE: &str = "
rules:
- id: readers
  action: ALLOW
  from: [{source: {serviceAccounts: [httpbin/sleep]}}]
- id: no-admin.v2
  action: DENY
  to: [{operation: {paths: [/admin]}}]
- id: on-trial
  action: DENY
  mode: shadow
  to: [{operation: {paths: [/old]}}]
";
const HEALTH: &str = "  health: {probe: {path: /up, interval: 300ms, fall: 2}, hold: 1s}\n";
/// Of alerts: what they look for is not there, or was not for long enough.
const SILENT: [&str; 3] = ["SallyportFilterMissing", "SallyportManyUpstreamsDown", "SallyportPoliciesDiffer"];

fn promtool(arguments: &[&str]) -> Result<()> {
    let output = Command::new("promtool").args(arguments).current_dir(dashboards()).output()?;
    ensure!(output.status.success(), "promtool {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

#[test]
fn alerts_fire_when_they_must_and_only_then() -> Result<()> {
    promtool(&["check", "rules", "alerts.yaml"])?;
    promtool(&["test", "rules", "alerts_test.yaml"])
}

/// Title and query of every panel.
fn panels() -> Result<Vec<(String, String)>> {
    let dashboard: Value = serde_json::from_slice(&fs::read(dashboards().join("grafana.json"))?)?;
    let panels = dashboard["panels"].as_array().context("no panels")?;
    let mut queries = Vec::new();
    for panel in panels {
        let title = panel["title"].as_str().context("no title")?;
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = target["expr"].as_str().context("no query")?;
            let query = query.replace("$namespace", "egress").replace("$gateway", "httpbin");
            queries.push((title.to_owned(), query));
        }
    }
    Ok(queries)
}

/// Writes one past `sallyport run`, which would never do so.
fn refuse_a_configuration(stage: &Stage) -> Result<()> {
    let file = stage.gate.folder()?.join("xds/ecds/ecds.json");
    let text = fs::read_to_string(&file)?.replacen("no-admin", "no admin", 1);
    let mut resource: Value = serde_json::from_str(&text)?;
    resource["version_info"] = "broken".into();
    let beside = file.with_extension("new");
    fs::write(&beside, resource.to_string())?;
    fs::rename(beside, file)?;
    stage.gate.wait_until("word of it", |gate| gate.envoy_log(), |log| log.contains("policy refused"))?;
    Ok(())
}

#[test]
fn every_query_has_rows() {
    newest_envoy("prometheus", |envoy, scratch| {
        let mut stage = Stage::with_file(envoy, scratch, &(egress(FILE) + HEALTH))?;
        let prometheus = Prometheus::start(scratch, stage.gate.admin_address()?)?;
        let mut sleep = stage.sleep()?.http1()?;
        // Rates want two samples, a request in 256 has its time taken, and Envoy hands histograms on each five seconds.
        for _ in 0..32 {
            for path in ["/get", "/get", "/admin", "/old", "/get;a", "/a%2fb"] {
                for _ in 0..20 {
                    sleep.send(&Request::get(path))?;
                }
            }
            stage.gate.nobody()?.send(&Request::get("/get"))?;
            thread::sleep(Duration::from_millis(400));
        }
        // Refused, and then the upstream is not what it should be.
        refuse_a_configuration(&stage)?;
        let well = egress(FILE) + HEALTH;
        let ill = well.replace("path: /up", "path: /up, expect: {statuses: [418]}");
        stage.gate.save_good(&ill)?;
        prometheus.wait("sallyport_health_upstream_state == 2")?;
        thread::sleep(Duration::from_secs(1));
        stage.gate.save_good(&well)?;
        prometheus.wait("sallyport_health_upstream_open_seconds > 0")?;
        stage.gate.save_good(&ill)?;
        prometheus.wait("sallyport_health_upstream_state == 2")?;
        for _ in 0..20 {
            sleep.send(&Request::get("/get"))?;
        }
        thread::sleep(Duration::from_secs(3));

        for (title, query) in panels()? {
            let rows = prometheus.wait(&query).with_context(|| title.clone())?;
            let real = |row: &Value| row["value"][1].as_str().is_some_and(|value| value != "NaN");
            ensure!(rows.iter().any(real), "{title}: {query}: {rows:?}");
        }
        let rules = fs::read_to_string(dashboards().join("alerts.yaml"))?;
        let alerts = rules.split("- alert: ").skip(1).filter_map(|text| {
            let (name, rest) = text.split_once('\n')?;
            let (_, expr) = rest.split_once("expr: ")?;
            Some((name.trim(), expr.lines().next()?))
        });
        for (name, expr) in alerts {
            let rows = if SILENT.contains(&name) { prometheus.query(expr)? } else { prometheus.wait(expr)? };
            ensure!(rows.is_empty() == SILENT.contains(&name), "{name}: {rows:?}");
        }

        let series = prometheus.query(r#"count by (__name__) ({__name__=~"sallyport_.+"})"#)?;
        let names: BTreeSet<_> = series.iter().filter_map(|row| row["metric"]["__name__"].as_str()).collect();
        let count: u64 = series.iter().filter_map(|row| row["value"][1].as_str()?.parse::<u64>().ok()).sum();
        eprintln!("{count} series of {} names for one pod with three rules", names.len());
        let labels = prometheus.query(r#"sallyport_rule_total{rule="no_admin_v2", verdict="denied"}"#)?;
        ensure!(labels.len() == 1, "{labels:?}");
        Ok(())
    });
}
