//! A candidate beside the policy in force, in real Envoys with several workers: what is counted, whom it decides for, what each
//! worker has in force, and the way back.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sallyport_core::{Engine, PeerView, RequestView, Verdict};
use sallyport_tests::certs::Authority;
use sallyport_tests::client::{Caller, Request};
use sallyport_tests::echo::Echo;
use sallyport_tests::envoys::{Envoy, each_envoy, newest_envoy};
use sallyport_tests::gate::{Gate, Options, sallyport};
use sallyport_tests::process::Scratch;
use sallyport_tests::prometheus::{Prometheus, Target, job};
use sallyport_tests::stage::{UPSTREAM, egress_with};
use serde_json::Value;

const RULES: &str = "
rules:
# Everyone in the shop.
- id: readers
  action: ALLOW
  from: [{source: {namespaces: [shop, batch]}}]
  to: [{operation: {methods: [GET]}}]
";

/// `/old` is refused.
const CANDIDATE: &str = "apiVersion: sallyport.dev/v1alpha1
kind: Candidate
metadata: {name: httpbin, namespace: egress-httpbin}
spec:
  rules:
  - id: no-old
    action: DENY
    to: [{operation: {paths: [/old]}}]
";

/// Workers of each gate.
const WORKERS: u64 = 2;

/// An Egress with its candidate, in a folder with a lock.
struct Site<'s> {
    scratch: &'s Scratch,
    echo: Echo,
    ca: std::path::PathBuf,
    callers: Vec<String>,
}

impl<'s> Site<'s> {
    fn new(scratch: &'s Scratch, callers: usize) -> Result<Self> {
        let authority = Authority::new("upstream authority")?;
        let ca = authority.write(scratch, "upstream-ca")?;
        let echo = Echo::start(&authority.server(scratch, "upstream", &[UPSTREAM])?)?;
        scratch.write("httpbin.candidate.yaml", CANDIDATE)?;
        let callers = (0..callers).map(|number| format!("shop/web-{number}")).collect();
        Ok(Self { scratch, echo, ca, callers })
    }

    fn gate(&self, envoy: &Envoy) -> Result<Gate> {
        self.gate_in(self.scratch, envoy)
    }

    fn gate_in(&self, scratch: &Scratch, envoy: &Envoy) -> Result<Gate> {
        let callers: Vec<&str> = self.callers.iter().map(String::as_str).collect();
        let egress = egress_with("tracing: {mode: envoy}\ngateway: {replicas: 1}", RULES);
        let options = Options {
            envoy: &envoy.path,
            egress: &egress,
            upstream: self.echo.address(),
            authority: &self.ca,
            callers: &callers,
        };
        let candidate = scratch.path().join("httpbin.candidate.yaml").display().to_string();
        Gate::start_with(scratch, &options, &[&candidate, "--concurrency", &WORKERS.to_string()])
    }

    /// What an operator types in the folder.
    fn sallyport(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new(sallyport()?).args(arguments).current_dir(self.scratch.path()).output()?;
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        ensure!(output.status.success(), "{arguments:?}: {text}");
        Ok(text)
    }

    fn promote(&self, to: &str) -> Result<()> {
        self.sallyport(&["promote", "--to", to, "--without-evidence", "a test"]).map(drop)
    }
}

/// Counters and gauges of the filter, by name.
fn metrics(gate: &Gate) -> Result<BTreeMap<String, u64>> {
    let text = gate.admin("/stats?filter=sallyport")?;
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    let values = lines.filter_map(|(name, value)| Some((name.to_owned(), value.trim().parse().ok()?)));
    Ok(values.map(|(name, value)| (name.trim_start_matches("wasmcustom.").to_owned(), value)).collect())
}

/// The sum of all whose names begin so.
fn sum(metrics: &BTreeMap<String, u64>, prefix: &str) -> u64 {
    metrics.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, value)| value).sum()
}

fn wait_metrics(
    gate: &Gate,
    what: &str,
    holds: impl Fn(&BTreeMap<String, u64>) -> bool,
) -> Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::new();
    for _ in 0..100 {
        found = metrics(gate)?;
        if holds(&found) {
            return Ok(found);
        }
        thread::sleep(Duration::from_millis(100));
    }
    anyhow::bail!("{what}: {found:#?}")
}

/// How many workers have which configuration in force.
fn workers(metrics: &BTreeMap<String, u64>) -> Vec<u64> {
    let counts = metrics.iter().filter(|(name, _)| name.starts_with("sallyport.workers."));
    let mut counts: Vec<u64> = counts.map(|(_, count)| *count).filter(|count| *count > 0).collect();
    counts.sort_unstable();
    counts
}

