//! What is left behind of a request: details in the access log, counters, log lines.

use anyhow::{Context, Result, ensure};
use sallyport_tests::client::Request;
use sallyport_tests::envoys::each_envoy;
use sallyport_tests::faulty::Mood;
use sallyport_tests::gate::Gate;
use sallyport_tests::stage::{FaultyStage, Stage, egress_with};
use serde_json::Value;

const AUTHZ: &str = "
rules:
- id: readers
  action: ALLOW
  from: [{source: {serviceAccounts: [httpbin/sleep]}}]
  to: [{operation: {methods: [GET]}}]
- id: no-admin
  action: DENY
  to: [{operation: {paths: [\"/admin*\"]}}]
- id: no-delay
  action: DENY
  stage: shadow
  to: [{operation: {paths: [\"/delay*\"]}}]
";

#[test]
fn details_are_in_the_access_log() {
    each_envoy("details", |envoy, scratch| {
        let stage = Stage::start(envoy, scratch, AUTHZ)?;
        let sleep = stage.sleep()?;
        sleep.send(&Request::get("/admin"))?;
        sleep.send(&Request::new("POST", "/get"))?;
        stage.gate.nobody()?.send(&Request::get("/get"))?;
        sleep.send(&Request::get("/get;a"))?;
        for details in [
            "sallyport:denied:no-admin",
            "sallyport:not_allowed",
            "sallyport:no_identity",
            "sallyport:ambiguous_request:semicolon",
        ] {
            stage.gate.wait_until(details, |gate| gate.access_log(), |log| log.contains(details))?;
        }
        Ok(())
    });
}

/// The line of a path, once it is written.
fn line(gate: &Gate, path: &str) -> Result<Value> {
    let is_it = |line: &str| serde_json::from_str::<Value>(line).is_ok_and(|line| line["path"] == path);
    let log = gate.wait_until(path, Gate::access_log, |log| log.lines().any(is_it))?;
    let line = log.lines().find(|line| is_it(line)).unwrap_or_default();
    Ok(serde_json::from_str(line)?)
}

/// Each field of the line: null, or what is told.
fn check(line: &Value, fields: [(&str, &str); 5]) -> Result<()> {
    for (name, value) in fields {
        let told = line[name].as_str().unwrap_or_default();
        ensure!(told == value, "{name} is `{told}` and not `{value}`: {line}");
    }
    Ok(())
}

#[test]
fn what_was_decided_stays_with_the_request() {
    const TOLD: [&str; 5] = ["decision", "rule", "shadow", "health", "caller"];
    let fields =
        |values: [&'static str; 5]| -> [(&str, &str); 5] { std::array::from_fn(|field| (TOLD[field], values[field])) };
    each_envoy("filter-state", |envoy, scratch| {
        let more = "tracing: {mode: envoy}";
        let forwarded = format!("trustedForwarders: [cluster.local/ns/istio-system/sa/ingressgateway]{AUTHZ}");
        let stage = Stage::with_file(envoy, scratch, &egress_with(more, &forwarded))?;
        let sleep = stage.sleep()?;
        for (path, told) in [
            ("/get", ["allowed", "readers", "", "", ""]),
            ("/admin", ["refused", "no-admin", "", "", ""]),
            ("/delay/1", ["allowed", "readers", "would_refuse:denied:no-delay", "", ""]),
            ("/get;a", ["refused", "", "", "", ""]),
        ] {
            sleep.send(&Request::get(path))?;
            check(&line(&stage.gate, path)?, fields(told))?;
        }
        let behalf = Request::get("/get/behalf").header(
            "x-forwarded-client-cert",
            "By=spiffe://a/ns/b/sa/c;URI=spiffe://cluster.local/ns/httpbin/sa/sleep",
        );
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        stage.forwarder()?.send(&behalf.header("traceparent", parent))?;
        let told = line(&stage.gate, "/get/behalf")?;
        check(&told, fields(["allowed", "readers", "", "", "cluster.local/ns/httpbin/sa/sleep"]))?;
        ensure!(told["traceId"] == "0af7651916cd43dd8448eb211c80319c", "{told}");
        ensure!(told["upstreamCertificateEnds"] == "4096-01-01T00:00:00.000Z", "{told}");
        Ok(())
    });
}

#[test]
fn how_the_upstream_was_stays_with_the_request() {
    let health = "tracing: {mode: envoy}
health: {probe: {path: /health, interval: 300ms, timeout: 200ms, rise: 1, fall: 2}, hold: 5s}
";
    each_envoy("filter-state-health", |envoy, scratch| {
        let mut stage = FaultyStage::start(envoy, scratch, health, 1)?;
        let sleep = stage.sleep()?;
        // A worker reads it on its next tick.
        let until = |gate: &Gate, health: &str| -> Result<Value> {
            let lines = (0..50).map(|number| {
                let path = format!("/{health}/{number}");
                sleep.send(&Request::get(&path))?;
                line(gate, &path)
            });
            let mut lines = lines.filter(|line| line.as_ref().map_or(true, |line| line["health"] == health));
            lines.next().with_context(|| format!("{health} is never logged"))?
        };
        let well = until(&stage.gate, "closed")?;
        ensure!(well["decision"] == "allowed" && well["status"] == 200, "{well}");
        stage.upstream.set(Mood::Refuse);
        stage.gate.wait_health("open")?;
        let ill = until(&stage.gate, "open")?;
        ensure!(ill["decision"] == "refused" && ill["rule"] == "readers" && ill["status"] == 503, "{ill}");
        // A request without permission does not count as one that the upstream has failed.
        stage.stranger()?.send(&Request::get("/strange"))?;
        let strange = line(&stage.gate, "/strange")?;
        ensure!(strange["health"].is_null() && strange["decision"] == "refused", "{strange}");
        Ok(())
    });
}

#[test]
fn counters_show_each_verdict_and_rule() {
    each_envoy("counters", |envoy, scratch| {
        let stage = Stage::start(envoy, scratch, AUTHZ)?;
        let sleep = stage.sleep()?;
        for path in ["/get", "/get", "/get", "/admin", "/admin", "/delay/1", "/get;a"] {
            sleep.send(&Request::get(path))?;
        }
        stage.gate.nobody()?.send(&Request::get("/get"))?;

        // Counters are kept in each worker's VM and come out on its tick.
        let lines = [
            "sallyport.requests.allowed: 4",
            "sallyport.requests.denied: 2",
            "sallyport.requests.no_identity: 1",
            "sallyport.requests.would_refuse: 1",
            "sallyport.requests.ambiguous.semicolon: 1",
            "sallyport.rule.readers.allowed: 4",
            "sallyport.rule.no-admin.denied: 2",
            "sallyport.rule.no-delay.would_refuse: 1",
        ];
        stage.gate.wait_until(
            &lines.join(", "),
            |gate| gate.admin("/stats?filter=sallyport"),
            |stats| lines.iter().all(|line| stats.contains(line)),
        )?;
        Ok(())
    });
}

#[test]
fn nobody_writes_lines_into_our_logs() {
    const MARK: &str = "INJECTED";
    each_envoy("injection", |envoy, scratch| {
        let stage = Stage::start(envoy, scratch, AUTHZ)?;
        let sleep = stage.sleep()?;
        let attempts = [
            Request::get(format!("/admin%0d%0a{MARK}")),
            Request::get(format!("/admin\"}}%0a{MARK}")),
            Request::get(format!("/admin\u{2028}{MARK}")),
            Request::get("/admin").host(format!("httpbin.legacy.internal\"{MARK}")),
            Request::get("/admin").header("user-agent", format!("\\n{MARK}\"")),
            Request::get("/admin").header("x-request-id", format!("\";reason=allowed;{MARK}=\"")),
            Request::get("/admin").header("x-forwarded-for", format!("{MARK}\u{85} {MARK}")),
            Request::new(&format!("GET{MARK}"), "/admin"),
            Request::get(format!("/admin?<script>{MARK}</script>")),
        ];
        for request in &attempts {
            // Some of these Envoy refuses itself; what matters is what is written.
            if let Ok(reply) = sleep.send(request) {
                let spoken = reply.header("x-sallyport").unwrap_or_default().to_owned();
                ensure!(reply.status >= 400 && spoken.matches("reason=").count() <= 1, "{request:?}: {reply:?}");
            }
        }
        sleep.send(&Request::get("/admin/last"))?;
        let access =
            stage.gate.wait_until("the last line", |gate| gate.access_log(), |log| log.contains("/admin/last"))?;
        for log in [access, stage.gate.envoy_log()?] {
            for line in log.lines() {
                let start = line.trim_start();
                ensure!(!start.starts_with(MARK) && !line.contains('\r') && !line.contains('\u{2028}'), "{line:?}");
            }
        }
        Ok(())
    });
}
