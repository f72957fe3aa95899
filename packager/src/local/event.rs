//! The output of a session: text, or one JSON object per line.
//!
//! The JSON is an interface: fields may be added, but not renamed, removed or changed in meaning.

use std::fmt::Write as _;
use std::time::Duration;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::bootstrap::HostPort;
use super::envoy::HealthChange;
use super::example::Forecast;
use super::files::Layout;
use super::load::NotServed;
use super::setup::{PreparedCaller, Served, text};
use crate::console::Console;
use crate::exit::Failure;
use crate::printable::printable;
use crate::report::{Format, Report};

/// The format of a session's output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Text
    #[default]
    Human,
    /// One JSON object per line
    Json,
}

/// Prints what happens.
pub(crate) struct Announcer<'a> {
    pub(crate) output: Output,
    pub(crate) console: &'a Console,
    /// The file as the user wrote it.
    pub(crate) file: String,
}

/// What a session has when it is ready.
pub(crate) struct Ready<'a> {
    pub(crate) served: &'a Served,
    pub(crate) layout: &'a Layout,
    pub(crate) port: u16,
    /// Where it connects instead of the upstream's own address.
    pub(crate) connect_to: Option<&'a HostPort>,
    pub(crate) admin: &'a str,
    pub(crate) process: u32,
    pub(crate) temporary: bool,
}

impl Announcer<'_> {
    pub(crate) fn starting(&self, envoy: &str) {
        self.console.note(&format!("starting {envoy}"));
    }

    pub(crate) fn ready(&self, ready: &Ready<'_>) -> Result<(), Failure> {
        match self.output {
            Output::Human => {
                self.warnings(&ready.served.loaded.report)?;
                self.print(&ready_text(ready, &self.file))
            }
            Output::Json => self.print_json(&json!({
                "event": "ready",
                "listener": format!("127.0.0.1:{}", ready.port),
                "host": ready.served.loaded.egress.spec.host,
                "admin": ready.admin,
                "dir": text(ready.layout.root()),
                "ca": text(&ready.layout.ca()),
                "callers": callers(&ready.served.callers),
                "accessLog": text(&ready.layout.access_log()),
                "envoyLog": text(&ready.layout.envoy_log()),
                "envoyPid": ready.process,
                "diagnostics": diagnostics(&ready.served.loaded.report),
            })),
        }
    }

    /// The saved file is in force. `old` is the version that it replaces.
    pub(crate) fn live(&self, new: &Served, old: &Served, version: u64, took: Duration) -> Result<(), Failure> {
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        match self.output {
            Output::Human => {
                self.warnings(&new.loaded.report)?;
                let mut text = format!("{}: live after {milliseconds} ms (version {version})\n", self.file);
                let added = new.callers.iter().filter(|caller| !old.callers.contains(caller));
                added.for_each(|caller| write_caller(&mut text, caller));
                self.print(&text)
            }
            Output::Json => self.print_json(&json!({
                "event": "policy_live",
                "version": version,
                "ms": milliseconds,
                "callers": callers(&new.callers),
                "diagnostics": diagnostics(&new.loaded.report),
            })),
        }
    }

    /// A file is not served. `version` is the one that stays in force; `None` at the start.
    pub(crate) fn rejected(&self, reason: &NotServed, version: Option<u64>) -> Result<(), Failure> {
        match self.output {
            Output::Human => {
                match reason {
                    NotServed::Report(report) => self.warnings(report)?,
                    NotServed::Failure(failure) => self.console.fail(failure),
                }
                match version {
                    Some(version) => {
                        self.print(&format!("{}: rejected; version {version} stays in force\n", self.file))
                    }
                    None => Ok(()),
                }
            }
            Output::Json => self.print_json(&json!({
                "event": "policy_refused",
                "version": version,
                "diagnostics": match reason {
                    NotServed::Report(report) => diagnostics(report),
                    NotServed::Failure(failure) => failure_diagnostics(failure, &self.file),
                },
            })),
        }
    }

    /// The upstream's health gate has changed its state.
    pub(crate) fn health(&self, change: &HealthChange) -> Result<(), Failure> {
        let HealthChange { upstream, from, to, milliseconds, cause } = change;
        match self.output {
            Output::Human => {
                let file = &self.file;
                self.print(&format!("{file}: health of {upstream}: {from} -> {to}, after {milliseconds} ms: {cause}\n"))
            }
            Output::Json => self.print_json(&json!({
                "event": "health", "upstream": upstream, "from": from, "to": to, "ms": milliseconds, "cause": cause,
            })),
        }
    }

    pub(crate) fn stopped(&self) -> Result<(), Failure> {
        match self.output {
            Output::Human => {
                self.console.note("stopped");
                Ok(())
            }
            Output::Json => self.print_json(&json!({"event": "stopped"})),
        }
    }

    fn warnings(&self, report: &Report) -> Result<(), Failure> {
        if report.problems.is_empty() {
            return Ok(());
        }
        self.print(&report.render(Format::Human, self.console.coloured(None), true))
    }

    fn print(&self, text: &str) -> Result<(), Failure> {
        self.console.write(None, text.as_bytes())
    }

    fn print_json(&self, event: &Value) -> Result<(), Failure> {
        self.print(&format!("{event}\n"))
    }
}

