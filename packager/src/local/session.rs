//! One session: serves the files, applies them again when they change, and ends cleanly.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use sallyport_egress::model::Egress;

use super::bootstrap::bootstrap;
use super::envoy::HealthChanges;
use super::event::{Announcer, Ready};
use super::failure::Failures;
use super::files::replace;
use super::gateway::{Applied, Gateway, Stop};
use super::load::{EgressFiles, Loaded, NotServed};
use super::settings::Settings;
use super::setup::{Served, Setup};
use super::watch::{Change, Watcher};
use super::{locate, module, port};
use crate::exit::{Exit, Failure};
use crate::oci::image::Image;
use crate::printable::printable;

/// How often the session checks for changes.
const TICK: Duration = Duration::from_millis(25);

/// Serves until the user ends the session, or Envoy exits.
pub(crate) fn run(settings: &Settings, files: &EgressFiles, announcer: &Announcer<'_>) -> Result<Exit, Failure> {
    let stop = stop_signal()?;
    // Before the files are read, so that a change while Envoy starts is not missed.
    let mut watcher = Watcher::new(files.clone(), Instant::now());
    let loaded = match files.load() {
        Ok(loaded) => loaded,
        Err(NotServed::Failure(failure)) => return Err(failure),
        Err(reason) => {
            announcer.rejected(&reason, None)?;
            return Ok(reason.exit());
        }
    };
    check_addresses(settings, &loaded)?;
    let followed = Session::start(settings, announcer, &loaded, &mut watcher, &stop)
        .and_then(|started| started.map_or(Ok(()), |session| session.follow(files, watcher, &stop)));
    followed.map_err(|failure| with_log(failure, settings))?;
    announcer.stopped()?;
    Ok(Exit::Ok)
}

/// Where to read on when Envoy has failed.
fn with_log(failure: Failure, settings: &Settings) -> Failure {
    match (failure.exit, &failure.help, &settings.directory) {
        (Exit::EnvoyDied, None, Some(directory)) => {
            failure.with_help(format!("Envoy's log, `envoy.log`, is in `{}`", printable(directory)))
        }
        (Exit::EnvoyDied, None, None) => failure.with_help("--dir DIR keeps Envoy's log"),
        _ => failure,
    }
}

/// The addresses that are given must be for upstreams that there are.
fn check_addresses(settings: &Settings, loaded: &Loaded) -> Result<(), Failure> {
    let names = || loaded.egresses.iter().map(|egress| format!("`{}`", egress.name)).collect::<Vec<_>>().join(", ");
    if settings.upstream.is_some() && loaded.egresses.len() > 1 {
        let message = "--upstream is for one Egress, but there are several";
        return Err(Failure::new(Exit::Usage, message)
            .with_help(format!("write --connect NAME=HOST:PORT; the names are {}", names())));
    }
    let is_known = |name: &str| loaded.egresses.iter().any(|egress| *egress.name == *name || egress.route() == name);
    match settings.connect.iter().find(|connect| !is_known(&connect.egress)) {
        Some(connect) => Err(Failure::new(Exit::Usage, format!("--connect names no Egress: `{}`", connect.egress))
            .with_help(format!("the names are {}", names()))),
        None => Ok(()),
    }
}

/// One Envoy with what it serves.
struct Running {
    gateway: Gateway,
    changes: HealthChanges,
    failures: Failures,
    served: Served,
}

struct Session<'a> {
    announcer: &'a Announcer<'a>,
    // Declared before `setup`, and so dropped before it: Envoys must end before their directory is removed.
    running: Vec<Running>,
    setup: Setup,
}

impl<'a> Session<'a> {
    /// `None` if the user ends the session first. Another program can take a port before Envoy binds it; if any port will
    /// do, another one is tried.
    fn start(
        settings: &Settings,
        announcer: &'a Announcer<'a>,
        loaded: &Loaded,
        watcher: &mut Watcher,
        stop: &Stop,
    ) -> Result<Option<Self>, Failure> {
        let retries = if settings.port == 0 { 4 } else { 0 };
        for _ in 0..retries {
            match Self::try_start(settings, announcer, loaded, watcher, stop) {
                Err(failure) if failure.exit == Exit::Port => {}
                ended => return ended,
            }
        }
        Self::try_start(settings, announcer, loaded, watcher, stop)
    }

