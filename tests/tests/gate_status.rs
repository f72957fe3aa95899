//! `sallyport status` and the gates of `plan --emit` with a real Prometheus, which scrapes pages with the filter's series: both
//! give the same answer, and each thing that is missing or wrong has an end of its own.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use sallyport_tests::gate::sallyport;
use sallyport_tests::process::Scratch;
use sallyport_tests::prometheus::{Prometheus, Target, asks_of_candidates, job};
use serde_json::Value;

const EGRESS: &str = "
apiVersion: sallyport.dev/v1alpha1
kind: Egress
metadata: {name: httpbin, namespace: egress-httpbin}
spec:
  host: httpbin.internal
  upstream: {host: httpbin.example.com, port: 443}
  authz:
    rules:
    - {id: readers, action: ALLOW, from: [{source: {serviceAccounts: [shop/web]}}], to: [{operation: {methods: [GET]}}]}
    - {id: batch, action: ALLOW, from: [{source: {serviceAccounts: [shop/batch]}}], to: [{operation: {paths: [/export]}}]}
";
const CANDIDATE: &str = "
apiVersion: sallyport.dev/v1alpha1
kind: Candidate
metadata: {name: httpbin, namespace: egress-httpbin}
spec:
  remove: [batch]
";
const ROLLOUT: &str = "
apiVersion: sallyport.dev/v1alpha1
kind: Rollout
metadata: {name: rollout}
spec:
  gates: {shadow: {minTime: 3s, minRequests: 100}}
";
const LOCK: &str = r#"{"version":1,"filter":{"image":"registry.example.com/f","digest":"sha256:abababababababababababababababababababababababababababababababab","candidates":true}}"#;
const WEB: &str = "cluster_2elocal_2fns_2fshop_2fsa_2fweb";
const BATCH: &str = "cluster_2elocal_2fns_2fshop_2fsa_2fbatch";
const PATIENCE: Duration = Duration::from_secs(60);

/// A pod's metrics page, which may be changed; `None`: it answers with an error.
#[derive(Clone)]
struct Page(Arc<Mutex<Option<String>>>);

impl Page {
    fn start() -> Result<(Self, SocketAddr)> {
        let (page, listener) = (Self(Arc::default()), TcpListener::bind("127.0.0.1:0")?);
        let (served, address) = (page.clone(), listener.local_addr()?);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let mut lines = BufReader::new(&stream).lines();
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                let text = served.0.lock().expect("no thread panics").clone();
                let (status, body) = text.map_or(("500 Oops", String::new()), |text| ("200 OK", text));
                let head = "content-type: text/plain; version=0.0.4\r\nconnection: close";
                let _ = write!(stream, "HTTP/1.1 {status}\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            }
        });
        Ok((page, address))
    }

    fn set(&self, text: &str) {
        *self.0.lock().expect("no thread panics") = Some(text.to_owned());
    }
}

struct Scene {
    scratch: Scratch,
    prometheus: Prometheus,
    pods: [Page; 2],
    since: u64,
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

impl Scene {
    fn start() -> Result<Self> {
        let files = [("httpbin.candidate.yaml", CANDIDATE), ("rollout.yaml", ROLLOUT)];
        let scene = Self::of("status", &files)?;
        let promoted = scene.run(&["promote"])?;
        ensure!(promoted.status.success(), "{promoted:?}");
        Ok(scene)
    }

    /// A Prometheus that scrapes two pods, and a gateway with further files.
    fn of(name: &str, files: &[(&str, &str)]) -> Result<Self> {
        let scratch = Scratch::new(name)?;
        for (name, text) in [("egress.yaml", EGRESS), ("sallyport.lock", LOCK)].iter().chain(files) {
            scratch.write(name, text.trim_start())?;
        }
        let ((one, first), (two, second)) = (Page::start()?, Page::start()?);
        two.set("");
        let target = |pod, address| Target { gateway: "httpbin", pod, address };
        let config = job(&scratch, &[target("one", first), target("two", second)])?;
        // Not among the files that the command reads.
        let prometheus = Prometheus::start(&scratch, &config)?;
        for name in ["prometheus.yaml", "alerts.yaml"] {
            fs::rename(scratch.path().join(name), scratch.path().join(format!("{name}.used")))?;
        }
        Ok(Self { scratch, prometheus, pods: [one, two], since: now() })
    }

    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(sallyport()?);
        // It is in no repository, although it is below the one of this test.
        command.env("GIT_CEILING_DIRECTORIES", self.scratch.path().parent().context("no parent")?);
        command.args(arguments).current_dir(self.scratch.path());
        Ok(command)
    }

    fn run(&self, arguments: &[&str]) -> Result<Output> {
        Ok(self.command(arguments)?.output()?)
    }

