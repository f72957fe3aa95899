//! What is left behind of a request: details in the access log, counters, log lines.

use anyhow::ensure;
use sallyport_tests::client::Request;
use sallyport_tests::envoys::each_envoy;
use sallyport_tests::stage::Stage;

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
  mode: shadow
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

#[test]
fn counters_tell_each_verdict_and_rule() {
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