fn ready_text(ready: &Ready<'_>, file: &str) -> String {
    let spec = &ready.served.loaded.egress.spec;
    let mut text = String::new();
    let directory = printable(ready.layout.root());
    let kept = if ready.temporary { "removed when it ends" } else { "kept" };
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "https://{}:{} (on 127.0.0.1) forwards to {}:{}",
        spec.host, ready.port, spec.upstream.host, spec.upstream.port
    );
    if let Some(HostPort { host, port }) = ready.connect_to {
        let _ = writeln!(text, "  connects to {host}:{port} instead (--upstream)");
    }
    let _ = writeln!(text, "  admin       http://{}", ready.admin);
    let _ = writeln!(text, "  files       {directory} ({kept})");
    let _ = writeln!(text, "  access log  {}", printable(&ready.layout.access_log()));
    ready.served.callers.iter().for_each(|caller| write_caller(&mut text, caller));
    let _ = writeln!(text, "\nWatching {file} for changes. Press Ctrl-C to stop.");
    text
}

fn write_caller(text: &mut String, prepared: &PreparedCaller) {
    let PreparedCaller { caller, named, forecast, curl, .. } = prepared;
    let answer = match forecast {
        Forecast::Allowed(Some(rule)) => format!("allowed by rule `{rule}`"),
        Forecast::Allowed(None) => "allowed, because the policy is in shadow mode".to_owned(),
        Forecast::Refused(reason) => format!("refused, {reason}"),
        Forecast::DependsOnToken => "allowed with a matching token".to_owned(),
    };
    let answer = if *named { answer } else { format!("not named by the policy: {answer}") };
    let _ = writeln!(text, "\n# {caller}: {answer}\n{curl}");
}

fn callers(all: &[PreparedCaller]) -> Vec<Value> {
    let caller = |prepared: &PreparedCaller| {
        json!({
            "principal": prepared.caller.principal(),
            "cert": text(&prepared.pair.certificate),
            "key": text(&prepared.pair.key),
            "named": prepared.named,
            "expect": match &prepared.forecast {
                Forecast::Allowed(_) => "allowed",
                Forecast::Refused(_) => "refused",
                Forecast::DependsOnToken => "open",
            },
            "rule": match &prepared.forecast {
                Forecast::Allowed(rule) => rule.as_deref(),
                Forecast::Refused(_) | Forecast::DependsOnToken => None,
            },
            "curl": prepared.curl,
        })
    };
    all.iter().map(caller).collect()
}

/// The diagnostics as in the JSON report of `check`.
fn diagnostics(report: &Report) -> Value {
    let text = report.render(Format::Json, false, true);
    let parsed: Value = serde_json::from_str(&text).unwrap_or_default();
    parsed.get("diagnostics").cloned().unwrap_or_else(|| json!([]))
}

fn failure_diagnostics(failure: &Failure, file: &str) -> Value {
    json!([{
        "file": file, "line": null, "column": null, "code": null, "severity": "error",
        "message": failure.message, "help": failure.help,
    }])
}
