//! The health gate as an operator meets it: its settings change while it is open, an override decides in its place, and
//! its state is in metrics.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sallyport_tests::calls;
use sallyport_tests::client::Request;
use sallyport_tests::crowd::{Crowd, Sample};
use sallyport_tests::envoys::{each_envoy, newest_envoy};
use sallyport_tests::faulty::Mood;
use sallyport_tests::gate::Gate;
use sallyport_tests::stage::{FaultyStage, Stage, egress_with};
use serde_json::{Value, json};

const HEALTH: &str = "
health:
  probe: {path: /health, interval: 400ms, jitter: 0, timeout: 400ms, rise: 2, fall: 2}
  hold: 500ms
  slowStart: {duration: 500ms}
";
const CONNECTIONS: usize = 8;
/// Calls in a row that show that all workers have read the record.
const ALL: usize = 5 * CONNECTIONS;

fn crowd(stage: &FaultyStage) -> Result<Crowd> {
    Ok(Crowd::start(&stage.sleep()?, Request::get("/"), CONNECTIONS, Duration::from_millis(10)))
}

fn has_status(status: u16) -> impl Fn(&Sample) -> bool {
    move |sample| sample.status() == status && !sample.is_refused()
}

/// The text of the gate's counters, gauges and histograms.
fn stats(gate: &Gate) -> Result<String> {
    gate.admin("/stats?filter=sallyport")
}

#[test]
fn an_override_takes_effect_at_once_and_ends_at_once() {
    each_envoy("override", |envoy, scratch| {
        let mut stage = FaultyStage::start(envoy, scratch, HEALTH, 2)?;
        let crowd = crowd(&stage)?;
        let file = |line: &str| FaultyStage::file(&format!("{HEALTH}  {line}\n"));
        crowd.wait_all(ALL, "healthy", has_status(200))?;
        stage.gate.save_good(&file("override: forceOpen"))?;
        crowd.wait_all(ALL, "refused", Sample::is_refused)?;
        stage.gate.save_good(&file("override: forceClosed"))?;
        crowd.wait_all(ALL, "healthy", has_status(200))?;
        // The gate goes on probing and reports what it finds, but the upstream gets requests.
        stage.upstream.set(Mood::Status(500));
        stage.gate.wait_health("open")?;
        crowd.wait_all(ALL, "of the upstream", has_status(500))?;
        stage.gate.save_good(&file(""))?;
        crowd.wait_all(ALL, "refused", Sample::is_refused)?;
        stage.gate.check_running()?;
        let lost = crowd.finish()?.iter().filter(|sample| sample.reply.is_none()).count();
        ensure!(lost == 0, "{lost} calls have no answer");
        Ok(())
    });
}

#[test]
fn an_open_gate_stays_open_through_a_new_policy() {
    each_envoy("edit", |envoy, scratch| {
        let mut stage = FaultyStage::start(envoy, scratch, HEALTH, 2)?;
        stage.upstream.set(Mood::Status(500));
        stage.gate.wait_health("open")?;
        let crowd = crowd(&stage)?;
        crowd.wait_all(ALL, "refused", Sample::is_refused)?;
        let asked = stage.upstream.requests();
        let edits = [
            FaultyStage::file(HEALTH).replace("id: readers", "id: others"),
            FaultyStage::file(&HEALTH.replace("hold: 500ms", "hold: 700ms")),
            FaultyStage::file(&HEALTH.replace("fall: 2}", "fall: 3}\n  passive: {}")),
        ];
        for file in edits {
            stage.gate.save_good(&file)?;
            crowd.wait_all(ALL, "refused", Sample::is_refused)?;
            // The VMs that start with the new policy do not report a healthy upstream.
            let told = stats(&stage.gate)?;
            ensure!(told.contains("sallyport.health.upstream.state: 2"), "{told}");
        }
        ensure!(stage.upstream.requests() == asked, "the upstream was asked");
        stage.upstream.set(Mood::Healthy);
        stage.gate.wait_health("closed")?;
        crowd.wait_all(ALL, "healthy", has_status(200))?;
        crowd.finish()?;
        Ok(())
    });
}

#[test]
fn metrics_show_the_state_of_the_gate() {
    each_envoy("health-metrics", |envoy, scratch| {
        let mut stage = FaultyStage::start(envoy, scratch, &HEALTH.replace("hold: 500ms", "hold: 1500ms"), 2)?;
        let has = |lines: &[&str]| {
            let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            move |stats: &str| lines.iter().all(|line| stats.contains(line.as_str()))
        };
        // Before anything has changed, and before the first request.
        let told = stats(&stage.gate)?;
        ensure!(told.contains("sallyport.health.upstream.state: 0") && !told.contains("changed_at"), "{told}");
        stage.upstream.set(Mood::Status(500));
        stage.gate.wait_health("open")?;
        let crowd = crowd(&stage)?;
        crowd.wait_all(ALL, "refused", Sample::is_refused)?;
        stage.gate.wait_until("open", stats, has(&["sallyport.health.upstream.state: 2"]))?;
        stage.upstream.set(Mood::Healthy);
        stage.gate.wait_health("closed")?;
        let refused = crowd.finish()?.iter().filter(|sample| sample.is_refused()).count();
        let closed = [
            "sallyport.health.upstream.state: 0",
            "sallyport.health.upstream.changes: 3",
            &format!("sallyport.requests.upstream_down: {refused}"),
        ];
        let told = stage.gate.wait_until("closed", stats, has(&closed))?;
        let number = |name: &str| -> Result<u64> {
            let name = format!("sallyport.health.upstream.{name}: ");
            let value = told.lines().find_map(|line| line.split_once(&name)).context(name.clone())?.1;
            Ok(value.parse()?)
        };
        // It was open for `hold` at least.
        ensure!(number("open_seconds")? >= 1, "{told}");
        ensure!(number("changed_at_seconds")? > 1_700_000_000, "{told}");
        ensure!(number("probes_failed")? >= 2 && number("probes_good")? >= 2, "{told}");
        let prometheus = stage.gate.admin("/stats/prometheus?filter=sallyport")?;
        ensure!(prometheus.contains("health_upstream_probe_milliseconds_bucket"), "{prometheus}");
        Ok(())
    });
}

