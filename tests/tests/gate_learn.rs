//! `sallyport learn`: a policy learned from the log of a gateway in shadow mode lets the same requests through once it is
//! enforced, and nothing else.

use std::process::Command;

use anyhow::{Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::client::Request;
use sallyport_tests::echo::Echo;
use sallyport_tests::envoys::each_envoy;
use sallyport_tests::gate::{Gate, Options, sallyport};
use sallyport_tests::process::Scratch;
use sallyport_tests::stage::{UPSTREAM, egress_with};

/// Callers whose requests are learned from; one more does nothing but try.
const CALLERS: usize = 24;

/// A first rule, that no request matches. The filter looks at callers only if a rule does.
const FIRST: &str = "
rules:
- id: nothing
  action: ALLOW
  from: [{source: {serviceAccounts: [none/none]}}]
  to: [{operation: {paths: [/none]}}]
";

/// What a caller does: each number of its kind has its own.
fn requests(caller: usize) -> Vec<(&'static str, String)> {
    let mut requests = vec![("GET", "/items".to_owned())];
    requests.extend((0..3).map(|order| ("GET", format!("/orders/{}", caller * 100 + order))));
    match caller % 4 {
        0 => requests.push(("POST", "/orders".to_owned())),
        1 => requests.push(("DELETE", format!("/orders/{caller}/lines/{}", caller + 7))),
        2 => requests.push(("GET", "/orders/export".to_owned())),
        _ => requests.extend(["%C3%A9t%C3%A9", "%c3%a9t%c3%a9", "a+b@c"].map(|name| ("GET", format!("/{name}/x")))),
    }
    requests
}

fn account(caller: usize) -> String {
    format!("team-{}/job-{caller}", caller % 3)
}

fn learn(scratch: &Scratch, arguments: &[&str]) -> Result<String> {
    let output = Command::new(sallyport()?).arg("learn").args(arguments).current_dir(scratch.path()).output()?;
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    ensure!(output.status.success(), "{arguments:?}: {text}");
    Ok(text)
}

#[test]
fn what_was_learned_lets_the_same_requests_through() {
    each_envoy("learn", |envoy, scratch| {
        let authority = Authority::new("upstream authority")?;
        let ca = authority.write(scratch, "upstream-ca")?;
        let echo = Echo::start(&authority.server(scratch, "upstream", &[UPSTREAM])?)?;
        let accounts: Vec<String> = (0..=CALLERS).map(account).collect();
        let accounts: Vec<&str> = accounts.iter().map(String::as_str).collect();
        // All that passes, passes because of the shadow mode.
        let egress = egress_with("rollout: {stage: shadow}\ntracing: {mode: envoy}", FIRST);
        let options = Options {
            envoy: &envoy.path,
            egress: &egress,
            upstream: echo.address(),
            authority: &ca,
            callers: &accounts,
        };
        let mut gate = Gate::start(scratch, &options)?;
        let mut sent = 0;
        for caller in 0..CALLERS {
            let client = gate.caller(&account(caller))?;
            for (method, path) in requests(caller) {
                let reply = client.send(&Request::new(method, &path))?;
                ensure!(reply.status == 200, "{method} {path}: {reply:?}");
                sent += 1;
            }
        }
        let log = gate.wait_until("the log", Gate::access_log, |log| log.lines().count() >= sent)?;
        ensure!(log.contains("would_refuse:not_allowed"), "{log}");
        scratch.write("access.log", &log)?;
        let text = learn(scratch, &["access.log", "--merge", "egress.yaml", "--write"])?;
        ensure!(text.contains(&format!("{sent} lines: {sent} learned from")) && text.contains("all allowed"), "{text}");

        // Enforced, the same requests pass, and others do not.
        let learned = std::fs::read_to_string(scratch.path().join("egress.yaml"))?;
        gate.save_good(&learned.replace("stage: shadow", "stage: enforce"))?;
        for caller in 0..CALLERS {
            let client = gate.caller(&account(caller))?;
            for (method, path) in requests(caller) {
                let reply = client.send(&Request::new(method, &path))?;
                ensure!(reply.status == 200, "{method} {path} of {caller}: {reply:?}\n{learned}");
            }
            // An order that nobody asked for is what the template is for.
            ensure!(client.send(&Request::get("/orders/4711"))?.status == 200, "{learned}");
            for (method, path) in [("GET", "/admin"), ("PUT", "/items"), ("GET", "/orders/4711/lines/1")] {
                let reply = client.send(&Request::new(method, path))?;
                ensure!(reply.status == 403, "{method} {path} of {caller}: {reply:?}\n{learned}");
            }
            let export = client.send(&Request::get("/orders/export"))?.status;
            ensure!(export == if caller % 4 == 2 { 200 } else { 403 }, "{caller}: {export}\n{learned}");
        }
        let stranger = gate.caller(&account(CALLERS))?;
        ensure!(stranger.send(&Request::get("/items"))?.status == 403, "{learned}");

        // The filter's own lines are about a part of the same requests.
        scratch.write("envoy.log", gate.envoy_log()?)?;
        let text = learn(scratch, &["envoy.log", "--merge", "egress.yaml"])?;
        ensure!(text.contains("no rule is missing") && text.contains("the gateway refused it"), "{text}");
        Ok(())
    });
}