/// Waits until every worker has the same configuration, and another one than before.
fn wait_workers(gate: &Gate, before: &mut BTreeSet<String>) -> Result<()> {
    let of = |metrics: &BTreeMap<String, u64>| -> BTreeSet<String> {
        let live = metrics.iter().filter(|(name, count)| name.starts_with("sallyport.workers.") && **count > 0);
        live.map(|(name, _)| name.clone()).collect()
    };
    let found = wait_metrics(gate, "every worker has the new configuration", |metrics| {
        // Envoy's main thread has one, too.
        workers(metrics) == [WORKERS + 1] && of(metrics) != *before
    })?;
    *before = of(&found);
    Ok(())
}

/// The lines of the access log about a path.
fn logged(gate: &Gate, path: &str, count: usize) -> Result<Vec<Value>> {
    let of_path = |log: &str| -> Vec<Value> {
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["path"] == path).collect()
    };
    let log = gate.wait_until(path, Gate::access_log, |log| of_path(log).len() >= count)?;
    Ok(of_path(&log))
}

/// The log put to the engine, with the configuration that the gate has: each line is decided, and is in the region, as it says.
fn replay(gate: &Gate, lines: &[Value]) -> Result<()> {
    let discovery = std::fs::read_to_string(gate.folder()?.join("xds/ecds/ecds.json"))?;
    let plugin: Value = serde_json::from_str(&discovery)?;
    let configuration = plugin.pointer("/resources/0/typed_config/config/configuration/value").and_then(Value::as_str);
    let engine = Engine::from_json(configuration.context("no configuration")?.as_bytes())?;
    for line in lines {
        let text = |name: &str| line[name].as_str().unwrap_or_default();
        let names = format!(
            "Hash=1;{}",
            if text("principal").is_empty() { String::new() } else { format!("URI={}", text("principal")) }
        );
        let headers = [
            (":method", text("method")),
            (":path", text("path")),
            (":authority", text("host")),
            ("x-forwarded-client-cert", &names),
        ];
        let headers = headers.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let is_known = !text("principal").is_empty();
        let uri_san = is_known.then(|| text("principal").as_bytes());
        let view = RequestView {
            headers: &headers,
            peer: PeerView { mtls: is_known, uri_san, digest: None },
            ..RequestView::default()
        };
        let decision = engine.on_request(&view);
        let is_refused = matches!(decision.verdict, Verdict::Refuse(_));
        ensure!((text("decision") == "refused") == is_refused, "{line}: {decision:?}");
        ensure!(decision.trial.is_some_and(|trial| trial.id == text("region")), "{line}: {decision:?}");
    }
    Ok(())
}

