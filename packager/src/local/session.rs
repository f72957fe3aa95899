//! One session: serves the file, applies it again when it changes, and ends cleanly.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::bootstrap::bootstrap;
use super::envoy::HealthChanges;
use super::event::{Announcer, Ready};
use super::files::replace;
use super::gateway::{Applied, Gateway, Stop};
use super::load::{EgressFiles, Loaded, NotServed};
use super::settings::Settings;
use super::setup::{Served, Setup};
use super::watch::Watcher;
use super::{locate, module, port};
use crate::exit::{Exit, Failure};

/// How often the session checks for changes.
const TICK: Duration = Duration::from_millis(25);

/// Serves until the user ends the session, or Envoy exits.
pub(crate) fn run(settings: &Settings, announcer: &Announcer<'_>) -> Result<Exit, Failure> {
    let stop = stop_signal()?;
    let files = EgressFiles::new(&settings.file, settings.mesh.as_deref());
    // Before the file is read, so that a change while Envoy starts is not missed.
    let watcher = Watcher::new(files.paths().to_vec(), Instant::now());
    let loaded = match files.load() {
        Ok(loaded) => loaded,
        Err(NotServed::Failure(failure)) => return Err(failure),
        Err(reason) => {
            announcer.rejected(&reason, None)?;
            return Ok(reason.exit());
        }
    };
    if let Some(session) = Session::start(settings, announcer, &loaded, &stop)? {
        session.follow(&files, watcher, &stop)?;
    }
    announcer.stopped()?;
    Ok(Exit::Ok)
}

struct Session<'a> {
    announcer: &'a Announcer<'a>,
    // Declared before `setup`, and so dropped before it: Envoy must end before its directory is removed.
    gateway: Gateway,
    setup: Setup,
    served: Served,
}

impl<'a> Session<'a> {
    /// `None` if the user ends the session first. Another program can take the port before Envoy binds it; if any port will
    /// do, another one is tried.
    fn start(
        settings: &Settings,
        announcer: &'a Announcer<'a>,
        loaded: &Loaded,
        stop: &Stop,
    ) -> Result<Option<Self>, Failure> {
        let retries = if settings.port == 0 { 4 } else { 0 };
        for _ in 0..retries {
            match Self::try_start(settings, announcer, loaded.clone(), stop) {
                Err(failure) if failure.exit == Exit::Port => {}
                ended => return ended,
            }
        }
        Self::try_start(settings, announcer, loaded.clone(), stop)
    }

    fn try_start(
        settings: &Settings,
        announcer: &'a Announcer<'a>,
        loaded: Loaded,
        stop: &Stop,
    ) -> Result<Option<Self>, Failure> {
        let program = locate::envoy(settings.envoy.as_deref())?;
        let module = module::load(settings.wasm.as_deref())?;
        let port = port::free(settings.port, "--port")?;
        let admin_port = match settings.admin_port {
            0 => 0,
            requested => port::free(requested, "--admin-port")?,
        };
        let mut setup = Setup::open(settings.clone(), port)?;
        let layout = setup.layout().clone();
        let served = setup.prepare(loaded)?;
        replace(&layout.module(), &module)?;
        let bootstrap = bootstrap(&served.loaded.egress, &layout, admin_port);
        replace(&layout.bootstrap(), bootstrap.to_string().as_bytes())?;
        announcer.starting(&program.to_string_lossy());
        let gateway = Gateway::start(&program, &layout, settings.concurrency, &served.resources, stop)?;
        let Some(gateway) = gateway else { return Ok(None) };
        announcer.ready(&Ready {
            served: &served,
            layout: &layout,
            port: setup.port(),
            connect_to: setup.connect_to(),
            admin: gateway.admin_address(),
            process: gateway.process(),
            temporary: setup.is_temporary(),
        })?;
        Ok(Some(Session { announcer, gateway, setup, served }))
    }

    fn follow(mut self, files: &EgressFiles, mut watcher: Watcher, stop: &Stop) -> Result<(), Failure> {
        let mut changes = HealthChanges::new(&self.setup.layout().envoy_log());
        while !stop.load(Ordering::Relaxed) {
            self.gateway.check()?;
            for change in changes.read() {
                self.announcer.health(&change)?;
            }
            if let Some(since) = watcher.changed(Instant::now())
                && let Err(reason) = self.reload(files, since, stop)?
            {
                self.announcer.rejected(&reason, Some(self.gateway.version()))?;
            }
            sleep(TICK);
        }
        Ok(())
    }

    /// Applies the saved file. An outer error ends the session; after an inner one the old version stays in force.
    fn reload(&mut self, files: &EgressFiles, since: Instant, stop: &Stop) -> Result<Result<(), NotServed>, Failure> {
        let loaded = match files.load() {
            Ok(loaded) => loaded,
            Err(reason) => return Ok(Err(reason)),
        };
        if let Err(failure) = self.same_upstream(&loaded) {
            return Ok(Err(NotServed::Failure(failure)));
        }
        let mut new = match self.setup.prepare(loaded) {
            Ok(new) => new,
            Err(failure) => return Ok(Err(NotServed::Failure(failure))),
        };
        new.resources = new.resources.succeeding(&self.served.resources);
        let changed = new.resources.changed_since(&self.served.resources);
        match self.gateway.apply(&new.resources, &changed, stop)? {
            Applied::Stopped => {}
            Applied::Rejected(failure) => return Ok(Err(NotServed::Failure(failure))),
            Applied::InForce => {
                self.announcer.live(&new, &self.served, self.gateway.version(), since.elapsed())?;
                self.served = new;
            }
        }
        Ok(Ok(()))
    }

    /// Like a gateway, a session is for one Egress, whose name is in the filter's state and in the gateway's identity.
    fn same_upstream(&self, loaded: &Loaded) -> Result<(), Failure> {
        let (old, new) = (&self.served.loaded.egress, &loaded.egress);
        if (&old.namespace, &old.name) == (&new.namespace, &new.name) {
            return Ok(());
        }
        let message = format!(
            "the Egress in the file is now `{}/{}`, but was `{}/{}`",
            new.namespace, new.name, old.namespace, old.name
        );
        Err(Failure::new(Exit::Problems, message).with_help("restart `sallyport run`"))
    }
}

/// Set by Ctrl-C, by SIGTERM and by SIGHUP.
fn stop_signal() -> Result<Arc<Stop>, Failure> {
    let stop = Arc::new(Stop::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))
        .map_err(|error| Failure::new(Exit::Io, format!("cannot listen for Ctrl-C: {error}")))?;
    Ok(stop)
}
