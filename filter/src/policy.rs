//! A policy in force, and what this VM keeps under it.

use alloc::vec::Vec;
use core::cell::RefCell;

use sallyport_core::Engine;
use sallyport_core::flow::{Flush, MetricKind, Needs, Properties, WorkerState};

use crate::host;

/// What a root context and its streams share.
///
/// The state is borrowed only while a stage runs, and no stage calls the host. So a borrow cannot fail; if one did, the
/// request would be held back rather than forwarded.
pub struct ActivePolicy {
    pub engine: Engine,
    state: RefCell<WorkerState>,
    /// Ids of metrics by counter slot, filled when a counter first grows.
    metrics: RefCell<Vec<Option<u32>>>,
    /// For ids of traces and spans, seeded by the host.
    random: RefCell<fastrand::Rng>,
}

impl ActivePolicy {
    pub fn new(engine: Engine) -> Self {
        Self {
            state: RefCell::new(WorkerState::new(&engine)),
            engine,
            metrics: RefCell::default(),
            random: RefCell::new(fastrand::Rng::with_seed(host::random())),
        }
    }

    /// Runs a stage.
    pub fn run<R>(&self, stage: impl FnOnce(&mut WorkerState) -> R) -> Option<R> {
        self.state.try_borrow_mut().ok().map(|mut state| stage(&mut state))
    }

    /// Looks up what a stage needs.
    #[inline(never)]
    pub fn look_up(&self, needs: Needs, properties: &mut Properties) {
        if needs.contains(Needs::TIME) {
            properties.set_time(host::now_nanoseconds());
        }
        if needs.contains(Needs::RANDOM_IDS) {
            let mut ids = [0; 24];
            if let Ok(mut random) = self.random.try_borrow_mut() {
                random.fill(&mut ids);
            }
            properties.set_ids(ids);
        }
        host::read_properties(needs, properties);
    }

    /// Gives what has been counted to the host.
    pub fn flush(&self) {
        let now = host::now();
        let Some(Flush { increases, effects }) = self.run(|state| state.flush(&self.engine, now)) else { return };
        for increase in increases {
            if let Some(metric) = self.metric(increase.slot) {
                host::increment(metric, increase.by);
            }
        }
        effects.iter().for_each(host::apply);
    }

    fn metric(&self, slot: usize) -> Option<u32> {
        let mut metrics = self.metrics.try_borrow_mut().ok()?;
        if metrics.len() <= slot {
            metrics.resize(slot.saturating_add(1), None);
        }
        let metric = metrics.get_mut(slot)?;
        if metric.is_none() {
            let name = self.run(|state| state.counter_name(slot, &self.engine))?;
            *metric = host::define_metric(MetricKind::Counter, &name);
        }
        *metric
    }
}