    fn status(&self) -> Result<Value> {
        let output = self.run(&["status", "--format", "json", "--prometheus", &self.prometheus.url()])?;
        ensure!(output.status.success(), "{output:?}");
        let root: Value = serde_json::from_slice(&output.stdout)?;
        Ok(root["gateways"][0].clone())
    }

    /// Waits until the status is as expected, and says something that has this text.
    fn wait(&self, follows: &str, says: &str) -> Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.status()?;
            let reasons = status["missing"].as_array().context("no list")?;
            let is_said =
                says.is_empty() || reasons.iter().any(|what| what.as_str().is_some_and(|what| what.contains(says)));
            if status["follows"] == follows && is_said {
                return Ok(status);
            }
            ensure!(Instant::now() < deadline, "not {follows}, {says}: {status:#}");
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// What each emitted gate returns now, by its name, and whether it is within its limits.
    fn gates(&self) -> Result<BTreeMap<String, (Option<f64>, bool)>> {
        let output = self.run(&["plan", "--emit", "gates"])?;
        ensure!(output.status.success(), "{output:?}");
        let folder = self.scratch.path().join("gates/egress-httpbin-httpbin");
        let [templates, analysis] = ["flagger-metric-templates.yaml", "flagger-analysis.yaml"]
            .map(|name| fs::read_to_string(folder.join(name)));
        let templates = yaml_documents(&templates?)?;
        let analysis = yaml_documents(&analysis?)?;
        let argo = fs::read_to_string(folder.join("argo-rollouts.yaml"))?;
        let argo = yaml_documents(&argo)?;
        fs::remove_dir_all(self.scratch.path().join("gates"))?;
        let metrics = analysis[0]["metrics"].as_array().context("no metrics")?;
        ensure!(metrics.len() == templates.len(), "{metrics:?}");
        let window = format!("{}s", now().saturating_sub(self.since).max(1));
        let mut gates = BTreeMap::new();
        for (position, (metric, template)) in metrics.iter().zip(&templates).enumerate() {
            ensure!(metric["templateRef"]["name"] == template["metadata"]["name"], "{metric} {template}");
            let query = template["spec"]["query"].as_str().context("no query")?.replace("{{ interval }}", &window);
            let of_argo = &argo[0]["spec"]["metrics"][position];
            let same = of_argo["provider"]["prometheus"]["query"].as_str().context("no query")?;
            ensure!(same.replace("{{args.window}}", &window) == query, "{same}\n{query}");
            let rows = self.prometheus.query(&query)?;
            ensure!(rows.len() <= 1, "{query}: {rows:?}");
            let value = rows.first().map(|row| row.value);
            let range = &metric["thresholdRange"];
            let passes = value.is_some_and(|value| {
                range["min"].as_f64().is_none_or(|min| value >= min)
                    && range["max"].as_f64().is_none_or(|max| value <= max)
            });
            gates.insert(metric["name"].as_str().context("no name")?.to_owned(), (value, passes));
        }
        Ok(gates)
    }

    /// The emitted gates that are not passed.
    fn closed(&self) -> Result<Vec<String>> {
        let gates = self.gates()?;
        Ok(gates.into_iter().filter(|(_, (_, passes))| !passes).map(|(name, _)| name).collect())
    }
}

fn yaml_documents(text: &str) -> Result<Vec<Value>> {
    text.split("---\n").map(|document| sallyport_egress::yaml_value(document).context("no YAML")).collect()
}

/// What a worker's filter exports, with these counts of both callers, and of requests of `batch` in the region.
fn page(digest: &str, [web, batch]: [u32; 2], more: &str) -> String {
    let caller = |name: &str, count: u32| match count {
        0 => String::new(),
        count => format!("sallyport_caller_{digest}_{name} {count}\n"),
    };
    format!(
        "envoy_server_concurrency 1\nsallyport_config_loaded_at_seconds {}\nsallyport_workers_{digest} 2\n{}{}{}{more}",
        now(),
        caller(WEB, web),
        caller(BATCH, batch),
        match web + batch {
            0 => String::new(),
            all => format!(
                "sallyport_requests_allowed {all}\nenvoy_cluster_upstream_rq{{cluster_name=\"outbound|443||a\",response_code_class=\"2xx\"}} {all}\n"
            ),
        }
    )
}

