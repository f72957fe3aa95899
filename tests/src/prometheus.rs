//! A real Prometheus, and its promtool.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::process::{Program, Scratch, Stdout};

/// How long it may take to start, or to have what it is asked for.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    address: SocketAddr,
    _program: Program,
}

/// Queries by their titles.
pub type Queries = Vec<(String, String)>;

/// A pod of a gateway. Where it has no gateway it is none of theirs.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The gateway's name.
    pub gateway: &'a str,
    /// The pod's name.
    pub pod: &'a str,
    /// Where it is scraped.
    pub address: SocketAddr,
}

/// One series of an answer, and its last value.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The labels; the metric's name is `__name__`.
    pub labels: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
}

impl Row {
    /// A label; empty where there is none.
    #[must_use]
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

impl Prometheus {
    /// Starts it with a configuration in a file, whose relative paths begin beside it.
    pub fn start(scratch: &Scratch, config: &Path) -> Result<Self> {
        let mut command = Command::new("prometheus");
        command.arg("--config.file").arg(config).arg("--storage.tsdb.path").arg(scratch.folder("prometheus")?);
        command.args(["--web.listen-address", "127.0.0.1:0", "--log.format", "logfmt"]);
        let mut program = Program::start("prometheus", scratch.path(), &mut command, Stdout::Log)
            .context("Prometheus is not set up: run `tests/setup prometheus`")?;
        let address = program.wait_log(PATIENCE, |log| {
            log.contains("ready to receive web requests").then_some(())?;
            let (_, rest) = log.split_once("msg=\"Listening on\" address=")?;
            rest.split_whitespace().next()?.parse().ok()
        })?;
        Ok(Self { address, _program: program })
    }

    /// Starts one that scrapes nothing and has a past: samples in the text format of OpenMetrics, with their times.
    pub fn with_past(scratch: &Scratch, samples: &str) -> Result<Self> {
        scratch.write("past.txt", format!("{samples}# EOF\n"))?;
        scratch.folder("prometheus")?;
        promtool(scratch.path(), &["tsdb", "create-blocks-from", "openmetrics", "past.txt", "prometheus"])?;
        let config = scratch.write("prometheus.conf", "scrape_configs: []\n")?;
        Self::start(scratch, &config)
    }

    /// Where it is asked.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What a query returns now: a vector, or a single number as one row.
    pub fn query(&self, query: &str) -> Result<Vec<Row>> {
        let answer = self.get(&format!("/api/v1/query?query={}", escape(query)))?;
        ensure!(answer["status"] == "success", "`{query}`: {}", answer["error"]);
        let (kind, result) = (&answer["data"]["resultType"], &answer["data"]["result"]);
        match kind.as_str() {
            Some("vector") => result.as_array().context("no vector")?.iter().map(row).collect(),
            Some("scalar") => Ok(vec![Row { labels: BTreeMap::new(), value: number(result)? }]),
            _ => bail!("`{query}` returns a {kind}"),
        }
    }

    /// The alert rules that it has loaded.
    fn alerts(&self) -> Result<Queries> {
        let answer = self.get("/api/v1/rules?type=alert")?;
        let groups = answer["data"]["groups"].as_array().context("no groups")?;
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().into_iter().flatten());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(rules.map(|rule| (text(&rule["name"]), text(&rule["query"]))).collect())
    }

    /// Every query of the dashboard and of the alerts.
    pub fn queries(&self) -> Result<Queries> {
        let mut queries = dashboard()?;
        queries.extend(self.alerts()?);
        Ok(queries)
    }

    /// Runs every query, and keeps those that return nothing.
    pub fn look(&self, queries: &mut Queries) -> Result<()> {
        let mut quiet = Queries::new();
        for (title, query) in queries.drain(..) {
            if self.query(&query).with_context(|| title.clone())?.iter().all(|row| row.value.is_nan()) {
                quiet.push((title, query));
            }
        }
        *queries = quiet;
        Ok(())
    }

    /// Waits until a query returns what is looked for.
    pub fn wait(&self, query: &str, found: impl Fn(&[Row]) -> bool) -> Result<Vec<Row>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let rows = self.query(query)?;
            if found(&rows) {
                return Ok(rows);
            }
            ensure!(Instant::now() < deadline, "`{query}` returns {rows:?}");
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn get(&self, path: &str) -> Result<Value> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        // In this version an answer comes in one piece.
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("half an answer")?;
        serde_json::from_str(body).with_context(|| format!("{head}\n{body}"))
    }
}

fn row(series: &Value) -> Result<Row> {
    let labels = series["metric"].as_object().context("no labels")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let labels = labels.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    Ok(Row { labels, value: number(&series["value"])? })
}

/// A value with its time, as Prometheus writes it.
fn number(sample: &Value) -> Result<f64> {
    Ok(sample[1].as_str().with_context(|| format!("no number in {sample}"))?.parse()?)
}

fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// Runs promtool in a folder, and returns what it prints.
pub fn promtool(folder: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new("promtool")
        .args(arguments)
        .current_dir(folder)
        .output()
        .context("promtool is not set up: run `tests/setup prometheus`")?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    ensure!(output.status.success(), "promtool {arguments:?}:\n{text}");
    Ok(text)
}

/// Where the job, the alerts and the dashboard are.
#[must_use]
pub fn dashboards() -> PathBuf {
    crate::workspace().join("deploy/dashboards")
}

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

/// Whether a query asks for series of Istio's agent, which only a cluster has.
#[must_use]
pub fn asks_the_agent(query: &str) -> bool {
    query.contains("istio_agent_")
}

/// Whether a query asks for series that a gateway has only while its rules have a candidate.
#[must_use]
pub fn asks_of_candidates(query: &str) -> bool {
    query.contains("sallyport_region_")
}

/// The job as it ships, in a file, with these pods in place of those that Kubernetes would name.
pub fn job(scratch: &Scratch, targets: &[Target<'_>]) -> Result<PathBuf> {
    const DISCOVERY: &str = "  kubernetes_sd_configs:\n  - role: pod\n";
    let shipped = fs::read_to_string(dashboards().join("prometheus.yaml"))?;
    ensure!(shipped.contains(DISCOVERY) && shipped.contains("_interval: 15s"), "{shipped}");
    let mut found = "  static_configs:\n".to_owned();
    for Target { gateway, pod, address } in targets {
        let label = if gateway.is_empty() { "app" } else { "sallyport_dev_gateway" };
        // As if the pod had two ports, neither of them the one of its annotations.
        found.push_str(&format!(
            "  - targets: [\"{ip}:2\", \"{ip}:3\"]\n    labels:\n      \
               __meta_kubernetes_namespace: egress-{gateway}\n      \
               __meta_kubernetes_pod_name: {pod:?}\n      \
               __meta_kubernetes_pod_ip: \"{ip}\"\n      \
               __meta_kubernetes_pod_phase: Running\n      \
               __meta_kubernetes_pod_label_{label}: {gateway:?}\n      \
               __meta_kubernetes_pod_annotation_prometheus_io_scrape: \"true\"\n      \
               __meta_kubernetes_pod_annotation_prometheus_io_path: /stats/prometheus\n      \
               __meta_kubernetes_pod_annotation_prometheus_io_port: \"{port}\"\n",
            ip = address.ip(),
            port = address.port(),
        ));
    }
    scratch.write("alerts.yaml", fs::read(dashboards().join("alerts.yaml"))?)?;
    let text = shipped.replace(DISCOVERY, &found).replace("_interval: 15s", "_interval: 500ms");
    scratch.write("prometheus.yaml", text)
}