    fn try_start(
        settings: &Settings,
        announcer: &'a Announcer<'a>,
        loaded: &Loaded,
        watcher: &mut Watcher,
        stop: &Stop,
    ) -> Result<Option<Self>, Failure> {
        let program = locate::envoy(settings.envoy.as_deref())?;
        let module = module::load(settings.wasm.as_deref())?;
        let count = loaded.egresses.len();
        let ports = port::in_a_row(settings.port, count, "--port")?;
        let admin_ports = match settings.admin_port {
            0 => vec![0; count],
            requested => port::in_a_row(requested, count, "--admin-port")?,
        };
        let mut setup = Setup::open(settings.clone(), ports, Image::digest_with(&module))?;
        let all = setup.prepare(loaded)?;
        watcher.watch(setup.sought());
        replace(&setup.layout().module(), &module)?;
        announcer.starting(&program.to_string_lossy());
        let mut running = Vec::new();
        for (served, admin_port) in all.into_iter().zip(admin_ports) {
            let bootstrap = bootstrap(&served.egress, &served.layout, admin_port);
            replace(&served.layout.bootstrap(), bootstrap.to_string().as_bytes())?;
            let workers = settings.workers(&served.egress);
            let Some(gateway) = Gateway::start(&program, workers, &served, announcer, stop)? else {
                return Ok(None);
            };
            let changes = HealthChanges::new(&served.layout.envoy_log());
            let failures = Failures::new(&served.layout.failure_log());
            running.push(Running { changes, failures, gateway, served });
        }
        announcer.warn(&loaded.report)?;
        for Running { gateway, served, .. } in &running {
            announcer.ready(&Ready {
                served,
                report: &loaded.report,
                admin: gateway.admin_address(),
                process: gateway.process(),
                temporary: setup.is_temporary(),
            })?;
        }
        announcer.watching()?;
        Ok(Some(Session { announcer, running, setup }))
    }

    fn follow(mut self, files: &EgressFiles, mut watcher: Watcher, stop: &Stop) -> Result<(), Failure> {
        while !stop.load(Ordering::Relaxed) {
            for running in &mut self.running {
                running.gateway.check()?;
                for change in running.changes.read() {
                    self.announcer.health(&change)?;
                }
                for failure in running.failures.read(Instant::now()) {
                    self.announcer.upstream_failure(&running.served.egress, &failure)?;
                }
            }
            if let Some(change) = watcher.changed(Instant::now()) {
                let reloaded = self.reload(files, &change, stop)?;
                watcher.watch(self.setup.sought());
                if let Err(reason) = reloaded {
                    self.announcer.rejected(&reason, Some((&change, &self.versions())))?;
                }
            }
            sleep(TICK);
        }
        Ok(())
    }

    /// Applies the saved files. An outer error ends the session; after an inner one the old version stays in force.
    fn reload(&mut self, files: &EgressFiles, change: &Change, stop: &Stop) -> Result<Result<(), NotServed>, Failure> {
        let loaded = match files.load() {
            Ok(loaded) => loaded,
            Err(reason) => return Ok(Err(reason)),
        };
        if let Err(failure) = self.same_egresses(&loaded) {
            return Ok(Err(NotServed::Failure(failure)));
        }
        let new = self.setup.prepare(&loaded).and_then(|new| {
            same_variables(&self.running, &new)?;
            Ok(new)
        });
        match new {
            Ok(new) => self.apply(new, &loaded, change, stop),
            Err(failure) => Ok(Err(NotServed::Failure(failure))),
        }
    }