#[test]
fn the_status_and_the_emitted_gates_agree_with_what_prometheus_has() -> Result<()> {
    let scene = Scene::start()?;
    let [one, two] = &scene.pods;
    // A pod that does not answer, and one without the filter: no data.
    scene.wait("waiting", "pod one does not answer Prometheus")?;
    let status = scene.wait("waiting", "no data: the pods have no series of the filter")?;
    ensure!(status["seen"]["answer"] == "noData", "{status:#}");
    ensure!(scene.closed()?.contains(&"requests".to_owned()));

    // Both have the candidate, and there is no request.
    let digest = status["digest"].as_str().context("no digest")?.to_owned();
    let quiet = page(&digest, [0, 0], "sallyport_requests_allowed 0\n");
    one.set(&quiet);
    two.set(&quiet);
    let status = scene.wait("waiting", "no traffic")?;
    ensure!(status["seen"]["answer"] == "noTraffic", "{status:#}");

    // One caller that could enter the region is not active.
    one.set(&page(&digest, [200, 0], ""));
    two.set(&page(&digest, [300, 0], ""));
    scene.wait("waiting", "cluster.local/ns/shop/sa/batch could enter it and was not active")?;
    let closed = scene.closed()?;
    ensure!(closed.iter().any(|name| name.starts_with("active-")), "{closed:?}");

    // All were active, and none entered.
    one.set(&page(&digest, [200, 3], ""));
    two.set(&page(&digest, [300, 0], ""));
    let status = scene.wait("ready", "")?;
    ensure!(status["seen"]["answer"] == "noneRefused", "{status:#}");
    let requests = status["seen"]["requests"].as_f64().context("no number")?;
    ensure!((503.0..560.0).contains(&requests), "{status:#}");
    ensure!(scene.closed()?.is_empty(), "{:?}", scene.gates()?);
    let planned = scene.run(&["plan", "--prometheus", &scene.prometheus.url()])?;
    let text = String::from_utf8(planned.stdout)?;
    ensure!(
        text.contains("evidence: 50") && text.contains("none of it was refused") && !text.contains("missing:"),
        "{text}"
    );

    // Workers with another policy.
    two.set(&page("fedcba9876543210", [300, 0], ""));
    scene.wait("waiting", "pod two: 0 of 2 threads have what `sallyport build` writes")?;
    ensure!(scene.closed()? == ["others"], "{:?}", scene.gates()?);
    two.set(&page(&digest, [301, 0], ""));
    let status = scene.wait("ready", "")?;

    // One request enters: its series is new, so no increase shows it.
    let region = status["seen"]["regions"][0]["id"].as_str().context("no region")?.to_owned();
    let entered = format!(
        "sallyport_region_{digest}_{region}_allowed_refused_{BATCH} 1\nsallyport_region_seen_{digest}_{region} {}\n",
        now()
    );
    one.set(&page(&digest, [201, 4], &entered));
    let status = scene.wait("blocked", "1 request of cluster.local/ns/shop/sa/batch would be refused")?;
    ensure!(status["seen"]["answer"] == "someRefused" && status["seen"]["regions"][0]["entered"] == 1, "{status:#}");
    ensure!(scene.closed()? == [format!("region-{region}")], "{:?}", scene.gates()?);
    let mut queries = scene.prometheus.queries()?;
    queries.retain(|(_, query)| asks_of_candidates(query));
    ensure!(!queries.is_empty(), "no alert is about candidates");
    scene.prometheus.look(&mut queries)?;
    ensure!(queries.is_empty(), "these return nothing: {queries:#?}");
    let reported = scene.run(&["status", "--report", "refused.json", "--prometheus", &scene.prometheus.url()])?;
    ensure!(reported.status.success(), "{reported:?}");
    let report: Value = serde_json::from_slice(&fs::read(scene.scratch.path().join("refused.json"))?)?;
    let refused = &report["callers"][0]["refused"][0];
    ensure!(refused["requests"] == 1 && refused["first"].is_string() && refused["last"].is_string(), "{report:#}");
    // The counters are reset: it is not forgotten.
    one.set(&page(&digest, [5, 1], ""));
    thread::sleep(Duration::from_secs(2));
    scene.wait("blocked", "1 request of cluster.local/ns/shop/sa/batch would be refused")?;
    ensure!(scene.closed()? == [format!("region-{region}")], "{:?}", scene.gates()?);
    let refused = scene.run(&["promote", "--prometheus", &scene.prometheus.url()])?;
    ensure!(refused.status.code() == Some(8), "{refused:?}");
    let text = String::from_utf8(refused.stderr)?;
    ensure!(text.contains("evidence: region ") && !text.contains("time:"), "{text}");
    let failed = scene.run(&["status", "--fail-on", "blocked", "--prometheus", &scene.prometheus.url()])?;
    ensure!(failed.status.code() == Some(8), "{failed:?}");

    // A waiver by name opens both.
    let waiver = format!(
        "  waivers:\n  - {{gateway: egress-httpbin/httpbin, region: {region}, caller: cluster.local/ns/shop/sa/batch, \
         reason: gone, until: 2999-12-31}}\n"
    );
    scene.scratch.write("rollout.yaml", format!("{}{waiver}", ROLLOUT.trim_start()))?;
    scene.wait("ready", "")?;
    ensure!(scene.closed()?.is_empty(), "{:?}", scene.gates()?);

    // Errors of the upstream.
    let errors = "envoy_cluster_upstream_rq{cluster_name=\"outbound|443||a\",response_code_class=\"5xx\"} 90\n";
    two.set(&page(&digest, [302, 0], errors));
    scene.wait("blocked", "requests were answered with 5xx by the gateway or its upstream: ")?;
    ensure!(scene.closed()? == ["errors"], "{:?}", scene.gates()?);

    // A series that the job does not rename, as nothing is known of its verdicts; and another clock than Prometheus has.
    let unknown = format!("sallyport_region_{digest}_{region}_allowed_perhaps_{BATCH}");
    two.set(&page(&digest, [303, 0], &format!("{errors}{unknown} 1\n")));
    scene.wait("blocked", &format!("nothing is known of a series `{unknown}`"))?;
    let mut late = scene.command(&["status", "--prometheus", &scene.prometheus.url()])?;
    let late = late.env("SALLYPORT_NOW", (now() + 600).to_string()).output()?;
    let text = String::from_utf8(late.stdout)?;
    ensure!(text.contains("a clock is wrong: by Prometheus it is "), "{text}");
    Ok(())
}

