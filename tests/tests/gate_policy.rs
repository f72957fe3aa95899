//! The policy as it changes: shadow rules, saves under load, and files that must not come into force.

use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use sallyport_tests::client::{Caller, Request};
use sallyport_tests::envoys::each_envoy;
use sallyport_tests::gate::Saved;
use sallyport_tests::load::Load;
use sallyport_tests::stage::{Stage, egress, egress_with};

const READERS: &str = "
discloseRule: true
rules:
- id: readers
  action: ALLOW
  from: [{source: {serviceAccounts: [httpbin/sleep]}}]
  to: [{operation: {methods: [GET], paths: [/get]}}]
";

fn status(caller: &Caller, path: &str) -> Result<u16> {
    Ok(caller.send(&Request::get(path))?.status)
}

#[test]
fn shadow_rules_let_through_and_report() {
    const AUTHZ: &str = "
discloseRule: true
rules:
- id: readers
  action: ALLOW
  from: [{source: {serviceAccounts: [httpbin/sleep]}}]
- id: no-delay
  action: DENY
  stage: shadow
  to: [{operation: {paths: [\"/delay/{*}\"]}}]
- id: soon
  action: ALLOW
  stage: shadow
  from: [{source: {serviceAccounts: [httpbin/writer]}}]
";
    each_envoy("shadow", |envoy, scratch| {
        let mut stage = Stage::start(envoy, scratch, AUTHZ)?;

        let told = stage.sleep()?.send(&Request::get("/delay/1"))?;
        let spoken = told.spoken();
        ensure!(told.status == 200 && spoken.rule == "readers", "{told:?}");
        ensure!((spoken.shadow.as_str(), spoken.shadow_rule.as_str()) == ("refused", "no-delay"), "{told:?}");

        let told = stage.sleep()?.send(&Request::get("/get"))?;
        ensure!(told.status == 200 && told.spoken().shadow.is_empty(), "{told:?}");
        let told = stage.writer()?.send(&Request::get("/get"))?;
        ensure!(told.status == 403 && told.spoken().reason == "not_allowed", "{told:?}");

        // The whole policy in shadow: nothing is refused, and what would have been is reported.
        stage.gate.save_good(&egress_with("rollout: {stage: shadow}", READERS))?;
        let told = stage.stranger()?.send(&Request::get("/get"))?;
        ensure!((told.status, told.spoken().shadow.as_str()) == (200, "refused"), "{told:?}");
        let told = stage.sleep()?.send(&Request::get("/get"))?;
        ensure!((told.status, told.spoken().shadow.as_str()) == (200, ""), "{told:?}");
        Ok(())
    });
}

#[test]
fn the_rule_is_disclosed_only_where_the_file_says_so() {
    each_envoy("disclosure", |envoy, scratch| {
        let stage = Stage::start(envoy, scratch, &READERS.replace("discloseRule: true\n", ""))?;

        let allowed = stage.sleep()?.send(&Request::get("/get"))?;
        ensure!((allowed.status, allowed.header("x-sallyport")) == (200, None), "{allowed:?}");
        let refused = stage.sleep()?.send(&Request::get("/other"))?;
        let spoken = refused.spoken();
        ensure!(refused.status == 403 && spoken.reason == "not_allowed" && !spoken.id.is_empty(), "{refused:?}");
        ensure!(!refused.text().contains("readers") && spoken.rule.is_empty(), "{refused:?}");

        let head = stage.sleep()?.send(&Request::new("HEAD", "/other"))?;
        ensure!(head.status == 403 && head.body.is_empty(), "{head:?}");
        let ambiguous = stage.sleep()?.send(&Request::get("/get//"))?;
        ensure!(ambiguous.status == 400 && ambiguous.spoken().reason == "ambiguous_request", "{ambiguous:?}");
        Ok(())
    });
}

#[test]
fn a_save_under_load_loses_nothing() {
    const CONNECTIONS: u32 = 8;
    const SECONDS: u32 = 6;
    each_envoy("load", |envoy, scratch| {
        // `/get` is open to everyone in every version; `/flip` is allowed in every other one.
        let version = |number: u32| {
            let flip = if number.is_multiple_of(2) { "/flip" } else { "/flop" };
            egress(&format!(
                "rules:\n- id: open-{number}\n  action: ALLOW\n  to: [{{operation: {{paths: [/get, {flip}]}}}}]\n"
            ))
        };
        let mut stage = Stage::with_file(envoy, scratch, &version(0))?;
        let sleep = stage.sleep()?;
        let connections_before = connections(&stage)?;
        let load = Load::start(stage.gate.listener(), stage.gate.host(), "/get", CONNECTIONS, SECONDS)?;
        let mut held = sleep.http1()?;
        let mut held2 = sleep.http2()?;
        for number in 1..=6 {
            thread::sleep(Duration::from_millis(400));
            stage.gate.save_good(&version(number))?;
            let expected = if number.is_multiple_of(2) { 200 } else { 403 };
            // The connections that were open before the change are governed by it too.
            for reply in [held.send(&Request::get("/flip"))?, held2.send(&Request::get("/flip"))?] {
                ensure!(reply.status == expected, "version {number}: {reply:?}");
            }
            ensure!(held.send(&Request::get("/get"))?.status == 200);
        }
        let summary = load.finish()?;
        ensure!(summary.total > 0 && summary.succeeded == summary.total, "{summary:?}");
        ensure!(summary.failed + summary.errored + summary.timeout == 0, "{summary:?}");
        ensure!(summary.classes == [summary.total, 0, 0, 0], "{summary:?}");
        let opened = connections(&stage)? - connections_before;
        ensure!(
            opened == u64::from(CONNECTIONS) + 2,
            "{opened} connections were opened: some were dropped on a change"
        );
        Ok(())
    });
}

/// How many connections callers have opened so far.
fn connections(stage: &Stage) -> Result<u64> {
    let stats = stage.gate.admin("/stats?filter=downstream_cx_total")?;
    let lines = stats.lines().filter(|line| line.starts_with("http.") && !line.starts_with("http.admin"));
    Ok(lines.filter_map(|line| line.split_once(": ")?.1.trim().parse::<u64>().ok()).sum())
}

#[test]
fn a_bad_file_changes_nothing() {
    let rule = |body: &str| format!("discloseRule: true\nrules:\n- id: readers\n  action: ALLOW\n{body}");
    let whole = |from: &str, to: &str| egress(READERS).replace(from, to);
    let bad: Vec<(&str, String)> = vec![
        ("nothing at all", String::new()),
        ("no YAML", "spec: [".to_owned()),
        ("another kind", whole("kind: Egress", "kind: Ingress")),
        ("another version", whole("sallyport.dev/v1alpha1", "sallyport.dev/v9")),
        ("two documents", format!("{}---\n{}", egress(READERS), egress(READERS))),
        ("an unknown field", whole("discloseRule", "discloseRules")),
        ("a duplicate key", whole("discloseRule: true", "discloseRule: true\n    discloseRule: true")),
        ("an unknown action", whole("action: ALLOW", "action: PERMIT")),
        ("a wrong type", whole("methods: [GET]", "methods: {GET: 1}")),
        ("a rule that says nothing", egress(&rule(""))),
        ("an empty list", egress(&rule("  from: [{source: {namespaces: []}}]\n"))),
        ("a bad template", egress(&rule("  to: [{operation: {paths: [\"/a/{**}/{*}\"]}}]\n"))),
        ("a bad principal", egress(&rule("  from: [{source: {principals: [spiffe//sleep]}}]\n"))),
        ("a bad address block", egress(&rule("  from: [{source: {ipBlocks: [10.0.0.0/33]}}]\n"))),
        ("a bad expression", egress(&rule("  to: [{operation: {pathRegex: [\"/(\"]}}]\n"))),
        ("an unknown key", egress(&rule("  when: [{key: request.header, values: [a]}]\n"))),
        (
            "a duplicate id",
            egress(&format!("{READERS}- id: readers\n  action: DENY\n  to: [{{operation: {{paths: [/a]}}}}]\n")),
        ),
    ];
    each_envoy("bad-files", move |envoy, scratch| {
        let mut stage = Stage::start(envoy, scratch, READERS)?;
        let sleep = stage.sleep()?;
        for (what, text) in &bad {
            match stage.gate.save_and_wait(text)? {
                Saved::Refused(diagnostics) => ensure!(!diagnostics.is_empty(), "{what}: refused without a word"),
                Saved::Live { .. } => anyhow::bail!("{what} came into force:\n{text}"),
            }
            ensure!(status(&sleep, "/get")? == 200, "{what}: the old policy is gone");
            ensure!(status(&sleep, "/other")? == 403, "{what}: the old policy is gone");
            stage.gate.check_running()?;
        }
        // And a good one is taken up after all of them.
        stage.gate.save_good(&egress(&READERS.replace("/get", "/other")))?;
        ensure!(status(&sleep, "/get")? == 403);
        ensure!(status(&sleep, "/other")? == 200);
        Ok(())
    });
}
