//! The real Prometheus, with the scrape configuration that users have.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::process::{Program, Scratch, Stdout};

/// Where the dashboard and its companions are.
#[must_use]
pub fn dashboards() -> PathBuf {
    crate::workspace().join("deploy/dashboards")
}

/// A running Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    program: Program,
    address: SocketAddr,
}

impl Prometheus {
    /// Starts one that scrapes a gateway's Envoy each second, as `prometheus.yaml` says but for the finding of pods.
    pub fn start(scratch: &Scratch, gateway: &str) -> Result<Self> {
        let users = fs::read_to_string(dashboards().join("prometheus.yaml"))?;
        let (_, relabelling) = users.split_once("  metric_relabel_configs:\n").context("no relabelling")?;
        let configuration = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ['{}']
scrape_configs:
- job_name: sallyport
  metrics_path: /stats/prometheus
  static_configs: [{{targets: ['{gateway}'], labels: {{namespace: egress, gateway: httpbin, pod: httpbin-1}}}}]
  metric_relabel_configs:
{relabelling}",
            dashboards().join("alerts.yaml").canonicalize()?.display()
        );
        let configuration = scratch.write("prometheus.yaml", configuration)?;
        // Somebody else may take the port in between; then the test says so.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", configuration.display()));
        command.arg(format!("--storage.tsdb.path={}", scratch.folder("prometheus")?.display()));
        command.arg(format!("--web.listen-address={address}"));
        let mut program = Program::start("prometheus", scratch.path(), &mut command, Stdout::Log)?;
        program.wait_log(Duration::from_secs(20), |log| log.contains("ready to receive").then_some(()))?;
        Ok(Self { program, address })
    }

    /// What a query gives now.
    pub fn query(&self, query: &str) -> Result<Vec<Value>> {
        let mut command = Command::new("curl");
        command.args(["-sS", "--max-time", "10", "--data-urlencode", &format!("query={query}")]);
        let output = command.arg(format!("http://{}/api/v1/query", self.address)).output()?;
        let answer: Value = serde_json::from_slice(&output.stdout).with_context(|| self.program.log())?;
        ensure!(answer["status"] == "success", "{query}: {}", answer["error"]);
        Ok(answer["data"]["result"].as_array().cloned().unwrap_or_default())
    }

    /// What a query gives once it gives something.
    pub fn wait(&self, query: &str) -> Result<Vec<Value>> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let rows = self.query(query)?;
            if !rows.is_empty() {
                return Ok(rows);
            }
            if Instant::now() > deadline {
                bail!("{query} gives nothing");
            }
            thread::sleep(Duration::from_millis(300));
        }
    }
}