#[test]
fn a_candidate_is_counted_then_decides_and_goes_back() {
    each_envoy("rollout", |envoy, scratch| {
        let site = Site::new(scratch, 3)?;
        let gate = site.gate(envoy)?;
        let mut in_force = BTreeSet::new();
        wait_workers(&gate, &mut in_force)?;
        site.promote("shadow")?;
        wait_workers(&gate, &mut in_force)?;
        let callers: Vec<Caller> = site.callers.iter().map(|name| gate.caller(name)).collect::<Result<_>>()?;
        for (number, caller) in callers.iter().enumerate() {
            for _ in 0..=number {
                ensure!(caller.send(&Request::get("/old?token=T0P&x"))?.status == 200, "shadow decides nothing");
            }
            ensure!(caller.send(&Request::get("/get"))?.status == 200);
        }
        let found = wait_metrics(&gate, "all are counted", |metrics| {
            sum(metrics, "sallyport.region.") == 6 && sum(metrics, "sallyport.caller.") == 9
        })?;
        let of_region: Vec<_> = found.iter().filter(|(name, _)| name.starts_with("sallyport.region.")).collect();
        for (number, (name, count)) in of_region.iter().enumerate() {
            let caller = format!(".allowed_refused.cluster_2elocal_2fns_2fshop_2fsa_2fweb_2d{number}");
            ensure!(name.ends_with(&caller) && **count == number as u64 + 1, "{of_region:?}");
        }
        let mut parts = of_region.first().context("a region")?.0.split('.').skip(2).map(str::to_owned);
        let (digest, region) = parts.next().zip(parts.next()).context("a digest and a region")?;
        ensure!(
            region.len() == 12 && found.contains_key(&format!("sallyport.region_seen.{digest}.{region}")),
            "{found:#?}"
        );
        // What is in force is what `build` writes, with this filter.
        let status: Value = serde_json::from_str(&site.sallyport(&["status", "--quiet", "--format", "json"])?)?;
        ensure!(status["gateways"][0]["digest"] == digest.as_str(), "{digest}: {status:#}");
        ensure!(found.get(&format!("sallyport.workers.{digest}")) == Some(&(WORKERS + 1)), "{found:#?}");
        // The region is one that `plan` shows, and the one of the access log.
        let plan = site.sallyport(&["plan", "--format", "json"])?;
        ensure!(plan.contains(&region), "{plan}");
        let lines = logged(&gate, "/old", 6)?;
        ensure!(
            lines.iter().all(|line| line["region"] == region.as_str() && line["decision"] == "allowed"),
            "{lines:?}"
        );
        // Examples have no secrets.
        let log = gate.envoy_log()?;
        let example = log.lines().find(|line| line.contains(r#"{"sallyport":"candidate""#)).context("no example")?;
        ensure!(example.contains(&region) && example.contains(r#""path":"/old?token=&","#), "{example}");
        ensure!(!log.contains("T0P"));

        site.promote("enforce")?;
        wait_workers(&gate, &mut in_force)?;
        for caller in &callers {
            ensure!(caller.send(&Request::get("/old"))?.status == 403, "the candidate decides for all");
            ensure!(caller.send(&Request::get("/get"))?.status == 200);
        }
        wait_metrics(&gate, "still counted", |metrics| sum(metrics, "sallyport.region.") == 9)?;
        site.sallyport(&["rollback"])?;
        wait_workers(&gate, &mut in_force)?;
        for caller in &callers {
            ensure!(caller.send(&Request::get("/old"))?.status == 200, "one step leads back");
        }
        ensure!(sum(&metrics(&gate)?, "sallyport.region.") == 9, "nothing is counted without a candidate");
        Ok(())
    });
}

#[test]
fn a_canary_decides_for_the_same_callers_everywhere() {
    newest_envoy("canary", |envoy, scratch| {
        let site = Site::new(scratch, 200)?;
        let rollout = "apiVersion: sallyport.dev/v1alpha1\nkind: Rollout\nmetadata: {name: rollout}\nspec:\n  gates:\n    canary: {steps: [25]}\n";
        scratch.write("rollout.yaml", rollout)?;
        let first = site.gate(envoy)?;
        let mut in_force = BTreeSet::new();
        wait_workers(&first, &mut in_force)?;
        site.promote("shadow")?;
        site.promote("25%")?;
        wait_workers(&first, &mut in_force)?;
        // A replica, started later.
        let replica = Scratch::new("canary-replica")?;
        for file in ["httpbin.candidate.yaml", "rollout.yaml", "sallyport.lock"] {
            replica.write(file, &std::fs::read_to_string(scratch.path().join(file))?)?;
        }
        let second = site.gate_in(&replica, envoy)?;
        let refused = |gate: &Gate, times: usize| -> Result<BTreeSet<String>> {
            let mut refused = BTreeSet::new();
            for name in &site.callers {
                let caller = gate.caller(name)?;
                // Each on a connection of its own, so by either worker.
                let statuses: BTreeSet<u16> =
                    (0..times).map(|_| Ok(caller.send(&Request::get("/old"))?.status)).collect::<Result<_>>()?;
                ensure!(statuses.len() == 1, "{name} is decided in two ways: {statuses:?}");
                if statuses.contains(&403) {
                    refused.insert(name.clone());
                }
            }
            Ok(refused)
        };
        let (one, two) = (refused(&first, 4)?, refused(&second, 2)?);
        ensure!(one == two, "{one:?} {two:?}");
        ensure!((30..=70).contains(&one.len()), "{} of 200", one.len());
        let nobody = first.nobody()?.send(&Request::get("/old"))?;
        ensure!(nobody.status == 401, "who has no identity stays with the policy in force: {nobody:?}");
        // What the filter has counted is what the access log has, and what the candidate decides of each line.
        let lines = logged(&first, "/old", 801)?;
        let told = lines.iter().filter(|line| line["region"].is_string()).count();
        let found = wait_metrics(&first, "all are counted", |metrics| {
            usize::try_from(sum(metrics, "sallyport.region.")).is_ok_and(|sum| sum == told)
        })?;
        // All of them: who has no identity would be refused for another reason.
        ensure!(told == lines.len(), "{told}");
        replay(&first, &lines)?;
        let named =
            found.keys().filter(|name| name.starts_with("sallyport.region.") && !name.ends_with("_others")).count();
        ensure!(named <= 2 * 16 * 2, "{named} callers have counters of their own");
        Ok(())
    });
}

/// Short, so that a test can wait for them.
const GATES: &str = "apiVersion: sallyport.dev/v1alpha1
kind: Rollout
metadata: {name: rollout}
spec:
  gates:
    shadow: {minTime: 2s, minRequests: 20}
    canary: {minTime: 2s, minRequests: 20, steps: [50]}
";

/// A real gate, watched by a real Prometheus.
struct Watched<'s> {
    site: Site<'s>,
    gate: Gate,
    prometheus: Prometheus,
}

impl Watched<'_> {
    fn run(&self, arguments: &[&str]) -> Result<(Option<i32>, String)> {
        let output = Command::new(sallyport()?)
            .args(arguments)
            .args(["--prometheus", &self.prometheus.url()])
            .current_dir(self.site.scratch.path())
            .output()?;
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        Ok((output.status.code(), text))
    }

    /// Waits until the command ends so, and says this.
    fn wait(&self, arguments: &[&str], code: i32, says: &str) -> Result<String> {
        let mut last = (None, String::new());
        for _ in 0..150 {
            last = self.run(arguments)?;
            if last.0 == Some(code) && last.1.contains(says) {
                return Ok(last.1);
            }
            thread::sleep(Duration::from_millis(200));
        }
        anyhow::bail!("{arguments:?} never ended with {code} and `{says}`: {last:?}")
    }

    /// Every caller is active, and asks for this, too.
    fn traffic(&self, path: &str, askers: &[usize]) -> Result<()> {
        for (number, name) in self.site.callers.iter().enumerate() {
            let caller = self.gate.caller(name)?;
            for _ in 0..10 {
                ensure!(caller.send(&Request::get("/get"))?.status == 200);
            }
            if askers.contains(&number) {
                caller.send(&Request::get(path))?;
            }
        }
        Ok(())
    }
}

#[test]
fn what_a_real_gateway_saw_decides() {
    newest_envoy("evidence", |envoy, scratch| {
        let mut site = Site::new(scratch, 3)?;
        // Each namespace of the rule has somebody who could enter the region.
        site.callers.push("batch/nightly".to_owned());
        scratch.write("rollout.yaml", GATES)?;
        let gate = site.gate(envoy)?;
        let mut in_force = BTreeSet::new();
        wait_workers(&gate, &mut in_force)?;
        let beside = Scratch::new("evidence-prometheus")?;
        let target = Target { gateway: "httpbin", pod: "gate", address: gate.admin_address()? };
        let prometheus = Prometheus::start(&beside, &job(&beside, &[target])?)?;
        let watched = Watched { site, gate, prometheus };
        watched.wait(&["promote"], 0, "proposed -> shadow")?;
        wait_workers(&watched.gate, &mut in_force)?;
        // Nobody calls: that is no evidence.
        watched.wait(&["status", "--fail-on", "missing"], 8, "no traffic")?;
        watched.traffic("/old", &[])?;
        // A narrowed region that all could enter, and nobody did.
        watched.wait(&["status", "--fail-on", "missing"], 0, "none of it was refused")?;
        watched.wait(&["promote"], 0, "shadow -> canary 50 %")?;
        wait_workers(&watched.gate, &mut in_force)?;
        // One caller enters it: that blocks, and says who.
        watched.traffic("/old", &[1])?;
        let blocked = "cluster.local/ns/shop/sa/web-1";
        watched.wait(&["status", "--fail-on", "blocked"], 8, blocked)?;
        let (code, text) = watched.run(&["promote"])?;
        ensure!(code == Some(8) && text.contains(blocked), "{code:?} {text}");
        // The report for its team has the request.
        let log = watched.gate.folder()?.join("envoy.log").display().to_string();
        watched.wait(&["status", "--report", "report.json", "--log", &log], 0, "")?;
        let report = std::fs::read_to_string(scratch.path().join("report.json"))?;
        std::fs::remove_file(scratch.path().join("report.json"))?;
        ensure!(report.contains(blocked) && report.contains("/old"), "{report}");
        // Its team knows.
        let region = metrics(&watched.gate)?.into_keys().find_map(|name| {
            let region = name.strip_prefix("sallyport.region.")?.split('.').nth(1)?.to_owned();
            Some(region)
        });
        let waiver = format!(
            "  waivers:\n  - {{gateway: egress-httpbin/httpbin, region: {}, caller: {blocked}, reason: they know, until: 2099-01-01}}\n",
            region.context("no region")?
        );
        scratch.write("rollout.yaml", format!("{GATES}{waiver}"))?;
        watched.traffic("/old", &[])?;
        watched.wait(&["promote"], 0, "canary 50 % -> enforce")?;
        wait_workers(&watched.gate, &mut in_force)?;
        watched.site.sallyport(&["rollback"])?;
        wait_workers(&watched.gate, &mut in_force)?;
        ensure!(watched.gate.caller("shop/web-1")?.send(&Request::get("/old"))?.status == 200);
        Ok(())
    });
}
