//! The gate: a running `sallyport run`, with the Envoy and the filter inside it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::Value;

use crate::client::Caller;
use crate::process::{Program, Scratch, Stdout, cpu, resident};

/// How long the gate may take to start, or to take up a file.
const PATIENCE: Duration = Duration::from_secs(60);
/// The variable that `headers.credential` is filled from, and what is in it.
const CREDENTIAL: (&str, &str) = ("SALLYPORT_CREDENTIAL_HTTPBIN", "ours");
/// The file's name in the scratch folder.
const FILE: &str = "egress.yaml";

/// What to start a gate with.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The Envoy to run.
    pub envoy: &'a Path,
    /// The Egress file's text.
    pub egress: &'a str,
    /// Where the upstream really is.
    pub upstream: SocketAddr,
    /// Who signs the upstream's certificate.
    pub authority: &'a Path,
    /// Callers beside those that the file names, as `NAMESPACE/ACCOUNT`.
    pub callers: &'a [&'a str],
}

/// A running gate.
#[derive(Debug)]
pub struct Gate {
    program: Program,
    events: Receiver<Value>,
    file: PathBuf,
    ready: Value,
    listener: SocketAddr,
    host: String,
}

/// What became of a saved file.
#[derive(Clone, Debug, PartialEq)]
pub enum Saved {
    /// It is in force.
    Live {
        /// Milliseconds from the save to the first request decided by it, as the gate measures.
        milliseconds: f64,
    },
    /// It was refused, with these diagnostics.
    Refused(Vec<Value>),
}

impl Gate {
    /// Starts a gate and waits until it is ready.
    pub fn start(scratch: &Scratch, options: &Options<'_>) -> Result<Self> {
        Self::start_with(scratch, options, &[])
    }

    /// Starts a gate with further arguments of `sallyport run`.
    pub fn start_with(scratch: &Scratch, options: &Options<'_>, arguments: &[&str]) -> Result<Self> {
        let file = scratch.write(FILE, options.egress)?;
        let mut command = Command::new(sallyport()?);
        command.arg("run").arg(&file).arg("--envoy").arg(options.envoy).arg("--wasm").arg(filter()?);
        command.args(["--port", "0", "--format", "json"]).arg("--dir").arg(scratch.folder("gate")?);
        command.arg("--upstream").arg(options.upstream.to_string());
        command.arg("--ca-certificates").arg(options.authority);
        command.args(arguments).env(CREDENTIAL.0, CREDENTIAL.1);
        for caller in options.callers {
            command.arg("--caller").arg(caller);
        }
        let mut program = Program::start("sallyport", scratch.path(), &mut command, Stdout::Taken)?;
        let stdout = BufReader::new(program.take_stdout()?);
        let (sender, events) = channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        let mut gate = Self {
            program,
            events,
            file,
            ready: Value::Null,
            listener: SocketAddr::from(([127, 0, 0, 1], 0)),
            host: String::new(),
        };
        gate.ready = gate.wait_event(&["ready"])?;
        gate.listener = gate.told("listener")?.parse()?;
        gate.host = gate.told("host")?.to_owned();
        Ok(gate)
    }

    /// Where callers connect to.
    #[must_use]
    pub fn listener(&self) -> SocketAddr {
        self.listener
    }

    /// The host that callers ask for.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The folder with the generated files and Envoy's logs.
    pub fn folder(&self) -> Result<PathBuf> {
        Ok(PathBuf::from(self.told("dir")?))
    }

    /// The caller whose identity ends in `/ns/NAMESPACE/sa/ACCOUNT`, given as `NAMESPACE/ACCOUNT`.
    pub fn caller(&self, account: &str) -> Result<Caller> {
        let (namespace, name) = account.split_once('/').context("a caller is NAMESPACE/ACCOUNT")?;
        let suffix = format!("/ns/{namespace}/sa/{name}");
        let callers = self.ready.get("callers").and_then(Value::as_array).context("no callers")?;
        for caller in callers {
            let field = |name: &str| caller.get(name).and_then(Value::as_str).context("a caller lacks a field");
            let principal = field("principal")?;
            if principal.ends_with(&suffix) {
                let principal = principal.trim_start_matches("spiffe://");
                let identity = (Path::new(field("cert")?), Path::new(field("key")?));
                return Caller::new(name, principal, (self.listener, &self.host), &self.authority()?, Some(identity));
            }
        }
        bail!("the gate knows no caller `{account}`: {callers:?}")
    }

    /// The command that is printed for the caller whose identity ends in this: `/sa/ACCOUNT`.
    pub fn command(&self, suffix: &str) -> Result<&str> {
        let mut callers = self.ready.get("callers").and_then(Value::as_array).into_iter().flatten();
        let is_meant = |caller: &&Value| caller["principal"].as_str().is_some_and(|own| own.ends_with(suffix));
        callers.find(is_meant).and_then(|caller| caller["curl"].as_str()).with_context(|| format!("no {suffix}"))
    }

    /// A caller without a certificate.
    pub fn nobody(&self) -> Result<Caller> {
        Caller::new("nobody", "", (self.listener, &self.host), &self.authority()?, None)
    }

    /// Saves another text, as an editor does: beside the file, then in its place.
    pub fn save(&self, text: &str) -> Result<()> {
        let beside = self.file.with_extension("yaml.new");
        fs::write(&beside, text)?;
        fs::rename(&beside, &self.file)?;
        Ok(())
    }

