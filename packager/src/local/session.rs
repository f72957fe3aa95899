//! One session: serve the file, follow it as it changes, end cleanly.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::bootstrap::bootstrap;
use super::envoy::Changes;
use super::event::{Announcer, Ready};
use super::files::replace;
use super::gateway::{Applied, Gateway, Stop};
use super::setup::{Served, Setup};
use super::source::{Loaded, Refusal, Source};
use super::watch::Watcher;
use super::{locate, module, port};
use crate::command::run::Args;
use crate::exit::{Exit, Failure};

/// How often the session looks around.
const TICK: Duration = Duration::from_millis(25);

/// Serves until the user ends it, or Envoy does.
pub(crate) fn run(args: &Args, announcer: &Announcer<'_>) -> Result<Exit, Failure> {
    let stop = stop_signal()?;
    let source = Source::new(&args.file, args.mesh.as_deref());
    // Before the first reading: a file that is saved while Envoy starts is not missed.
    let watcher = Watcher::new(source.paths().to_vec(), Instant::now());
    let loaded = match source.load() {
        Ok(loaded) => loaded,
        Err(Refusal::Failure(failure)) => return Err(failure),
        Err(refusal) => {
            announcer.refused(&refusal, None)?;
            return Ok(refusal.exit());
        }
    };
    if let Some(session) = Session::start(args, announcer, &loaded, &stop)? {
        session.follow(&source, watcher, &stop)?;
    }
    announcer.stopped()?;
    Ok(Exit::Ok)
}

struct Session<'a> {
    announcer: &'a Announcer<'a>,
    // Before `setup`, and so dropped before it: Envoy ends, then its directory goes.
    gateway: Gateway,
    setup: Setup,
    served: Served,
}

impl<'a> Session<'a> {
    /// `None` when the user ended it first. A port that was free when it was chosen may be taken when Envoy binds it; if
    /// any would do, another is tried.
    fn start(args: &Args, announcer: &'a Announcer<'a>, loaded: &Loaded, stop: &Stop) -> Result<Option<Self>, Failure> {
        let mut tries_left = if args.port == 0 { 4 } else { 0 };
        loop {
            match Self::try_start(args, announcer, loaded.clone(), stop) {
                Err(failure) if failure.exit == Exit::Port && tries_left > 0 => tries_left -= 1,
                ended => return ended,
            }
        }
    }

    fn try_start(
        args: &Args,
        announcer: &'a Announcer<'a>,
        loaded: Loaded,
        stop: &Stop,
    ) -> Result<Option<Self>, Failure> {
        let program = locate::envoy(args.envoy.as_deref())?;
        let module = module::load(args.wasm.as_deref())?;
        let port = port::free(args.port, "--port")?;
        let admin_port = match args.admin_port {
            0 => 0,
            wanted => port::free(wanted, "--admin-port")?,
        };
        let mut setup = Setup::open(args.wishes(), port)?;
        let layout = setup.layout().clone();
        let served = setup.prepare(loaded)?;
        replace(&layout.module(), &module)?;
        let bootstrap = bootstrap(&served.loaded.egress, &layout, admin_port);
        replace(&layout.bootstrap(), bootstrap.to_string().as_bytes())?;
        announcer.starting(&program.to_string_lossy());
        let gateway = Gateway::start(&program, &layout, args.concurrency, &served.resources, stop)?;
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

    fn follow(mut self, source: &Source, mut watcher: Watcher, stop: &Stop) -> Result<(), Failure> {
        let mut changes = Changes::new(&self.setup.layout().envoy_log());
        while !stop.load(Ordering::Relaxed) {
            self.gateway.check()?;
            for change in changes.read() {
                self.announcer.health(&change)?;
            }
            if let Some(since) = watcher.changed(Instant::now())
                && let Err(refusal) = self.reload(source, since, stop)?
            {
                self.announcer.refused(&refusal, Some(self.gateway.version()))?;
            }
            sleep(TICK);
        }
        Ok(())
    }

    /// Puts the saved file into force. The outer error ends the session; the inner one leaves things as they were.
    fn reload(&mut self, source: &Source, since: Instant, stop: &Stop) -> Result<Result<(), Refusal>, Failure> {
        let loaded = match source.load() {
            Ok(loaded) => loaded,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if let Err(failure) = self.same_upstream(&loaded) {
            return Ok(Err(Refusal::Failure(failure)));
        }
        let mut new = match self.setup.prepare(loaded) {
            Ok(new) => new,
            Err(failure) => return Ok(Err(Refusal::Failure(failure))),
        };
        new.resources = new.resources.succeeding(&self.served.resources);
        let changed = new.resources.changed_since(&self.served.resources);
        match self.gateway.apply(&new.resources, &changed, stop)? {
            Applied::Stopped => {}
            Applied::Refused(failure) => return Ok(Err(Refusal::Failure(failure))),
            Applied::InForce => {
                self.announcer.live(&new, &self.served, self.gateway.version(), since.elapsed())?;
                self.served = new;
            }
        }
        Ok(Ok(()))
    }

    /// One session is one upstream, as one gateway is: its name is in the filter's state and in the gateway's identity.
    fn same_upstream(&self, loaded: &Loaded) -> Result<(), Failure> {
        let (old, new) = (&self.served.loaded.egress, &loaded.egress);
        if (&old.namespace, &old.name) == (&new.namespace, &new.name) {
            return Ok(());
        }
        let message =
            format!("the file is now `{}/{}`, and was `{}/{}`", new.namespace, new.name, old.namespace, old.name);
        Err(Failure::new(Exit::Problems, message).with_help("end `sallyport run` and start it again"))
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
