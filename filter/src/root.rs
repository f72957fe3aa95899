//! The plugin: takes its configuration, flushes what was counted.

use std::cell::RefCell;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;
use sallyport_core::telemetry::{Counters, LogLimit};
use sallyport_core::{Code, Engine, InvalidPolicy, Problem};

use crate::host::{self, Level};
use crate::stream::Stream;

/// Between two flushes.
const TICK_MILLISECONDS: u32 = 1000;

/// A policy in force, and what was counted under it.
pub struct Gate {
    pub engine: Engine,
    pub telemetry: RefCell<Telemetry>,
}

pub struct Telemetry {
    pub counters: Counters,
    pub log_limit: LogLimit,
    /// Metric ids by counter slot, filled when a counter first moves.
    metrics: Vec<Option<u32>>,
}

/// One root context: one configuration.
#[derive(Default)]
pub struct Root {
    gate: Option<Rc<Gate>>,
}

impl Context for Root {
    fn on_done(&mut self) -> bool {
        self.flush();
        true
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        match configure() {
            Ok(engine) => {
                let rules = engine.rule_ids().len();
                let enforced = if engine.is_enforced() { "enforce" } else { "shadow" };
                host::log(Level::Info, &format!("policy for {}: {rules} rules, {enforced}", engine.upstream()));
                let counters = Counters::new(rules);
                let telemetry = Telemetry { counters, log_limit: LogLimit::default(), metrics: Vec::new() };
                self.gate = Some(Rc::new(Gate { engine, telemetry: RefCell::new(telemetry) }));
                host::set_tick_period(TICK_MILLISECONDS);
                true
            }
            Err(invalid) => {
                host::log(Level::Error, &format!("policy refused: {}", one_line(&invalid)));
                false
            }
        }
    }

    fn on_tick(&mut self) {
        self.flush();
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(self.gate.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Root {
    fn flush(&self) {
        let Some(gate) = &self.gate else { return };
        let Ok(mut telemetry) = gate.telemetry.try_borrow_mut() else { return };
        let Telemetry { counters, log_limit, metrics } = &mut *telemetry;
        let mut moved = Vec::new();
        counters.drain(|slot, increase| moved.push((slot, increase)));
        for (slot, increase) in moved {
            if metrics.len() <= slot {
                metrics.resize(slot.saturating_add(1), None);
            }
            let Some(metric) = metrics.get_mut(slot) else { continue };
            if metric.is_none() {
                *metric = host::define_counter(&counters.name(slot, &gate.engine));
            }
            if let Some(metric) = metric {
                host::increment(*metric, increase);
            }
        }
        let suppressed = log_limit.refill();
        if suppressed > 0 {
            host::log(Level::Warn, &format!("{suppressed} more lines like these were left out"));
        }
    }
}

/// Compiles the configuration, and makes sure that it is meant for this plugin.
fn configure() -> Result<Engine, InvalidPolicy> {
    let engine = Engine::from_json(&host::plugin_configuration().unwrap_or_default())?;
    let plugin = host::property("plugin_root_id").unwrap_or_default();
    if plugin.is_empty() || plugin == engine.upstream().as_bytes() {
        return Ok(engine);
    }
    let message = format!("the policy is for `{}`, the plugin is `{}`", engine.upstream(), plugin.escape_ascii());
    Err(InvalidPolicy {
        problems: vec![Problem { path: "upstream".to_owned(), code: Code::Upstream, message, help: None }],
    })
}

/// The refusal on one line, cut where it would fill the log.
fn one_line(invalid: &InvalidPolicy) -> String {
    const MOST: usize = 2000;
    invalid.to_string().chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(MOST).collect()
}
