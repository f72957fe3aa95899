//! The output of a session: text, or one JSON object per line.
//!
//! The JSON is an interface: fields may be added, but not renamed, removed or changed in meaning.

use std::fmt::Write as _;
use std::path::Path;

use clap::ValueEnum;
use sallyport_egress::model::Egress;
use serde_json::{Map, Value, json};

use super::envoy::HealthChange;
use super::example::Forecast;
use super::failure::{SEE, UpstreamFailure};
use super::load::NotServed;
use super::setup::{PreparedCaller, Served, text};
use super::watch::Change;
use sallyport_manifest::HostPort;

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

/// What has changed, and the version of each Egress that stays in force.
type Kept<'a> = (&'a Change, &'a [(String, u64)]);

/// What a gateway has when it is ready.
pub(crate) struct Ready<'a> {
    pub(crate) served: &'a Served,
    pub(crate) report: &'a Report,
    pub(crate) admin: &'a str,
    pub(crate) process: u32,
    pub(crate) temporary: bool,
}

impl Announcer<'_> {
    pub(crate) fn starting(&self, envoy: &str) {
        self.console.note(&format!("starting {envoy}"));
    }

    /// Envoy takes long to start.
    pub(crate) fn waiting(&self, message: &str, log: &Path) {
        self.console.note(&format!("{message}; its log is {}", printable(log)));
    }

    /// What the files have warnings about. The JSON events have them themselves.
    pub(crate) fn warn(&self, report: &Report) -> Result<(), Failure> {
        match self.output {
            Output::Human => self.warnings(report),
            Output::Json => Ok(()),
        }
    }

    /// One of the gateways serves.
    pub(crate) fn ready(&self, ready: &Ready<'_>) -> Result<(), Failure> {
        let Served { egress, port, layout, addresses, callers: of_policy, aliases, notices, .. } = ready.served;
        match self.output {
            Output::Human => self.print(&ready_text(ready)),
            Output::Json => self.print_json(&json!({
                "event": "ready",
                "egress": egress.route(),
                "listener": format!("127.0.0.1:{port}"),
                "host": egress.spec.host,
                "connectsTo": addresses.iter().map(HostPort::to_string).collect::<Vec<_>>(),
                "admin": ready.admin,
                "dir": text(layout.root()),
                "ca": text(&layout.ca()),
                "callers": callers(of_policy),
                "aliases": callers(aliases),
                "accessLog": text(&layout.access_log()),
                "envoyLog": text(&layout.envoy_log()),
                "envoyPid": ready.process,
                "notServed": notices,
                "warnings": ready.served.warnings,
                "diagnostics": diagnostics(ready.report),
            })),
        }
    }

    /// All gateways serve.
    pub(crate) fn watching(&self) -> Result<(), Failure> {
        match self.output {
            Output::Human => self.print(&format!("\nWatching {} for changes. Press Ctrl-C to stop.\n", self.file)),
            Output::Json => Ok(()),
        }
    }

    /// The saved file is in force. `old` is the version that it replaces.
    pub(crate) fn live(
        &self,
        new: &Served,
        old: &Served,
        report: &Report,
        version: u64,
        change: &Change,
    ) -> Result<(), Failure> {
        let milliseconds = u64::try_from(change.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let egress = new.egress.route();
        match self.output {
            Output::Human => {
                let files = change.files.join(", ");
                let mut text = format!("{files}: {egress} is live after {milliseconds} ms (version {version})\n");
                if new.addresses != old.addresses {
                    write_addresses(&mut text, new);
                }
                write_notices(&mut text, new.notices.iter().filter(|notice| !old.notices.contains(notice)));
                write_warnings(&mut text, &new.warnings);
                let known = |caller: &PreparedCaller| old.callers.contains(caller) || old.aliases.contains(caller);
                let added = new.callers.iter().chain(&new.aliases).filter(|caller| !known(caller));
                added.for_each(|caller| write_caller(&mut text, new, caller));
                self.print(&text)
            }
            Output::Json => self.print_json(&json!({
                "event": "policy_live",
                "egress": egress,
                "version": version,
                "changed": change.files,
                "ms": milliseconds,
                "callers": callers(&new.callers),
                "aliases": callers(&new.aliases),
                "notServed": new.notices,
                "warnings": new.warnings,
                "diagnostics": diagnostics(report),
            })),
        }
    }

    /// A file is not served. `kept`: what has changed, and the version of each Egress that stays in force; `None` at the
    /// start.
    pub(crate) fn rejected(&self, reason: &NotServed, kept: Option<Kept<'_>>) -> Result<(), Failure> {
        let files = kept.map_or_else(|| self.file.clone(), |(change, _)| change.files.join(", "));
        let versions = kept.map_or(&[][..], |(_, versions)| versions);
        match self.output {
            Output::Human => {
                match reason {
                    NotServed::Report(report) => self.warnings(report)?,
                    NotServed::Failure(failure) => self.console.fail(failure),
                }
                if versions.is_empty() { Ok(()) } else { self.print(&format!("{files}: rejected; {}\n", kept_text(versions))) }
            }
            Output::Json => self.print_json(&json!({
                "event": "policy_refused",
                "version": versions.iter().map(|(_, version)| version).max(),
                "versions": versions.iter().map(|(egress, version)| (egress.clone(), json!(version))).collect::<Map<_, _>>(),
                "changed": kept.map_or(&[][..], |(change, _)| &change.files),
                "diagnostics": match reason {
                    NotServed::Report(report) => diagnostics(report),
                    NotServed::Failure(failure) => failure_diagnostics(failure, &files),
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

    /// The upstream does not answer.
    pub(crate) fn upstream_failure(&self, egress: &Egress, failure: &UpstreamFailure) -> Result<(), Failure> {
        match self.output {
            Output::Human => self.print(&format!("{}: {}\n", self.file, failure_text(&egress.route(), failure))),
            Output::Json => self.print_json(&json!({
                "event": "upstream_failure",
                "egress": egress.route(),
                "address": failure.address,
                "cause": failure.cause(),
                "flags": failure.flags,
                "details": failure.details,
                "transport": failure.transport,
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

fn failure_text(egress: &str, failure: &UpstreamFailure) -> String {
    let address = failure.address.as_deref().unwrap_or("its upstream");
    let (flags, reason) = (&failure.flags, failure.reason());
    let why = match failure.cause() {
        Some(cause) => format!("{cause} ({flags}: {reason})"),
        None => format!("{flags}: {reason}"),
    };
    format!("{egress} got no answer from {address}: {why}; see {SEE}")
}

fn kept_text(versions: &[(String, u64)]) -> String {
    let all: Vec<String> = versions.iter().map(|(egress, version)| format!("version {version} of {egress}")).collect();
    format!("{} {} in force", all.join(", "), if all.len() == 1 { "stays" } else { "stay" })
}

fn ready_text(ready: &Ready<'_>) -> String {
    let Served { egress, port, layout, callers, aliases, notices, .. } = ready.served;
    let spec = &egress.spec;
    let mut text = String::new();
    let directory = printable(layout.root());
    let kept = if ready.temporary { "removed when it ends" } else { "kept" };
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "https://{}:{port} (on 127.0.0.1) forwards to {}:{}",
        spec.host, spec.upstream.host, spec.upstream.port
    );
    write_addresses(&mut text, ready.served);
    let _ = writeln!(text, "  admin       http://{}", ready.admin);
    let _ = writeln!(text, "  files       {directory} ({kept})");
    let _ = writeln!(text, "  access log  {}", printable(&layout.access_log()));
    write_notices(&mut text, notices.iter());
    write_warnings(&mut text, &ready.served.warnings);
    callers.iter().chain(aliases).for_each(|caller| write_caller(&mut text, ready.served, caller));
    text
}

/// Where it connects to, unless that is what the upstream's host says.
fn write_addresses(text: &mut String, Served { egress, addresses, .. }: &Served) {
    let own = HostPort { host: egress.spec.upstream.host.to_string(), port: egress.spec.upstream.port };
    if *addresses != [own] {
        let addresses: Vec<String> = addresses.iter().map(HostPort::to_string).collect();
        let _ = writeln!(text, "  connects to {}", addresses.join(", "));
    }
}

/// What is not as in the mesh.
fn write_notices<'n>(text: &mut String, notices: impl Iterator<Item = &'n String>) {
    for notice in notices {
        let _ = writeln!(text, "  not here    {notice}");
    }
}

/// What is served, and does not work.
fn write_warnings(text: &mut String, warnings: &[String]) {
    for warning in warnings {
        let _ = writeln!(text, "  warning     {warning}");
    }
}

fn write_caller(text: &mut String, served: &Served, prepared: &PreparedCaller) {
    let PreparedCaller { caller, host, named, forecast, curl, .. } = prepared;
    let answer = match forecast {
        Forecast::Allowed(Some(rule)) => format!("allowed by rule `{rule}`"),
        Forecast::Allowed(None) => "allowed, because the policy is in shadow mode".to_owned(),
        Forecast::Refused(reason) => format!("refused, {reason}"),
        Forecast::DependsOnToken => "allowed with a matching token".to_owned(),
    };
    let answer = if *named { answer } else { format!("not named by the policy: {answer}") };
    let place = if *host == *served.egress.spec.host { String::new() } else { format!(" at the alias {host}") };
    let _ = writeln!(text, "\n# {caller}{place}: {answer}\n{curl}");
}

fn callers(all: &[PreparedCaller]) -> Vec<Value> {
    let caller = |prepared: &PreparedCaller| {
        json!({
            "principal": prepared.caller.principal(),
            "host": prepared.host,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_stay_are_those_of_egresses() {
        let of = |name: &str, version| (format!("a/{name}"), version);
        assert_eq!(kept_text(&[of("b", 1)]), "version 1 of a/b stays in force");
        assert_eq!(kept_text(&[of("b", 1), of("c", 3)]), "version 1 of a/b, version 3 of a/c stay in force");
    }
}
