//! Callers at a constant rate, who do not wait for each other: what each of them got, and when.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::client::{Caller, PATIENCE, Reply, Request};

/// How often somebody who waits looks.
const TICK: Duration = Duration::from_millis(10);

/// One call.
#[derive(Clone, Debug)]
pub struct Sample {
    /// When it began.
    pub at: Instant,
    /// How long it took.
    pub took: Duration,
    /// What came of it; none where nothing came.
    pub reply: Option<Reply>,
}

impl Sample {
    /// The status; 0 where nothing came.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.reply.as_ref().map_or(0, |reply| reply.status)
    }

    /// Whether the health gate has answered.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.reply.as_ref().is_some_and(|reply| reply.spoken().reason == "upstream_down")
    }
}

/// Running callers.
#[derive(Debug)]
pub struct Crowd {
    state: Arc<State>,
    thread: JoinHandle<Result<()>>,
}

#[derive(Debug, Default)]
struct State {
    /// In the order in which they ended.
    samples: Mutex<Vec<Sample>>,
    unreachable: Arc<AtomicBool>,
    ended: AtomicBool,
}

impl Crowd {
    /// Sends the request again and again, one each `every`, over so many HTTP/2 connections in turn.
    #[must_use]
    pub fn start(caller: &Caller, request: Request, connections: usize, every: Duration) -> Self {
        let state = Arc::new(State::default());
        let (shared, caller) = (Arc::clone(&state), caller.clone());
        let thread = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(run(&caller, &Arc::new(request), connections, every, &shared))
        });
        Self { state, thread }
    }

    /// While it is set, there is nobody to connect to: calls fail at once, and are not sent.
    #[must_use]
    pub fn unreachable(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.state.unreachable)
    }

    /// Whether the last `count` calls that ended, all begun since then, are all as wanted.
    pub fn are_all(&self, count: usize, since: Instant, wanted: impl Fn(&Sample) -> bool) -> bool {
        let samples = self.state.samples();
        let recent = samples.get(samples.len().saturating_sub(count)..).unwrap_or_default();
        recent.len() == count && recent.iter().all(|sample| sample.at >= since && wanted(sample))
    }

    /// Waits until the last `count` calls that ended, begun after this was asked, are all as wanted.
    pub fn wait_all(&self, count: usize, what: &str, wanted: impl Fn(&Sample) -> bool) -> Result<()> {
        let start = Instant::now();
        while !self.are_all(count, start, &wanted) {
            ensure!(!self.thread.is_finished(), "the callers have ended");
            ensure!(start.elapsed() < PATIENCE, "not all {what}: {:?}", self.state.samples().last());
            thread::sleep(TICK);
        }
        Ok(())
    }

    /// Waits for the last answers, and tells all that came.
    pub fn finish(self) -> Result<Vec<Sample>> {
        self.state.ended.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("a caller panicked"))??;
        Ok(std::mem::take(&mut *self.state.samples()))
    }
}

impl State {
    fn samples(&self) -> std::sync::MutexGuard<'_, Vec<Sample>> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn run(
    caller: &Caller,
    request: &Arc<Request>,
    connections: usize,
    every: Duration,
    state: &Arc<State>,
) -> Result<()> {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Arc::new(caller.channel().await?));
    }
    let mut calls = JoinSet::new();
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut turn = open.iter().cycle();
    while !state.ended.load(Ordering::Relaxed) {
        ticks.tick().await;
        let channel = turn.next().context("no connections")?;
        let (channel, request, state) = (Arc::clone(channel), Arc::clone(request), Arc::clone(state));
        calls.spawn(async move {
            let at = Instant::now();
            let unreachable = state.unreachable.load(Ordering::Relaxed);
            let reply = if unreachable { None } else { channel.send(&request).await.ok() };
            state.samples().push(Sample { at, took: at.elapsed(), reply });
        });
        while calls.try_join_next().is_some() {}
    }
    while calls.join_next().await.is_some() {}
    Ok(())
}
