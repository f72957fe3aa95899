//! What a session says: for people, or one JSON object a line for programs.
//!
//! The JSON is an interface. Fields may be added; none is renamed, removed or given another meaning.

use std::fmt::Write as _;
use std::time::Duration;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::bootstrap::HostPort;
use super::envoy::Change;
use super::example::Outcome;
use super::files::Layout;
use super::setup::{Invitation, Served, text};
use super::source::Refusal;
use crate::console::Console;
use crate::exit::Failure;
use crate::printable::printable;
use crate::report::{Format, Report};

/// In which form a session speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    #[default]
    Human,
    /// For programs: one JSON object a line
    Json,
}

/// Says what happens, to whoever listens.
pub(crate) struct Announcer<'a> {
    pub(crate) output: Output,
    pub(crate) console: &'a Console,
    /// The file as the user wrote it.
    pub(crate) file: String,
}

/// What a session has, once it serves.
pub(crate) struct Ready<'a> {
    pub(crate) served: &'a Served,
    pub(crate) layout: &'a Layout,
    pub(crate) port: u16,
    /// Where requests go instead of to the upstream's own address.
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
                self.say(&ready_text(ready, &self.file))
            }
            Output::Json => self.event(&json!({
                "event": "ready",
                "listener": format!("127.0.0.1:{}", ready.port),
                "host": ready.served.loaded.egress.spec.host,
                "admin": ready.admin,
                "dir": text(ready.layout.root()),
                "ca": text(&ready.layout.ca()),
                "callers": callers(&ready.served.invitations),
                "accessLog": text(&ready.layout.access_log()),
                "envoyLog": text(&ready.layout.envoy_log()),
                "envoyPid": ready.process,
                "diagnostics": diagnostics(&ready.served.loaded.report),
            })),
        }
    }

    /// A saved file is in force. `old` is what it takes the place of.
    pub(crate) fn live(&self, new: &Served, old: &Served, version: u64, took: Duration) -> Result<(), Failure> {
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        match self.output {
            Output::Human => {
                self.warnings(&new.loaded.report)?;
                let mut text = format!("{}: live after {milliseconds} ms (version {version})\n", self.file);
                let fresh = new.invitations.iter().filter(|invitation| !old.invitations.contains(invitation));
                fresh.for_each(|invitation| invite(&mut text, invitation));
                self.say(&text)
            }
            Output::Json => self.event(&json!({
                "event": "policy_live",
                "version": version,
                "ms": milliseconds,
                "callers": callers(&new.invitations),
                "diagnostics": diagnostics(&new.loaded.report),
            })),
        }
    }

    /// A file is not served. `version`: what goes on instead; `None` at the start.
    pub(crate) fn refused(&self, refusal: &Refusal, version: Option<u64>) -> Result<(), Failure> {
        match self.output {
            Output::Human => {
                match refusal {
                    Refusal::Report(report) => self.warnings(report)?,
                    Refusal::Failure(failure) => self.console.fail(failure),
                }
                match version {
                    Some(version) => self.say(&format!("{}: refused; version {version} goes on\n", self.file)),
                    None => Ok(()),
                }
            }
            Output::Json => self.event(&json!({
                "event": "policy_refused",
                "version": version,
                "diagnostics": match refusal {
                    Refusal::Report(report) => diagnostics(report),
                    Refusal::Failure(failure) => failure_diagnostics(failure, &self.file),
                },
            })),
        }
    }

    /// The gate of the upstream has opened, or closed, or lets a share through.
    pub(crate) fn health(&self, change: &Change) -> Result<(), Failure> {
        let Change { upstream, from, to, milliseconds, cause } = change;
        match self.output {
            Output::Human => {
                let file = &self.file;
                self.say(&format!("{file}: health of {upstream}: {from} -> {to}, after {milliseconds} ms: {cause}\n"))
            }
            Output::Json => self.event(&json!({
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
            Output::Json => self.event(&json!({"event": "stopped"})),
        }
    }

    fn warnings(&self, report: &Report) -> Result<(), Failure> {
        if report.problems.is_empty() {
            return Ok(());
        }
        self.say(&report.render(Format::Human, self.console.coloured(None), true))
    }

    fn say(&self, text: &str) -> Result<(), Failure> {
        self.console.write(None, text.as_bytes())
    }

    fn event(&self, event: &Value) -> Result<(), Failure> {
        self.say(&format!("{event}\n"))
    }
}

fn ready_text(ready: &Ready<'_>, file: &str) -> String {
    let spec = &ready.served.loaded.egress.spec;
    let mut text = String::new();
    let directory = printable(ready.layout.root());
    let kept = if ready.temporary { "removed at the end" } else { "kept" };
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "https://{}:{} (on 127.0.0.1) leads to {}:{}",
        spec.host, ready.port, spec.upstream.host, spec.upstream.port
    );
    if let Some(HostPort { host, port }) = ready.connect_to {
        let _ = writeln!(text, "  connects to {host}:{port} instead, as told");
    }
    let _ = writeln!(text, "  admin       http://{}", ready.admin);
    let _ = writeln!(text, "  files       {directory} ({kept})");
    let _ = writeln!(text, "  access log  {}", printable(&ready.layout.access_log()));
    ready.served.invitations.iter().for_each(|invitation| invite(&mut text, invitation));
    let _ = writeln!(text, "\nwatching {file}; Ctrl-C ends it all");
    text
}

fn invite(text: &mut String, invitation: &Invitation) {
    let Invitation { caller, named, outcome, curl, .. } = invitation;
    let standing = match outcome {
        Outcome::Allowed(Some(rule)) => format!("allowed by rule `{rule}`"),
        Outcome::Allowed(None) => "let through, the policy being on trial".to_owned(),
        Outcome::Refused(reason) => format!("refused, {reason}"),
        Outcome::Open => "allowed with the right token".to_owned(),
    };
    let standing = if *named { standing } else { format!("not named by the policy: {standing}") };
    let _ = writeln!(text, "\n# {caller}: {standing}\n{curl}");
}

fn callers(invitations: &[Invitation]) -> Vec<Value> {
    let caller = |invitation: &Invitation| {
        json!({
            "principal": invitation.caller.principal(),
            "cert": text(&invitation.pair.certificate),
            "key": text(&invitation.pair.key),
            "named": invitation.named,
            "expect": match &invitation.outcome {
                Outcome::Allowed(_) => "allowed",
                Outcome::Refused(_) => "refused",
                Outcome::Open => "open",
            },
            "rule": match &invitation.outcome {
                Outcome::Allowed(rule) => rule.as_deref(),
                Outcome::Refused(_) | Outcome::Open => None,
            },
            "curl": invitation.curl,
        })
    };
    invitations.iter().map(caller).collect()
}

/// As in the JSON report of `check`.
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
