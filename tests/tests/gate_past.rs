//! `sallyport status` with a real Prometheus that has a past of two days: pods that are gone, times without scrapes, and a pod that came
//! late to what is to be in force.

use std::fmt::Write as _;
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use sallyport_tests::gate::sallyport;
use sallyport_tests::process::Scratch;
use sallyport_tests::prometheus::Prometheus;
use serde_json::Value;

const EGRESS: &str = "\
apiVersion: sallyport.dev/v1alpha1
kind: Egress
metadata: {name: httpbin, namespace: egress-httpbin}
spec:
  host: httpbin.internal
  upstream: {host: httpbin.example.com, port: 443}
  gateway: {replicas: 2}
  authz:
    rules:
    - {id: readers, action: ALLOW, from: [{source: {serviceAccounts: [shop/web]}}], to: [{operation: {methods: [GET]}}]}
    - {id: batch, action: ALLOW, from: [{source: {serviceAccounts: [shop/batch]}}], to: [{operation: {paths: [/export]}}]}
";
const CANDIDATE: &str = "\
apiVersion: sallyport.dev/v1alpha1
kind: Candidate
metadata: {name: httpbin, namespace: egress-httpbin}
spec:
  remove: [batch]
";
const LOCK: &str = r#"{"version":1,"filter":{"image":"registry.example.com/f","digest":"sha256:abababababababababababababababababababababababababababababababab","candidates":true}}"#;
const WEB: &str = "cluster_2elocal_2fns_2fshop_2fsa_2fweb";
const BATCH: &str = "cluster_2elocal_2fns_2fshop_2fsa_2fbatch";
/// What a pod has in force that has not got the candidate yet.
const OTHER: &str = "fedcba9876543210";

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
/// Since when the stage is, before now.
const STAGE: i64 = -30 * HOUR;
/// Since when Prometheus is.
const BEGIN: i64 = -36 * HOUR;

/// What the workers of a pod say that they have in force.
#[derive(Clone, Copy)]
enum InForce {
    Candidate,
    Other,
    /// Nothing, as those of an old filter.
    Unsaid,
}

/// What is scraped of a pod.
#[derive(Clone, Copy)]
struct Scraped {
    in_force: InForce,
    /// Requests of `web`, and those of `batch`, which are in the region.
    requests: [i64; 2],
    entries: i64,
}

/// What is scraped of each of two pods, so many seconds after now; `None`: it is not.
type Past = fn(pod: usize, at: i64) -> Option<Scraped>;

/// A pod that has the candidate since the stage began, and a request each minute since then.
fn usual(at: i64) -> Scraped {
    let requests = (at - STAGE).max(0) / MINUTE;
    let in_force = if at >= STAGE { InForce::Candidate } else { InForce::Other };
    Scraped { in_force, requests: [requests, requests.min(5)], entries: 0 }
}

struct Scene {
    scratch: Scratch,
    mark: String,
    region: String,
    now: i64,
}

