//! h2load: many requests over connections that stay open.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

/// A running h2load.
#[derive(Debug)]
pub struct Load {
    child: Option<Child>,
}

/// What h2load says at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Requests that were sent.
    pub total: u64,
    /// Requests that were answered with 2xx or 3xx.
    pub succeeded: u64,
    /// Requests that were answered with another status, or not at all.
    pub failed: u64,
    /// Requests that broke.
    pub errored: u64,
    /// Requests that were not answered in time.
    pub timeout: u64,
    /// Answers by class of status: 2xx, 3xx, 4xx, 5xx.
    pub classes: [u64; 4],
}

impl Load {
    /// Sends `requests` requests over `connections` HTTP/2 connections, without a certificate.
    pub fn start(gate: SocketAddr, host: &str, path: &str, connections: u32, seconds: u32) -> Result<Self> {
        let child = Command::new("h2load")
            .args(["--duration", &seconds.to_string(), "--clients", &connections.to_string()])
            .args(["--max-concurrent-streams", "4", "--connect-to", &gate.to_string()])
            .arg(format!("https://{host}{path}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start h2load: run `tests/setup load`")?;
        Ok(Self { child: Some(child) })
    }

    /// Waits for the end.
    pub fn finish(mut self) -> Result<Summary> {
        let child = self.child.take().context("h2load has been waited for")?;
        let output = child.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.success(), "h2load failed: {text}{}", String::from_utf8_lossy(&output.stderr));
        Summary::parse(&text).with_context(|| format!("h2load says something unexpected:\n{text}"))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Summary {
    fn parse(text: &str) -> Option<Self> {
        let line = |start: &str| text.lines().find_map(|line| line.strip_prefix(start));
        let requests = line("requests: ")?;
        let statuses = line("status codes: ")?;
        let number = |line: &str, label: &str| {
            let part = line.split(',').map(str::trim).find(|part| part.ends_with(label))?;
            part.split_whitespace().next()?.parse().ok()
        };
        Some(Self {
            total: number(requests, " total")?,
            succeeded: number(requests, " succeeded")?,
            failed: number(requests, " failed")?,
            errored: number(requests, " errored")?,
            timeout: number(requests, " timeout")?,
            classes: [
                number(statuses, " 2xx")?,
                number(statuses, " 3xx")?,
                number(statuses, " 4xx")?,
                number(statuses, " 5xx")?,
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Summary;

    #[test]
    fn a_summary_is_read() {
        let text = "starting benchmark...\n\
                    requests: 120 total, 121 started, 120 done, 100 succeeded, 20 failed, 3 errored, 0 timeout\n\
                    status codes: 100 2xx, 0 3xx, 20 4xx, 0 5xx\n";
        let expected =
            Summary { total: 120, succeeded: 100, failed: 20, errored: 3, timeout: 0, classes: [100, 0, 20, 0] };
        assert_eq!(Summary::parse(text), Some(expected));
    }
}
