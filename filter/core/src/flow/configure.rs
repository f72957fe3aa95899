//! A policy comes into force, or is refused whole.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::effect::{Effect, Level};
use super::tick;
use crate::engine::Engine;
use crate::problem::{InvalidPolicy, PolicyCode, Problem};
use crate::telemetry::policy_hash;

/// Longest refusal, in characters: with thousands of problems it would fill the log.
const LONGEST_REFUSAL: usize = 2000;

/// The variable of the VM that has the digest of the filter's image: `sha256:DIGEST`.
pub const FILTER_VARIABLE: &str = "SALLYPORT_FILTER";

/// A policy in force.
#[derive(Debug)]
pub struct Configured {
    /// What requests are decided by.
    pub engine: Engine,
    /// What is said about it.
    pub effects: Vec<Effect>,
    /// That this VM has the configuration in use, to be said at its first tick, and that it has no more, at its end. Envoy tries
    /// a configuration in a VM that never ticks and does not tell its end.
    pub in_use: [Effect; 2],
    /// How often the host is to tick, in ms.
    pub tick_period: u32,
}

/// Compiles a plugin's configuration, and makes sure that it is meant for this plugin. `plugin` is the plugin's root id,
/// which the packager sets to the name of the upstream; `environment` the VM's variables, each `NAME=VALUE` with a
/// zero behind it, of which [`FILTER_VARIABLE`] is read; `now` in ms.
///
/// # Errors
///
/// The line for the log. Then nothing of the policy is in force.
#[inline(never)]
pub fn configure(configuration: &[u8], plugin: &[u8], environment: &[u8], now: u64) -> Result<Configured, Effect> {
    let engine = Engine::from_configuration(configuration, filter_of(environment))
        .and_then(|engine| check_plugin(engine, plugin));
    match engine {
        Ok(engine) => {
            let workers = |is_up| Effect::Step { name: format!("sallyport.workers.{}", engine.mark()), is_up };
            Ok(Configured {
                // Two gateways that should have the same policy can be compared by the gauges alone.
                effects: vec![
                    Effect::Log(Level::Info, summary(&engine)),
                    Effect::gauge("sallyport.config.policy_hash", policy_hash(configuration).into()),
                    Effect::gauge("sallyport.config.loaded_at_seconds", now / 1000),
                ],
                in_use: [workers(true), workers(false)],
                tick_period: tick::period(&engine),
                engine,
            })
        }
        Err(invalid) => Err(Effect::Log(Level::Error, format!("policy refused: {}", one_line(&invalid)))),
    }
}

/// The digest of the filter's image; empty if it is not known.
fn filter_of(environment: &[u8]) -> &[u8] {
    let value = |variable| <[u8]>::strip_prefix(variable, FILTER_VARIABLE.as_bytes())?.strip_prefix(b"=");
    environment.split(|byte| *byte == 0).find_map(value).unwrap_or_default()
}

fn summary(engine: &Engine) -> String {
    let rules = engine.rule_ids().len();
    let stage = engine.stage();
    let candidate = engine.candidate_digest().map_or(String::new(), |digest| {
        format!(", the last of them of the candidate {digest}, with {} regions", engine.region_ids().len())
    });
    format!("policy for {}: {rules} rules{candidate}, {stage}, in force as {}", engine.upstream(), engine.mark())
}

/// Several plugins of one gateway differ in their configuration only. One that got the policy of another upstream would
/// decide by the wrong rules and set the wrong route. A plugin without an id takes any policy.
fn check_plugin(engine: Engine, plugin: &[u8]) -> Result<Engine, InvalidPolicy> {
    if plugin.is_empty() || plugin == engine.upstream().as_bytes() {
        return Ok(engine);
    }
    let message = format!("the policy is for `{}`, the plugin is `{}`", engine.upstream(), plugin.escape_ascii());
    Err(InvalidPolicy {
        problems: vec![Problem { path: "upstream".to_owned(), code: PolicyCode::Upstream, message, help: None }],
    })
}

/// A policy can contain any text, and a line end in it would begin a log line of its own.
fn one_line(invalid: &InvalidPolicy) -> String {
    let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
    invalid.to_string().chars().map(plain).take(LONGEST_REFUSAL).collect()
}
