//! The plugin: its configuration, its ticks, and the answers to its probes.

use alloc::rc::Rc;

use sallyport_core::flow::Effect;
use sallyport_core::flow::configure::configure;
use sallyport_core::flow::health::TargetUpdate;

use crate::host;
use crate::policy::ActivePolicy;

/// One root context: one configuration.
#[derive(Default)]
pub struct Root {
    policy: Option<Rc<ActivePolicy>>,
    /// What the first tick says, and what the end does.
    begin: Option<Effect>,
    end: Option<Effect>,
}

impl Root {
    /// What streams are decided by; none before there is a configuration.
    pub fn policy(&self) -> Option<Rc<ActivePolicy>> {
        self.policy.clone()
    }

    /// Takes the plugin's configuration; false: it is refused, and nothing of it is in force.
    #[inline(never)]
    pub fn configure(&mut self) -> bool {
        let configuration = host::plugin_configuration().unwrap_or_default();
        let plugin = host::plugin_root_id().unwrap_or_default();
        let environment = host::environment().unwrap_or_default();
        match configure(&configuration, &plugin, &environment, host::now()) {
            Ok(configured) => {
                let policy = ActivePolicy::new(configured.engine);
                let [begin, end] = configured.in_use;
                (self.begin, self.end) = (Some(begin), Some(end));
                configured.effects.iter().for_each(host::apply);
                policy.read_records();
                host::set_tick_period(configured.tick_period);
                self.policy = Some(Rc::new(policy));
                true
            }
            Err(refusal) => {
                host::apply(&refusal);
                false
            }
        }
    }

    /// Takes the answer to a probe.
    pub fn on_call_response(&mut self, token: u32) {
        if let Some(policy) = &self.policy {
            policy.on_probe_answer(token);
        }
    }

    /// Does what is due on a tick.
    pub fn tick(&mut self) {
        let Some(policy) = &self.policy else { return };
        if let Some(effect) = self.begin.take() {
            host::apply(&effect);
        }
        let Some(tick) = policy.run(|state| state.on_tick(&policy.engine)) else { return };
        for target in 0..tick.targets {
            policy.update_record(TargetUpdate::new(target));
        }
        if tick.flushes {
            policy.flush();
        }
    }

    /// Gives what has been counted to the host, and gives the configuration up.
    pub fn done(&mut self) {
        if let Some(policy) = &self.policy {
            policy.flush();
        }
        // Only what was said is taken back.
        if let (None, Some(effect)) = (&self.begin, self.end.take()) {
            host::apply(&effect);
        }
    }
}