/// The counter of all requests has no digest: what another filter counted in the same pods is no evidence for this one.
#[test]
fn a_filter_is_judged_by_the_requests_since_all_pods_have_it() -> Result<()> {
    let gates = ROLLOUT.replace("shadow: {minTime: 3s", "canary: {minTime: 8s");
    let second = EGRESS.replace("name: httpbin,", "name: second,").replace("httpbin.internal", "second.internal");
    let next = format!(r#","next":{{"image":"registry.example.com/f","digest":"sha256:{}"}}}}"#, "f".repeat(64));
    let lock = LOCK.strip_suffix('}').context("no lock")?.to_owned() + &next;
    let files = [("rollout.yaml", gates.as_str()), ("second.yaml", &second), ("sallyport.lock", &lock)];
    let scene = Scene::of("filter-status", &files)?;
    let [one, two] = &scene.pods;
    let url = scene.prometheus.url();
    let promote = |more: &[&str]| -> Result<(Option<i32>, String)> {
        let output = scene.run(&[&["promote", "--filter", "--prometheus", &url][..], more].concat())?;
        Ok((output.status.code(), String::from_utf8([output.stdout, output.stderr].concat())?))
    };
    let wait = |says: &str| -> Result<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (code, text) = promote(&[])?;
            ensure!(code == Some(8), "{says}: {code:?} {text}");
            if text.contains(says) {
                return Ok(text);
            }
            ensure!(Instant::now() < deadline, "not {says}: {text}");
            thread::sleep(Duration::from_millis(200));
        }
    };
    // Of the first one there can be no evidence.
    let (code, text) = promote(&["httpbin"])?;
    ensure!(code == Some(0), "{text}");
    // The filter before counts requests, one of both pods without a word about its workers.
    let of_page = |digest: &str, allowed: u32| {
        page(digest, [0, 0], "")
            + &format!(
                "sallyport_requests_allowed {allowed}\n\
                 envoy_cluster_upstream_rq{{cluster_name=\"outbound|443||a\",response_code_class=\"2xx\"}} {allowed}\n"
            )
    };
    one.set(&of_page("fedcba9876543210", 10));
    two.set("sallyport_requests_allowed 10\n");
    let text = wait("writes (")?;
    let mark = text.split_once("writes (").and_then(|(_, rest)| rest.get(..16)).context("no mark")?.to_owned();
    thread::sleep(Duration::from_secs(2));
    one.set(&of_page("fedcba9876543210", 5000));
    two.set("sallyport_requests_allowed 5000\n");
    thread::sleep(Duration::from_secs(2));
    // The new one takes over in the same pods, where the counters go on; it is in force for long enough, and nobody calls.
    one.set(&of_page(&mark, 5000));
    two.set(&of_page(&mark, 5000));
    let begin = Instant::now();
    let text = loop {
        let (code, text) = promote(&[])?;
        ensure!(code == Some(8), "{text}");
        if begin.elapsed() > Duration::from_secs(12) {
            break text;
        }
        thread::sleep(Duration::from_millis(200));
    };
    ensure!(text.contains("no traffic") && !text.contains("observed for"), "{text}");
    // Its own requests are evidence.
    one.set(&of_page(&mark, 5150));
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (code, text) = promote(&[])?;
        if code == Some(0) {
            ensure!(text.contains("egress-httpbin/second"), "{text}");
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{text}");
        thread::sleep(Duration::from_millis(200));
    }
}