impl Scene {
    fn start() -> Result<Self> {
        let scratch = Scratch::new("past")?;
        for (name, text) in [("egress.yaml", EGRESS), ("httpbin.candidate.yaml", CANDIDATE), ("sallyport.lock", LOCK)] {
            scratch.write(name, text)?;
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs().try_into()?;
        let mut scene = Self { scratch, mark: String::new(), region: String::new(), now };
        scene.run(STAGE, &["promote"])?;
        let of = |text: &str| -> Result<Value> { Ok(serde_json::from_str(text)?) };
        let status = of(&scene.run(0, &["status", "--format", "json"])?)?;
        status["gateways"][0]["digest"].as_str().context("no digest")?.clone_into(&mut scene.mark);
        let plan = of(&scene.run(0, &["plan", "--format", "json"])?)?;
        let region = &plan["waves"][0]["gateways"][0]["next"]["regions"][0]["id"];
        region.as_str().context("no region")?.clone_into(&mut scene.region);
        Ok(scene)
    }

    fn run(&self, at: i64, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(sallyport()?);
        command.env("GIT_CEILING_DIRECTORIES", self.scratch.path().parent().context("no parent")?);
        if at != 0 {
            command.env("SALLYPORT_NOW", (self.now + at).to_string());
        }
        let output = command.args(arguments).current_dir(self.scratch.path()).output()?;
        ensure!(output.status.success(), "{arguments:?}: {output:?}");
        Ok(String::from_utf8(output.stdout)?)
    }

    /// What a status says of the gateway after this past.
    fn status(&self, past: Past) -> Result<Value> {
        let scratch = Scratch::new("past-prometheus")?;
        let prometheus = Prometheus::with_past(&scratch, &self.samples(past)?)?;
        let text = self.run(0, &["status", "--format", "json", "--prometheus", &prometheus.url()])?;
        let root: Value = serde_json::from_str(&text)?;
        Ok(root["gateways"][0].clone())
    }

    fn samples(&self, past: Past) -> Result<String> {
        let mut text = String::new();
        for (pod, name) in ["one", "two"].into_iter().enumerate() {
            let own = format!("namespace=\"egress-httpbin\",gateway=\"httpbin\",pod=\"{name}\"");
            for minute in BEGIN / MINUTE..=0 {
                let at = minute * MINUTE;
                let Some(Scraped { in_force, requests: [web, batch], entries }) = past(pod, at) else { continue };
                let digest = match in_force {
                    InForce::Candidate => self.mark.as_str(),
                    InForce::Other | InForce::Unsaid => OTHER,
                };
                let time = self.now + at;
                let mut series =
                    |name: &str, labels: &str, value: i64| writeln!(text, "{name}{{{own}{labels}}} {value} {time}");
                series("up", "", 1)?;
                series("envoy_server_concurrency", "", 1)?;
                if !matches!(in_force, InForce::Unsaid) {
                    series("sallyport_workers", &format!(",digest=\"{digest}\""), 2)?;
                }
                series("sallyport_requests_total", ",verdict=\"allowed\"", web + batch)?;
                let answered = ",cluster_name=\"outbound|443||a\",response_code_class=\"2xx\"";
                series("envoy_cluster_upstream_rq", answered, web + batch)?;
                let counted = [(WEB, web), (BATCH, batch)].into_iter().filter(|(_, count)| *count > 0);
                for (caller, count) in counted {
                    series("sallyport_caller_total", &format!(",digest=\"{digest}\",caller=\"{caller}\""), count)?;
                }
                if entries > 0 {
                    let region = &self.region;
                    let labels =
                        format!(",digest=\"{digest}\",region=\"{region}\",pair=\"allowed_refused\",caller=\"{BATCH}\"");
                    series("sallyport_region_total", &labels, entries)?;
                }
            }
        }
        Ok(text)
    }

    fn expect(&self, past: Past, follows: &str, says: &str) -> Result<Value> {
        let status = self.status(past)?;
        let missing = status["missing"].to_string();
        ensure!(status["follows"] == follows && missing.contains(says), "not {follows}, {says}: {status:#}");
        Ok(status)
    }
}

#[test]
fn pods_that_are_gone_are_missed() -> Result<()> {
    let scene = Scene::start()?;
    let status = scene.expect(|_, at| Some(usual(at)), "ready", "")?;
    let requests = status["seen"]["requests"].as_u64().context("no number")?;
    ensure!((3600..=3620).contains(&requests), "{status:#}");
    // Both ended ten minutes ago, or one.
    scene.expect(|_, at| (at < -10 * MINUTE).then(|| usual(at)), "waiting", "no pod of the gateway is seen now")?;
    let one = "1 pod of the gateway is seen now, and it has at least 2";
    scene.expect(|pod, at| (pod == 0 || at < -10 * MINUTE).then(|| usual(at)), "waiting", one)?;
    scene.expect(|pod, at| (pod == 0).then(|| usual(at)), "waiting", one)?;
    Ok(())
}

/// What was counted before the stage, by a pod that nobody scraped when it began, is not of the stage; what speaks against a step may be.
#[test]
fn a_time_without_scrapes_is_no_increase() -> Result<()> {
    let scene = Scene::start()?;
    fn of(at: i64, later: i64) -> Option<Scraped> {
        let is_scraped = !(STAGE - HOUR..STAGE + HOUR).contains(&at);
        is_scraped.then_some(Scraped {
            in_force: InForce::Candidate,
            requests: [5000, 5],
            entries: if at < STAGE { 0 } else { later },
        })
    }
    let status = scene.expect(|_, at| of(at, 0), "waiting", "no traffic: there was no request")?;
    ensure!(status["seen"]["requests"] == 0, "{status:#}");
    // Without the gap nothing is counted, either; with requests after it, those are.
    scene.expect(
        |_, at| Some(Scraped { in_force: InForce::Candidate, requests: [5000, 5], entries: 0 }).filter(|_| at <= 0),
        "waiting",
        "no traffic",
    )?;
    let status = scene.expect(
        |_, at| of(at, 0).map(|scraped| Scraped { requests: [5000 + i64::from(at > -HOUR) * 7, 5], ..scraped }),
        "waiting",
        "14 of 1000 requests",
    )?;
    ensure!(status["seen"]["requests"] == 14, "{status:#}");
    scene.expect(|_, at| of(at, 1), "blocked", "2 requests of cluster.local/ns/shop/sa/batch would be refused")?;
    Ok(())
}

/// As long as one pod has something else, or counts and does not say what it has, the gateway is not observed.
#[test]
fn the_time_is_that_of_all_pods() -> Result<()> {
    let scene = Scene::start()?;
    fn late(pod: usize, at: i64, before: InForce) -> Option<Scraped> {
        let is_late = pod == 1 && at < -2 * HOUR;
        Some(if is_late { Scraped { in_force: before, ..usual(at) } } else { usual(at) })
    }
    let pasts: [Past; 2] = [|pod, at| late(pod, at, InForce::Other), |pod, at| late(pod, at, InForce::Unsaid)];
    for past in pasts {
        let status = scene.expect(past, "waiting", "observed for ")?;
        let seconds = status["seen"]["seconds"].as_i64().context("no number")?;
        // It is looked at a few hundred times.
        ensure!((seconds - 2 * HOUR).abs() <= 2 * (-STAGE) / 500, "{status:#}");
    }
    Ok(())
}