#[test]
fn the_kubelet_is_answered_on_its_own_port_only() {
    each_envoy("readiness", |envoy, scratch| {
        let health = HEALTH.replace("slowStart:", "readiness: upstream\n  slowStart:");
        let mut stage = FaultyStage::start(envoy, scratch, &health, 2)?;
        let nobody = stage.gate.nobody()?;
        let ask = |path: &str| nobody.send(&Request::get(path));
        // On a port of callers the path is a path like any.
        ensure!(ask("/sallyport/ready")?.status == 401);

        // `sallyport run` has no listener for the kubelet, so the filter is configured with the callers' port.
        let file = stage.gate.folder()?.join("xds/ecds/ecds.json");
        let mut document: Value = serde_json::from_slice(&fs::read(&file)?)?;
        document["version_info"] = json!("readiness");
        let value =
            document.pointer_mut("/resources/0/typed_config/config/configuration/value").context("no policy")?;
        let mut policy: Value = serde_json::from_str(value.as_str().context("no text")?)?;
        policy["readiness"]["port"] = json!(stage.gate.listener().port());
        *value = json!(policy.to_string());
        let beside = file.with_extension("new");
        fs::write(&beside, document.to_string())?;
        fs::rename(beside, &file)?;

        let status = |path: &str| ask(path).map(|reply| reply.status.to_string());
        stage.gate.wait_until("ready", |_| status("/sallyport/ready"), |status| status == "200")?;
        // There is nothing else for it, and callers with a certificate are none of it.
        ensure!(status("/sallyport/ready/")? == "404" && status("/")? == "404");
        ensure!(stage.sleep()?.send(&Request::get("/sallyport/ready"))?.text() == "ok\n");
        stage.upstream.set(Mood::Hang);
        stage.gate.wait_health("open")?;
        stage.gate.wait_until("not ready", |_| status("/sallyport/ready"), |status| status == "503")?;
        stage.upstream.set(Mood::Healthy);
        stage.gate.wait_health("half-open")?;
        stage.gate.wait_until("ready", |_| status("/sallyport/ready"), |status| status == "200")?;
        let reply = ask("/sallyport/ready")?;
        ensure!(reply.body.is_empty() && reply.header("x-sallyport").is_none(), "it discloses too much: {reply:?}");
        Ok(())
    });
}

#[test]
fn nothing_traps() {
    each_envoy("traps", |envoy, scratch| {
        let health = format!("{HEALTH}  passive: {{p95: 1s, consecutive: 1000000, consecutiveLocal: 1000000}}\n");
        let mut stage = FaultyStage::start(envoy, scratch, &health, 2)?;
        let sleep = stage.sleep()?;
        let upgrade =
            Request::get("/").header("connection", "upgrade").header("upgrade", "websocket").header("x-test", "1");
        let call = Request::grpc("/library.Shelves/List");
        for mood in [Mood::Healthy, Mood::Grpc("0"), Mood::Reset, Mood::Hang, Mood::Refuse, Mood::Healthy] {
            stage.upstream.set(mood);
            for request in [&Request::get("/"), &Request::new("HEAD", "/"), &upgrade] {
                for _ in 0..5 {
                    sleep.http1()?.send_and_leave(request)?;
                }
                if mood != Mood::Hang {
                    sleep.send(request)?;
                }
            }
            if mood != Mood::Hang {
                sleep.http2()?.send(&call)?;
            }
        }
        stage.gate.check_running()?;
        let log = stage.gate.envoy_log()?;
        let bad = |line: &str| line.contains("[critical]") || line.contains("panicked") || line.contains("[error]");
        ensure!(!log.lines().any(bad), "{log}");
        Ok(())
    });
}

#[test]
fn a_healthy_upstream_costs_no_host_call_more() {
    newest_envoy("health-calls", |envoy, scratch| {
        const REQUESTS: usize = 50;
        let envoy = calls::tracing(scratch, envoy)?;
        let authz = "rules: [{id: readers, action: ALLOW, from: [{source: {namespaces: [httpbin]}}]}]\n";
        let mut seen = Vec::new();
        for health in ["", "health: {probe: {path: /get}}", "health: {passive: {}}"] {
            let folder = sallyport_tests::process::Scratch::new("health-calls-one")?;
            let stage = Stage::in_mesh_with_text_log(&envoy, &folder, &egress_with(health, authz))?;
            seen.push(calls::count(&stage.gate, &stage.sleep()?, &Request::get("/get"), 200, REQUESTS)?);
        }
        let [without, probe, passive] = &seen[..] else { anyhow::bail!("three were counted") };
        // Nothing reads what was decided there, so nobody is told.
        ensure!(!without.contains_key("proxy_set_property"), "{without:?}");
        ensure!(without == probe, "{without:?}\n{probe:?}");
        let mut one_more = without.clone();
        *one_more.entry("proxy_get_property".to_owned()).or_default() += REQUESTS;
        ensure!(&one_more == passive, "{without:?}\n{passive:?}");
        Ok(())
    });
}
