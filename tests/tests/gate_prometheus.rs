//! What a real Prometheus has of the gate, and that every query of the dashboard and of the alerts finds it.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::client::{Caller, Request};
use sallyport_tests::envoys::{Envoy, newest_envoy};
use sallyport_tests::faulty::{Faulty, Mood};
use sallyport_tests::gate::{Gate, Options};
use sallyport_tests::named::{KEPT, Named};
use sallyport_tests::process::Scratch;
use sallyport_tests::prometheus::{
    Prometheus, Queries, Row, Target, asks_of_candidates, asks_the_agent, dashboards, job, promtool,
};
use sallyport_tests::stage::{CALLERS, Stage, UPSTREAM, egress_with, over_http2};

const HEALTH: &str = "
health:
  probe: {path: /health, interval: 300ms, jitter: 0, timeout: 200ms, rise: 1, fall: 2}
  hold: 500ms
  slowStart: {share: 50, duration: 500ms}
";
const AUTHZ: &str = "
rules:
- id: readers
  action: ALLOW
  from: [{source: {serviceAccounts: [httpbin/sleep]}}]
  to: [{operation: {methods: [GET]}}]
- id: no-admin.v2
  action: DENY
  to: [{operation: {paths: [\"/admin*\"]}}]
- id: no-delay
  action: DENY
  stage: shadow
  to: [{operation: {paths: [\"/delay*\"]}}]
";
/// Further gateways before the same upstream: many gates are open when three are.
const OTHERS: [&str; 2] = ["ledger", "partner"];
const PATIENCE: Duration = Duration::from_secs(30);

/// Two pods of one gateway, two more gateways, and an upstream that does as it is told.
struct Scene {
    gate: Gate,
    named: Named,
    others: Vec<(Gate, Scratch)>,
    upstream: Faulty,
    sleep: Caller,
}

impl Scene {
    fn start(envoy: &Envoy, scratch: &Scratch) -> Result<Self> {
        let authority = Authority::new("upstream authority")?;
        let ca = authority.write(scratch, "upstream-ca")?;
        let upstream = Faulty::start(&authority.server(scratch, "upstream", &[UPSTREAM])?)?;
        let egress = over_http2(&egress_with(HEALTH, AUTHZ));
        let options = Options {
            envoy: &envoy.path,
            egress: &egress,
            upstream: upstream.address(),
            authority: &ca,
            callers: &CALLERS,
        };
        let gate = Gate::start(scratch, &options)?;
        let other = |name: &&str| -> Result<(Gate, Scratch)> {
            let scratch = Scratch::new(&format!("prometheus-{name}"))?;
            let egress = egress.replace("{name: httpbin, namespace: egress-httpbin}", &metadata(name));
            Ok((Gate::start(&scratch, &Options { egress: &egress, ..options })?, scratch))
        };
        let others = OTHERS.iter().map(other).collect::<Result<_>>()?;
        let named = Named::start(scratch, envoy, &gate)?;
        // A pod that has not heard of the newest policy.
        named.change("ecds", |text| text.replace("no-delay", "no-wait"))?;
        let sleep = gate.caller("httpbin/sleep")?;
        Ok(Self { gate, named, others, upstream, sleep })
    }

    /// All that Prometheus finds.
    fn targets(&self) -> Result<Vec<Target<'static>>> {
        let target = |gateway, pod, address| Target { gateway, pod, address };
        // Nobody listens on port 1; the last is no gateway's.
        let mute = SocketAddr::from(([127, 0, 0, 1], 1));
        let mut targets = vec![
            target("httpbin", "gate", self.gate.admin_address()?),
            target("httpbin", "named", self.named.admin()),
            target("httpbin", "mute", mute),
            target("", "other", mute),
        ];
        for (name, (gate, _)) in OTHERS.into_iter().zip(&self.others) {
            targets.push(target(name, name, gate.admin_address()?));
        }
        Ok(targets)
    }

    /// Waits for a state in every gateway.
    fn wait_health(&mut self, to: &str) -> Result<()> {
        let others = self.others.iter_mut().map(|(gate, _)| gate);
        std::iter::once(&mut self.gate).chain(others).try_for_each(|gate| gate.wait_health(to).map(drop))
    }

    /// One request of every verdict, to both pods.
    fn round(&self) -> Result<()> {
        let requests = [
            (Request::get("/"), 200),
            (Request::get("/delay/1"), 200),
            (Request::get("/admin"), 403),
            (Request::new("POST", "/"), 403),
            (Request::get("/get;a"), 400),
        ];
        for (request, status) in requests {
            for caller in [self.sleep.clone(), self.sleep.at(self.named.listener())] {
                let reply = caller.send(&request)?;
                ensure!(reply.status == status, "{request:?}: {reply:?}");
            }
        }
        let reply = self.gate.nobody()?.send(&Request::get("/"))?;
        ensure!(reply.status == 401, "{reply:?}");
        Ok(())
    }
}

/// The name and the namespace of a gateway, as the file has them.
fn metadata(name: &str) -> String {
    format!("{{name: {name}, namespace: egress-{name}}}")
}

/// What is counted once is counted once, and its name has become labels.
fn check_labels(prometheus: &Prometheus, rounds: f64) -> Result<()> {
    let expected = [
        ("sallyport_requests_total", "verdict=\"allowed\",reason=\"\"", 2.0),
        ("sallyport_requests_total", "verdict=\"refused\",reason=\"denied\"", 1.0),
        ("sallyport_requests_total", "verdict=\"refused\",reason=\"not_allowed\"", 1.0),
        ("sallyport_requests_total", "verdict=\"refused\",reason=\"no_identity\"", 1.0),
        ("sallyport_requests_total", "verdict=\"refused\",reason=\"ambiguous_request\",kind=\"semicolon\"", 1.0),
        ("sallyport_shadow_total", "verdict=\"would_refuse\"", 1.0),
        ("sallyport_rule_total", "rule=\"readers\",verdict=\"allowed\"", 2.0),
        ("sallyport_rule_total", "rule=\"no_admin_v2\",verdict=\"denied\"", 1.0),
        ("sallyport_rule_total", "rule=\"no_delay\",verdict=\"would_refuse\"", 1.0),
    ];
    for (name, labels, times) in expected {
        let query = format!("{name}{{namespace=\"egress-httpbin\",gateway=\"httpbin\",pod=\"gate\",{labels}}}");
        prometheus.wait(&query, |rows| matches!(rows, [row] if row.value == times * rounds))?;
    }
    let total = prometheus.query("sum(sallyport_requests_total{pod=\"gate\"})")?;
    ensure!(matches!(total.as_slice(), [row] if row.value == 6.0 * rounds), "{total:?}");
    let left = prometheus
        .query("{__name__=~\"sallyport_(requests|rule|other_rules|health_upstream)_.*\",__name__!~\".*_total\"}")?;
    ensure!(left.is_empty(), "{left:?}");
    Ok(())
}

/// As many strange requests as it takes for one to have its time taken.
const STRANGE: usize = 300;

fn strange_requests(scene: &Scene) -> Result<()> {
    let mut connection = scene.sleep.http1()?;
    for number in 0..STRANGE {
        let request = Request::get(format!("/{number}?{number}"))
            .header("user-agent", format!("agent-{number}"))
            .header(format!("x-{number}"), "1")
            .header("x-request-id", format!("sallyport.rule.r{number}.allowed"));
        ensure!(connection.send(&request)?.status == 200, "{request:?}");
    }
    Ok(())
}

/// However strange they are, callers make no series. Returns how many there are.
fn check_bounded(prometheus: &Prometheus, scene: &Scene) -> Result<f64> {
    const SERIES: &str = "count({__name__=~\"sallyport_.*\",pod=\"gate\"})";
    const ALLOWED: &str = "sallyport_requests_total{pod=\"gate\",verdict=\"allowed\"}";
    let value = |rows: &[Row]| rows.first().map_or(0.0, |row| row.value);
    strange_requests(scene)?;
    prometheus.wait("sallyport_filter_microseconds_count{pod=\"gate\"} > 0", |rows| rows.len() == 1)?;
    let (before, allowed) = (value(&prometheus.query(SERIES)?), value(&prometheus.query(ALLOWED)?));
    strange_requests(scene)?;
    prometheus.wait(ALLOWED, |rows| value(rows) == allowed + STRANGE as f64)?;
    let after = value(&prometheus.query(SERIES)?);
    ensure!(before == after, "callers made {} series", after - before);
    Ok(after)
}

#[test]
fn every_query_finds_what_it_asks_for() {
    newest_envoy("prometheus", |envoy, scratch| {
        let mut scene = Scene::start(envoy, scratch)?;
        let config = job(scratch, &scene.targets()?)?;
        println!("{}", promtool(scratch.path(), &["check", "config", "prometheus.yaml"])?);
        let prometheus = Prometheus::start(scratch, &config)?;
        let queries = prometheus.queries()?;
        let all = queries.len();
        ensure!(all >= 50, "only {all} queries");
        let (of_the_agent, mut queries): (Queries, Queries) =
            queries.into_iter().partition(|(_, query)| asks_the_agent(query));
        // `gate_status` has those.
        queries.retain(|(_, query)| !asks_of_candidates(query));

        let up =
            prometheus.wait("up", |rows| rows.len() == 5 && rows.iter().filter(|row| row.value == 1.0).count() == 4)?;
        let names: BTreeSet<_> = up.iter().map(|row| row.label("pod")).collect();
        ensure!(names == BTreeSet::from(["gate", "mute", "named", "ledger", "partner"]), "{up:?}");
        // Nothing has happened yet, and every gate tells that it is closed.
        let states = prometheus.query("sallyport_health_state")?;
        ensure!(states.len() == 4 && states.iter().all(|row| row.value == 0.0), "{states:?}");
        for _ in 0..3 {
            scene.round()?;
            thread::sleep(Duration::from_secs(1));
        }
        check_labels(&prometheus, 3.0)?;
        prometheus.look(&mut queries)?;
        let series = check_bounded(&prometheus, &scene)?;

        scene.upstream.set(Mood::Refuse);
        scene.wait_health("open")?;
        for _ in 0..10 {
            let reply = scene.sleep.send(&Request::get("/"))?;
            ensure!(reply.status == 503, "{reply:?}");
            thread::sleep(Duration::from_millis(200));
        }
        prometheus.wait("sallyport_health_state{target=\"upstream\"} == 2", |rows| rows.len() == 4)?;
        prometheus.look(&mut queries)?;
        scene.upstream.set(Mood::Healthy);
        scene.wait_health("closed")?;

        refuse_and_substitute(&prometheus, &scene, scratch)?;
        let deadline = Instant::now() + PATIENCE;
        while !queries.is_empty() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(500));
            prometheus.look(&mut queries)?;
        }
        ensure!(queries.is_empty(), "these return nothing: {queries:#?}");
        for (title, query) in &of_the_agent {
            ensure!(prometheus.query(query)?.is_empty(), "{title} has no need of a cluster");
        }
        let told: Vec<_> = of_the_agent.iter().map(|(title, _)| title).collect();
        let found = all - told.len();
        println!("{series} series of one pod; {found} of {all} queries returned rows, `cluster_image` has {told:?}");
        Ok(())
    });
}

/// A pod refuses a policy and a listener, does not believe its upstream, and at last has no filter.
fn refuse_and_substitute(prometheus: &Prometheus, scene: &Scene, scratch: &Scratch) -> Result<()> {
    let named = scene.sleep.at(scene.named.listener());
    scene.named.change("ecds", |text| text.replace(r#"\"version\":1}"#, r#"\"version\":77}"#))?;
    scene.named.change("lds", |text| text.replace("\"filter_chains\"", "\"filter_chain\""))?;
    for query in [
        "increase(sallyport_delivery_total{event=\"update_rejected\"}[1m]) > 0",
        "increase(envoy_listener_manager_lds_update_rejected{pod=\"named\"}[1m]) > 0",
    ] {
        prometheus.wait(query, |rows| rows.len() == 1)?;
    }
    let reply = named.send(&Request::get("/admin"))?;
    ensure!(reply.status == 403 && reply.spoken().reason == "denied", "the old policy is not in force: {reply:?}");

    let expired = Authority::expired("an authority of old")?.write(scratch, "expired")?;
    let trusted = scratch.path().join("upstream-ca.pem").display().to_string();
    scene.named.change("cds", |text| text.replace(&trusted, &expired.display().to_string()))?;
    prometheus.wait("increase(sallyport_unverified_total{cause=\"error\"}[1m]) > 0", |rows| rows.len() == 1)?;

    scene.named.substitute()?;
    prometheus.wait("sallyport_substitute_denied_total", |rows| rows.len() == 1)?;
    for _ in 0..3 {
        let reply = named.send(&Request::get("/"))?;
        ensure!(reply.status == 403 && reply.header("x-sallyport").is_none(), "{reply:?}");
        thread::sleep(Duration::from_millis(700));
    }
    Ok(())
}

#[test]
fn a_long_policy_has_a_thousand_rules_with_series_of_their_own() {
    const RULES: usize = 1_100;
    newest_envoy("series", |envoy, scratch| {
        let rules = (0..RULES)
            .map(|number| format!("- {{id: r{number}, action: ALLOW, to: [{{operation: {{paths: [/{number}]}}}}]}}\n"));
        let stage = Stage::start(envoy, scratch, &format!("rules:\n{}", rules.collect::<String>()))?;
        let target = Target { gateway: "httpbin", pod: "gate", address: stage.gate.admin_address()? };
        let prometheus = Prometheus::start(scratch, &job(scratch, &[target])?)?;
        let mut connection = stage.sleep()?.http1()?;
        for number in 0..RULES {
            ensure!(connection.send(&Request::get(format!("/{number}")))?.status == 200, "{number}");
        }
        prometheus.wait("sum(sallyport_rule_total)", |rows| matches!(rows, [row] if row.value == RULES as f64))?;
        let series = prometheus.query("count(sallyport_rule_total)")?;
        ensure!(matches!(series.as_slice(), [row] if row.value == 1_001.0), "{series:?}");
        let others = prometheus.query("sallyport_rule_total{rule=\"(others)\"}")?;
        ensure!(matches!(others.as_slice(), [row] if row.value == (RULES - 1_000) as f64), "{others:?}");
        Ok(())
    });
}

#[test]
fn rules_whose_ids_differ_in_a_mark_are_one_series() {
    newest_envoy("one-series", |envoy, scratch| {
        let rule =
            |id: &str, path: &str| format!("- {{id: {id}, action: ALLOW, to: [{{operation: {{paths: [{path}]}}}}]}}\n");
        let authz = format!("rules:\n{}{}", rule("read-all", "/first"), rule("read.all", "/second"));
        let stage = Stage::start(envoy, scratch, &authz)?;
        let target = Target { gateway: "httpbin", pod: "gate", address: stage.gate.admin_address()? };
        let prometheus = Prometheus::start(scratch, &job(scratch, &[target])?)?;
        let sleep = stage.sleep()?;
        for path in ["/first", "/second", "/second", "/second"] {
            ensure!(sleep.send(&Request::get(path))?.status == 200, "{path}");
        }
        prometheus.wait("sallyport_requests_total", |rows| matches!(rows, [row] if row.value == 4.0))?;
        let rows = prometheus.query("sallyport_rule_total")?;
        ensure!(matches!(&rows[..], [row] if row.label("rule") == "read_all" && row.value < 4.0), "{rows:?}");
        Ok(())
    });
}

#[test]
fn the_alerts_speak_when_they_must() -> Result<()> {
    print!("{}", promtool(&dashboards(), &["check", "rules", "alerts.yaml"])?);
    print!("{}", promtool(&dashboards(), &["test", "rules", "alerts_test.yaml"])?);
    let (rules, tests) = (
        fs::read_to_string(dashboards().join("alerts.yaml"))?,
        fs::read_to_string(dashboards().join("alerts_test.yaml"))?,
    );
    for alert in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        // Silent where all is well, and somewhere else it speaks.
        ensure!(
            tests.contains(&format!("{{eval_time: 100m, alertname: {alert}}}")),
            "{alert} is not silent in any test"
        );
        ensure!(tests.contains(&format!("alertname: {alert}\n    exp_alerts:")), "{alert} speaks in no test");
    }
    Ok(())
}

#[test]
fn pods_keep_what_is_asked_for() -> Result<()> {
    let pods = fs::read_to_string(sallyport_tests::workspace().join("packager/manifest/tests/golden/injected.txt"))?;
    for pattern in KEPT.concat() {
        ensure!(pods.contains(pattern), "{pattern}");
    }
    Ok(())
}
