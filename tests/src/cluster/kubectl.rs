//! The real kubectl, as the way to speak to the API server.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// kubectl with a kubeconfig.
#[derive(Clone, Debug)]
pub struct Kubectl {
    kubeconfig: PathBuf,
}

impl Kubectl {
    /// kubectl with this kubeconfig.
    #[must_use]
    pub fn new(kubeconfig: &Path) -> Self {
        Self { kubeconfig: kubeconfig.to_owned() }
    }

    /// The kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// kubectl, to be given arguments.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(super::program("kubectl"));
        // Its cache of what the server knows would go to the home folder.
        let cache = self.kubeconfig.with_file_name("kubectl-cache");
        command.arg("--kubeconfig").arg(&self.kubeconfig).arg("--cache-dir").arg(cache);
        // Over HTTP/2 it gives a connection up that is silent for long, and on a busy machine one may be.
        command.env("DISABLE_HTTP2", "true");
        command
    }

    /// Runs it; its stdout, or an error with its stderr.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        self.feed(arguments, "")
    }

    /// Runs it with this on its stdin. What may be said twice is said again where the API server was too slow.
    pub fn feed(&self, arguments: &[&str], stdin: &str) -> Result<String> {
        const SLOW: [&str; 3] = ["Timeout:", "timed out", "deadline exceeded"];
        let is_idempotent = matches!(arguments.first(), Some(&("apply" | "get")));
        let deadline = Instant::now() + super::PATIENCE;
        loop {
            match self.feed_once(arguments, stdin) {
                Err(error)
                    if is_idempotent
                        && Instant::now() < deadline
                        && SLOW.iter().any(|slow| error.to_string().contains(slow)) => {}
                result => return result,
            }
        }
    }

    fn feed_once(&self, arguments: &[&str], stdin: &str) -> Result<String> {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("cannot start kubectl")?;
        let mut pipe = child.stdin.take().context("no stdin")?;
        let text = stdin.to_owned();
        let writer = std::thread::spawn(move || pipe.write_all(text.as_bytes()));
        let output = child.wait_with_output()?;
        // It may end without reading all; its own error says more.
        let _ = writer.join();
        ensure!(
            output.status.success(),
            "kubectl {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Applies manifests, server-side.
    pub fn apply(&self, manifests: &str) -> Result<()> {
        self.feed(&["apply", "--server-side", "--force-conflicts", "-f", "-"], manifests).map(drop)
    }

    /// What `kubectl get ARGUMENTS -o json` says.
    pub fn get(&self, arguments: &[&str]) -> Result<Value> {
        let text = self.run(&[&["get", "-o", "json"], arguments].concat())?;
        Ok(serde_json::from_str(&text)?)
    }
}