    /// Saves another text and waits for what becomes of it.
    pub fn save_and_wait(&mut self, text: &str) -> Result<Saved> {
        // Nothing that was said before the save can be about it.
        while self.events.try_recv().is_ok() {}
        self.save(text)?;
        let event = self.wait_event(&["policy_live", "policy_refused"])?;
        if event["event"] == "policy_live" {
            return Ok(Saved::Live { milliseconds: event["ms"].as_f64().context("no time")? });
        }
        Ok(Saved::Refused(event["diagnostics"].as_array().cloned().unwrap_or_default()))
    }

    /// Saves a text that must be taken up.
    pub fn save_good(&mut self, text: &str) -> Result<f64> {
        match self.save_and_wait(text)? {
            Saved::Live { milliseconds } => Ok(milliseconds),
            Saved::Refused(diagnostics) => bail!("the file was refused: {diagnostics:?}"),
        }
    }

    /// Waits until the upstream's health has become this, and tells why it has.
    pub fn wait_health(&mut self, to: &str) -> Result<String> {
        loop {
            let event = self.wait_event(&["health"])?;
            if event["to"] == to {
                return Ok(event["cause"].as_str().unwrap_or_default().to_owned());
            }
        }
    }

    /// What Envoy has written.
    pub fn envoy_log(&self) -> Result<String> {
        let path = self.folder()?.join("envoy.log");
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// What the access log holds.
    pub fn access_log(&self) -> Result<String> {
        let path = self.told("accessLog")?;
        fs::read(path)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .with_context(|| format!("cannot read {path}"))
    }

    /// Where Envoy's admin interface listens.
    pub fn admin_address(&self) -> Result<SocketAddr> {
        Ok(self.told("admin")?.parse()?)
    }

    /// Asks Envoy's admin interface.
    pub fn admin(&self, path: &str) -> Result<String> {
        ask_admin(self.admin_address()?, path)
    }

    /// Waits until `found` holds for what `read` returns; the last thing read is in the error.
    pub fn wait_until(
        &self,
        what: &str,
        read: impl Fn(&Self) -> Result<String>,
        found: impl Fn(&str) -> bool,
    ) -> Result<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = read(self)?;
            if found(&text) {
                return Ok(text);
            }
            ensure!(Instant::now() < deadline, "{what} did not come to be:\n{text}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// An error, if the gate has ended.
    pub fn check_running(&mut self) -> Result<()> {
        self.program.check_running()
    }

    /// The CPU time that Envoy has taken so far, all its threads together.
    pub fn cpu(&self) -> Result<Duration> {
        let process = self.ready.get("envoyPid").and_then(Value::as_u64).context("the gate does not tell its Envoy")?;
        cpu(u32::try_from(process)?)
    }

    /// The resident memory of Envoy, in KiB.
    pub fn memory(&self) -> Result<u64> {
        let process = self.ready.get("envoyPid").and_then(Value::as_u64).context("the gate does not tell its Envoy")?;
        resident(u32::try_from(process)?)
    }

    /// The file of authorities that the gate's Envoy trusts, and that callers trust.
    pub fn authority(&self) -> Result<PathBuf> {
        Ok(PathBuf::from(self.told("ca")?))
    }

    fn told(&self, field: &str) -> Result<&str> {
        self.ready.get(field).and_then(Value::as_str).with_context(|| format!("the gate does not tell its {field}"))
    }

    /// What shows why something did not come to be, as far as it can be read: both logs, and the filter's metrics.
    fn state(&self) -> String {
        let parts = [self.envoy_log(), self.access_log(), self.admin("/stats?filter=sallyport")];
        parts.map(|part| part.unwrap_or_else(|error| format!("{error:#}"))).join("\n---\n")
    }

    fn wait_event(&mut self, names: &[&str]) -> Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(event) if names.iter().any(|name| event["event"] == *name) => return Ok(event),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => {
                    bail!("no {} after {PATIENCE:?}:\n{}\n{}", names.join(" or "), self.program.log(), self.state())
                }
                Err(RecvTimeoutError::Disconnected) => {
                    // Its output has ended, so it has ended or is about to.
                    thread::sleep(Duration::from_millis(200));
                    self.program.check_running()?;
                    return Err(anyhow!("the gate closed its output:\n{}", self.program.log()));
                }
            }
        }
    }
}

/// Asks the administration interface of an Envoy.
pub fn ask_admin(address: SocketAddr, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").context("half an answer")?;
    Ok(body.to_owned())
}

/// The built `sallyport`: `SALLYPORT_BIN`, or beside this program.
pub fn sallyport() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("SALLYPORT_BIN") {
        return Ok(PathBuf::from(path));
    }
    let own = std::env::current_exe()?;
    // A program is in target/PROFILE, a test in target/PROFILE/deps.
    let found = own.ancestors().skip(1).take(2).map(|folder| folder.join("sallyport")).find(|path| path.is_file());
    found.context("`sallyport` is not built: run `make sallyport`")
}

/// The built `sallyport` that is linked statically, as it is in its image.
pub fn static_sallyport() -> Result<PathBuf> {
    let path = crate::workspace().join("target/static/sallyport");
    ensure!(path.exists(), "the static `sallyport` is not built: run `make static`");
    Ok(path.canonicalize()?)
}

/// The built filter.
pub fn filter() -> Result<PathBuf> {
    let path = crate::workspace().join("target/wasm32-wasip1/wasm/sallyport_filter.wasm");
    ensure!(path.exists(), "the filter is not built: run `make wasm`");
    Ok(path.canonicalize()?)
}
