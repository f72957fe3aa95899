//! One `sallyport run`, started and ended by value.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Session {
    child: Child,
    /// The directory of the file and of the output on stderr.
    home: tempfile::TempDir,
    events: Receiver<Value>,
    pub(crate) ready: Value,
}

/// An Egress whose caller `httpbin/sleep` may do `methods` on `/get`, in front of a plaintext upstream.
pub(crate) fn egress(methods: &str, port: u16) -> String {
    format!(
        "apiVersion: sallyport.dev/v1alpha1\nkind: Egress\nmetadata: {{name: httpbin, namespace: httpbin}}\n\
         spec:\n  host: httpbin.legacy.internal\n  upstream: {{host: 127.0.0.1, port: {port}, tls: {{mode: NONE}}}}\n  \
         authz:\n    rules:\n    - id: readers\n      action: ALLOW\n      \
         from: [{{source: {{serviceAccounts: [httpbin/sleep]}}}}]\n      \
         to: [{{operation: {{methods: [{methods}], paths: [/get]}}}}]\n"
    )
}

/// A session that does not start: its exit code, and its output on stderr.
pub(crate) fn failure(egress: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("egress.yaml");
    fs::write(&file, egress).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sallyport"));
    let output = command.args(["run", "--port", "0"]).args(arguments).arg(file).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

impl Session {
    pub(crate) fn start(egress: &str, arguments: &[&str]) -> Self {
        Self::start_with(egress, &[], arguments)
    }

    /// With further files, each of which has an Egress.
    pub(crate) fn start_with(egress: &str, others: &[(&str, &str)], arguments: &[&str]) -> Self {
        assert!(
            std::env::var_os("SALLYPORT_ENVOY").is_some(),
            "SALLYPORT_ENVOY must name an Envoy; `make test` sees to it"
        );
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("egress.yaml"), egress).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_sallyport"))
            .args(["run", "--port", "0", "--format", "json"])
            .args(arguments)
            .arg(home.path().join("egress.yaml"))
            .args(others.iter().map(|(name, text)| {
                let path = home.path().join(name);
                fs::write(&path, text).unwrap();
                path
            }))
            .stdout(Stdio::piped())
            .stderr(File::create(home.path().join("errors")).unwrap())
            .spawn()
            .unwrap();
        let (sender, events) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).unwrap());
            }
        });
        let mut session = Session { child, home, events, ready: Value::Null };
        session.ready = session.event("ready");
        for _ in others {
            session.event("ready");
        }
        session
    }

    /// Waits for the next event, which must be this one.
    pub(crate) fn event(&mut self, name: &str) -> Value {
        let event = self.events.recv_timeout(PATIENCE);
        let event = event.unwrap_or_else(|_| panic!("no `{name}`: {}", self.errors()));
        assert_eq!(event["event"], name, "{event}");
        event
    }

    /// Saves the file as an editor does: a new one takes the old one's place.
    pub(crate) fn save(&self, egress: &str) {
        let new = self.home.path().join("egress.new");
        fs::write(&new, egress).unwrap();
        fs::rename(new, self.file()).unwrap();
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.home.path().join("egress.yaml")
    }

    pub(crate) fn errors(&self) -> String {
        fs::read_to_string(self.home.path().join("errors")).unwrap()
    }

    pub(crate) fn directory(&self) -> PathBuf {
        self.ready["dir"].as_str().unwrap().into()
    }

    pub(crate) fn port(&self) -> u16 {
        self.ready["listener"].as_str().unwrap().rsplit_once(':').unwrap().1.parse().unwrap()
    }

    pub(crate) fn envoy(&self) -> u64 {
        self.ready["envoyPid"].as_u64().unwrap()
    }

    /// A `curl` command for a path, as `httpbin/sleep` or without a certificate.
    pub(crate) fn command(&self, path: &str, certificate: bool) -> String {
        let directory = self.directory();
        let file = |name: &str| directory.join(name).display().to_string();
        let port = self.port();
        let identity = if certificate {
            format!("--cert {} --key {} ", file("callers/httpbin.sleep.pem"), file("callers/httpbin.sleep.key"))
        } else {
            String::new()
        };
        let host = "httpbin.legacy.internal";
        format!(
            "curl --cacert {} {identity}--resolve {host}:{port}:127.0.0.1 'https://{host}:{port}{path}'",
            file("ca.pem")
        )
    }

    /// The access log, as soon as it meets the condition.
    pub(crate) fn access_log(&self, is_complete: impl Fn(&str) -> bool) -> String {
        let path = Path::new(self.ready["accessLog"].as_str().unwrap());
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = fs::read_to_string(path).unwrap_or_default();
            if is_complete(&log) || Instant::now() > deadline {
                return log;
            }
            sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn signal(&self, signal: &str) {
        kill(u64::from(self.child.id()), signal);
    }

    /// Waits for the end; `None` when a signal ended it.
    pub(crate) fn end(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.signal("TERM");
            let _ = self.child.wait();
        }
    }
}

pub(crate) fn spawn(command: &str) -> Child {
    spawn_line(&format!("exec {command}"))
}

/// For a line that can be a pipeline.
pub(crate) fn spawn_line(line: &str) -> Child {
    Command::new("sh").args(["-c", line]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The status that a `curl` command gets.
pub(crate) fn curl(command: &str) -> String {
    let child = spawn(&format!("{command} -sS -o /dev/null -w '%{{http_code}}'"));
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

pub(crate) fn kill(process: u64, signal: &str) {
    assert!(Command::new("kill").args(["-s", signal, &process.to_string()]).status().unwrap().success());
}

/// Whether a process is still running; a zombie is not.
pub(crate) fn is_running(process: u64) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}
