//! What a real Prometheus has of the gate, and that every query of the dashboard and of the alerts finds it.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::client::{Caller, Request};
use sallyport_tests::envoys::{Envoy, newest_envoy};
use sallyport_tests::faulty::{Faulty, Mood};
use sallyport_tests::gate::{Gate, Options};
use sallyport_tests::named::{KEPT, Named};
use sallyport_tests::process::Scratch;
use sallyport_tests::prometheus::{Prometheus, Row, dashboards, job, promtool};
use sallyport_tests::stage::{CALLERS, Stage, UPSTREAM, egress_with};
use serde_json::Value;

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
  mode: shadow
  to: [{operation: {paths: [\"/delay*\"]}}]
";
/// Series of Istio's agent, which needs a cluster. What asks for them is only read by Prometheus here.
const OF_THE_AGENT: [&str; 2] = ["istio_agent_wasm_config_conversion_count", "istio_agent_wasm_remote_fetch_count"];
/// It asks for three gateways at least.
const QUIET: &str = "SallyportGatesOpen";
const PATIENCE: Duration = Duration::from_secs(30);

/// Queries by their titles.
type Queries = Vec<(String, String)>;

/// Every query of the dashboard, with its variables filled in.
fn dashboard() -> Result<Queries> {
    let board: Value = serde_json::from_slice(&fs::read(dashboards().join("grafana.json"))?)?;
    let variables = board["templating"]["list"].as_array().context("no variables")?;
    let mut queries: Queries = Vec::new();
    for variable in variables.iter().filter(|variable| variable["type"] == "query") {
        let query = variable["query"]["query"].as_str().context("no query")?;
        let inner = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
        let (series, label) = inner.and_then(|inner| inner.rsplit_once(", ")).context("no label_values")?;
        queries.push((format!("variable {label}"), format!("count by ({label}) ({series})")));
    }
    let mut ids = BTreeSet::new();
    for panel in board["panels"].as_array().context("no panels")? {
        ensure!(ids.insert(panel["id"].as_u64()), "two panels have one id: {panel}");
        for target in panel["targets"].as_array().into_iter().flatten() {
            ensure!(target["datasource"]["uid"] == "${datasource}", "{target}");
            let title = panel["title"].as_str().context("no title")?;
            let expr = target["expr"].as_str().context("no query")?;
            queries.push((title.to_owned(), expr.to_owned()));
        }
    }
    for (_, query) in &mut queries {
        // The number that stands in where there is nothing would hide that there is nothing.
        *query = query.replace(" or vector(0)", "");
        for (name, value) in
            [("$namespace", "egress-.*"), ("$gateway", "httpbin"), ("$__rate_interval", "30s"), ("$__range", "1m")]
        {
            *query = query.replace(name, value);
        }
        ensure!(!query.contains('$'), "{query}");
    }
    Ok(queries)
}

/// Lets Prometheus run every query, and keeps those that returned nothing.
fn look(prometheus: &Prometheus, queries: &mut Queries) -> Result<()> {
    let mut quiet = Queries::new();
    for (title, query) in queries.drain(..) {
        if prometheus.query(&query).with_context(|| title.clone())?.iter().all(|row| row.value.is_nan()) {
            quiet.push((title, query));
        }
    }
    *queries = quiet;
    Ok(())
}

/// Two pods of one gateway, and an upstream that does as it is told.
struct Scene {
    gate: Gate,
    named: Named,
    upstream: Faulty,
    sleep: Caller,
}

impl Scene {
    fn start(envoy: &Envoy, scratch: &Scratch) -> Result<Self> {
        let authority = Authority::new("upstream authority")?;
        let ca = authority.write(scratch, "upstream-ca")?;
        let upstream = Faulty::start(&authority.server(scratch, "upstream", &[UPSTREAM])?)?;
        let options = Options {
            envoy: &envoy.path,
            egress: &egress_with(HEALTH, AUTHZ),
            upstream: upstream.address(),
            authority: &ca,
            callers: &CALLERS,
        };
        let gate = Gate::start(scratch, &options)?;
        let named = Named::start(scratch, envoy, &gate)?;
        // A pod that has not heard of the newest policy.
        named.change("ecds", |text| text.replace("no-delay", "no-wait"))?;
        let sleep = gate.caller("httpbin/sleep")?;
        Ok(Self { gate, named, upstream, sleep })
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
        // Nobody listens on port 1; the pod without a name is no gateway's.
        let mute = SocketAddr::from(([127, 0, 0, 1], 1));
        let pods = [("gate", scene.gate.admin_address()?), ("named", scene.named.admin()), ("mute", mute), ("", mute)];
        let config = job(scratch, &pods)?;
        println!("{}", promtool(scratch.path(), &["check", "config", "prometheus.yaml"])?);
        let prometheus = Prometheus::start(scratch, &config)?;
        let mut queries = dashboard()?;
        queries.extend(prometheus.alerts()?);
        let all = queries.len();
        ensure!(all >= 50, "only {all} queries");

        let up =
            prometheus.wait("up", |rows| rows.len() == 3 && rows.iter().filter(|row| row.value == 1.0).count() == 2)?;
        let names: BTreeSet<_> = up.iter().map(|row| row.label("pod")).collect();
        ensure!(names == BTreeSet::from(["gate", "mute", "named"]), "{up:?}");
        for _ in 0..3 {
            scene.round()?;
            thread::sleep(Duration::from_secs(1));
        }
        check_labels(&prometheus, 3.0)?;
        look(&prometheus, &mut queries)?;
        let series = check_bounded(&prometheus, &scene)?;

        scene.upstream.set(Mood::Refuse);
        scene.gate.wait_health("open")?;
        for _ in 0..10 {
            let reply = scene.sleep.send(&Request::get("/"))?;
            ensure!(reply.status == 503, "{reply:?}");
            thread::sleep(Duration::from_millis(200));
        }
        prometheus.wait("sallyport_health_state{pod=\"gate\",target=\"upstream\"} == 2", |rows| rows.len() == 1)?;
        look(&prometheus, &mut queries)?;
        scene.upstream.set(Mood::Well);
        scene.gate.wait_health("closed")?;

        refuse_and_substitute(&prometheus, &scene, scratch)?;
        let deadline = Instant::now() + PATIENCE;
        let is_expected =
            |(title, query): &(String, String)| title == QUIET || OF_THE_AGENT.iter().any(|name| query.contains(name));
        while !queries.iter().all(is_expected) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(500));
            look(&prometheus, &mut queries)?;
        }
        let (only_read, silent): (Queries, Queries) = queries.into_iter().partition(is_expected);
        ensure!(silent.is_empty(), "these return nothing: {silent:#?}");
        for name in OF_THE_AGENT {
            ensure!(prometheus.query(name)?.is_empty(), "{name} is there, and what asks for it must find it");
        }
        let only_read: Vec<_> = only_read.iter().map(|(title, _)| title).collect();
        println!("{series} series of one pod; {all} queries, {} of them only read: {only_read:?}", only_read.len());
        Ok(())
    });
}

/// A pod refuses a policy and a listener, does not believe its upstream, and at last has no filter.
fn refuse_and_substitute(prometheus: &Prometheus, scene: &Scene, scratch: &Scratch) -> Result<()> {
    let named = scene.sleep.at(scene.named.listener());
    scene.named.change("ecds", |text| text.replace(r#"\"version\":1,"#, r#"\"version\":77,"#))?;
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
        let prometheus = Prometheus::start(scratch, &job(scratch, &[("gate", stage.gate.admin_address()?)])?)?;
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
    let pods = fs::read_to_string(sallyport_tests::workspace().join("packager/tests/golden/build/injected.txt"))?;
    for pattern in KEPT.concat() {
        ensure!(pods.contains(pattern), "{pattern}");
    }
    Ok(())
}