    /// All gateways get the new version, or none does.
    fn apply(
        &mut self,
        new: Vec<Served>,
        loaded: &Loaded,
        change: &Change,
        stop: &Stop,
    ) -> Result<Result<(), NotServed>, Failure> {
        let mut applied = Vec::new();
        for (running, mut new) in self.running.iter_mut().zip(new) {
            new.resources = new.resources.succeeding(&running.served.resources);
            let changed = new.resources.changed_since(&running.served.resources);
            match running.gateway.apply(&new.resources, &changed, stop)? {
                Applied::Stopped => return Ok(Ok(())),
                Applied::InForce => applied.push((changed, new)),
                Applied::Rejected(failure) => {
                    for (running, (changed, _)) in self.running.iter_mut().zip(&applied) {
                        running.gateway.apply(&running.served.resources, changed, stop)?;
                    }
                    return Ok(Err(NotServed::Failure(failure)));
                }
            }
        }
        self.announcer.warn(&loaded.report)?;
        let is_other = |(running, (kinds, new)): (&Running, &(Vec<_>, Served))| {
            !kinds.is_empty() || new.egress != running.served.egress
        };
        let others = self.running.iter().zip(&applied).map(is_other).collect();
        let in_files = loaded.files.iter().map(|file| change.files.contains(file)).collect();
        let concerned = concerned(others, in_files);
        for ((running, (_, new)), is_concerned) in self.running.iter_mut().zip(applied).zip(concerned) {
            if is_concerned {
                running.failures.forget(SystemTime::now());
                self.announcer.live(&new, &running.served, &loaded.report, running.gateway.version(), change)?;
            }
            running.served = new;
        }
        Ok(Ok(()))
    }

    /// The version of each Egress that is in force.
    fn versions(&self) -> Vec<(String, u64)> {
        self.running.iter().map(|running| (running.served.egress.route(), running.gateway.version())).collect()
    }

    /// Like a gateway, each Envoy is for one Egress, whose name is in the filter's state and in the gateway's identity.
    fn same_egresses(&self, loaded: &Loaded) -> Result<(), Failure> {
        let names = |egresses: &mut dyn Iterator<Item = &Egress>| {
            egresses.map(|egress| format!("`{}`", egress.route())).collect::<Vec<_>>().join(", ")
        };
        let old = names(&mut self.running.iter().map(|running| &running.served.egress));
        let new = names(&mut loaded.egresses.iter());
        if old == new {
            return Ok(());
        }
        let message = if self.running.len() == 1 && loaded.egresses.len() == 1 {
            format!("the Egress in the file is now {new}, but was {old}")
        } else {
            format!("the Egresses in the files are now {new}, but were {old}")
        };
        Err(Failure::new(Exit::Problems, message).with_help("restart `sallyport run`"))
    }
}

/// Which Egresses a change is about: those that are `other` than before, or else those `in_files` that changed (a comment),
/// or else all (a comment in the Mesh file).
fn concerned(other: Vec<bool>, in_files: Vec<bool>) -> Vec<bool> {
    let all = vec![true; other.len()];
    [other, in_files].into_iter().find(|some| some.contains(&true)).unwrap_or(all)
}

/// Envoy reads credentials from its environment, which is fixed when it starts.
fn same_variables(running: &[Running], new: &[Served]) -> Result<(), Failure> {
    let is_same = running.iter().zip(new).all(|(running, new)| running.served.variables == new.variables);
    if is_same {
        return Ok(());
    }
    Err(Failure::new(Exit::Problems, "the credentials have changed, which Envoy reads only when it starts")
        .with_help("restart `sallyport run`; in the mesh, too, a new credential needs new pods"))
}

/// Set by Ctrl-C, by SIGTERM and by SIGHUP.
fn stop_signal() -> Result<Arc<Stop>, Failure> {
    let stop = Arc::new(Stop::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))
        .map_err(|error| Failure::new(Exit::Io, format!("cannot listen for Ctrl-C: {error}")))?;
    Ok(stop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_about_what_it_changes() {
        assert_eq!(concerned(vec![false, true], vec![true, true]), [false, true]);
        assert_eq!(concerned(vec![false, false], vec![true, false]), [true, false]);
        assert_eq!(concerned(vec![false, false], vec![false, false]), [true, true]);
    }
}
