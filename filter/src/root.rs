//! The plugin: takes its configuration, flushes what was counted.

use std::rc::Rc;

use sallyport_core::{Engine, InvalidPolicy, PolicyCode, Problem};

use crate::gate::Gate;
use crate::host::{self, Level};

/// Between two flushes.
const FLUSH_MILLISECONDS: u32 = 1000;
/// Between two looks at the health of the upstream, where there is something to look at.
const LOOK_MILLISECONDS: u32 = 200;
/// Looks from one flush to the next.
const LOOKS: u32 = FLUSH_MILLISECONDS / LOOK_MILLISECONDS;

/// One root context: one configuration.
#[derive(Default)]
pub struct Root {
    gate: Option<Rc<Gate>>,
    /// Looks since the last flush.
    looks: u32,
}

impl Root {
    /// What streams are decided by; nothing before there is a configuration.
    pub fn gate(&self) -> Option<Rc<Gate>> {
        self.gate.clone()
    }

    /// Takes the answer to a probe.
    pub fn on_call_response(&mut self, token: u32) {
        if let Some((config, health)) = self.gate.as_deref().and_then(Gate::health) {
            health.on_response(config, token);
        }
    }

    /// Takes the plugin's configuration; false: it is refused, and nothing of it is in force.
    pub fn configure(&mut self) -> bool {
        let configuration = host::plugin_configuration().unwrap_or_default();
        match configure(&configuration) {
            Ok(engine) => {
                let rules = engine.rule_ids().len();
                let enforced = if engine.is_enforced() { "enforce" } else { "shadow" };
                host::log(Level::Info, &format!("policy for {}: {rules} rules, {enforced}", engine.upstream()));
                let gate = Gate::new(engine);
                gate.announce(&configuration);
                host::set_tick_period(if gate.health.is_some() { LOOK_MILLISECONDS } else { FLUSH_MILLISECONDS });
                self.gate = Some(Rc::new(gate));
                true
            }
            Err(invalid) => {
                host::log(Level::Error, &format!("policy refused: {}", one_line(&invalid)));
                false
            }
        }
    }

    /// Looks at the health of the upstream, and now and then hands on what was counted.
    pub fn tick(&mut self) {
        if let Some((config, health)) = self.gate.as_deref().and_then(Gate::health) {
            health.tick(config);
            self.looks = self.looks.saturating_add(1);
            if self.looks < LOOKS {
                return;
            }
            self.looks = 0;
        }
        self.flush();
    }

    /// Hands on what was counted.
    pub fn flush(&mut self) {
        let Some(gate) = &self.gate else { return };
        if let Ok(mut telemetry) = gate.telemetry.try_borrow_mut() {
            telemetry.flush(&gate.engine);
        }
    }
}

/// Compiles the configuration, and makes sure that it is meant for this plugin.
fn configure(configuration: &[u8]) -> Result<Engine, InvalidPolicy> {
    let engine = Engine::from_json(configuration)?;
    let plugin = host::property("plugin_root_id").unwrap_or_default();
    if plugin.is_empty() || plugin == engine.upstream().as_bytes() {
        return Ok(engine);
    }
    let message = format!("the policy is for `{}`, the plugin is `{}`", engine.upstream(), plugin.escape_ascii());
    Err(InvalidPolicy {
        problems: vec![Problem { path: "upstream".to_owned(), code: PolicyCode::Upstream, message, help: None }],
    })
}

/// The refusal on one line, cut where it would fill the log.
fn one_line(invalid: &InvalidPolicy) -> String {
    const MOST: usize = 2000;
    invalid.to_string().chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(MOST).collect()
}
