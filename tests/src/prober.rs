//! What a kubelet makes of a readiness probe that asks the upstream, for comparison.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use tokio::runtime::Builder;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::client::{Caller, Request};

/// A running prober: each `period` one request over a connection of its own, as curl makes it.
#[derive(Debug)]
pub struct Prober {
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    sent: AtomicUsize,
    ended: AtomicBool,
}

/// When a pod is no longer ready.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// From one probe to the next.
    pub period: Duration,
    /// After which a probe has failed.
    pub timeout: Duration,
    /// Failed probes in a row that take the pod out of its Service. One good probe takes it back.
    pub threshold: usize,
}

impl Prober {
    /// Asks the upstream as `caller`, and sets `unready` while its pod would be out of the Service: at once, which no
    /// cluster does.
    pub fn start(caller: &Caller, settings: Settings, unready: Arc<AtomicBool>) -> Result<Self> {
        let state = Arc::new(State { sent: AtomicUsize::new(0), ended: AtomicBool::new(false) });
        let (shared, caller) = (Arc::clone(&state), caller.clone());
        let runtime = Builder::new_current_thread().enable_all().build()?;
        thread::spawn(move || runtime.block_on(run(&caller, settings, &shared, &unready)));
        Ok(Self { state })
    }

    /// How many probes were sent.
    #[must_use]
    pub fn sent(&self) -> usize {
        self.state.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Relaxed);
    }
}

async fn run(caller: &Caller, settings: Settings, state: &State, unready: &AtomicBool) {
    let mut ticks = interval(settings.period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut failed = 0;
    while !state.ended.load(Ordering::Relaxed) {
        ticks.tick().await;
        state.sent.fetch_add(1, Ordering::Relaxed);
        let request = Request::get("/health");
        let probe = async { anyhow::Ok(caller.channel().await?.send(&request).await?.status == 200) };
        let good = matches!(timeout(settings.timeout, probe).await, Ok(Ok(true)));
        failed = if good { 0 } else { failed + 1 };
        unready.store(failed >= settings.threshold, Ordering::Relaxed);
    }
}
