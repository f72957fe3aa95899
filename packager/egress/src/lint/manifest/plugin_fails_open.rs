//! A filter that decides who may pass fails open.
//!
//! With `failStrategy: FAIL_OPEN`, a registry that is down, a wrong digest or a crash of the module
//! disables the rules: Istio replaces a filter that it cannot load with one that allows every request,
//! and Envoy skips a filter that has crashed.
//!
//! Bad:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   phase: AUTHZ
//!   failStrategy: FAIL_OPEN
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   phase: AUTHZ
//!   failStrategy: FAIL_RELOAD
//! ```
//!
//! Fix: Write `failStrategy: FAIL_RELOAD`, or `FAIL_CLOSE` before Istio 1.27.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;

pub(super) const LINT: Lint = Lint { code: Code::PluginFailsOpen, run, source: include_str!("plugin_fails_open.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let deciding = input.set.plugins.iter().filter(|plugin| plugin.decides_access());
    let strategies = deciding.filter_map(|plugin| Some((plugin.manifest.file, plugin.wasm.get("failStrategy")?)));
    let open = strategies.filter(|(_, strategy)| strategy.text() == Some("FAIL_OPEN"));
    let message = "if the filter crashes or cannot be loaded, every request is allowed";
    open.map(|(file, strategy)| finding(file, strategy, message, "write `FAIL_RELOAD`")).collect()
}
