//! A filter that decides who may pass is not reloaded after a crash.
//!
//! By default, or with `failStrategy: FAIL_CLOSE`, a module that crashed once answers every later
//! request of that worker with an empty 503 until the pod is restarted. Nothing restarts it, because
//! the gateway stays ready.
//!
//! Bad:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   failStrategy: FAIL_CLOSE
//!   pluginConfig: {rules: []}
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   failStrategy: FAIL_RELOAD
//!   pluginConfig: {rules: []}
//! ```
//!
//! Fix: Write `failStrategy: FAIL_RELOAD` (Istio 1.27 or later): the next request gets a new VM, and
//! until then no request passes.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding, of_manifest};
use crate::lint::input::Input;

pub(super) const LINT: Lint =
    Lint { code: Code::FilterNotReloaded, run, source: include_str!("filter_not_reloaded.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let filters = input.set.plugins.iter().filter(|plugin| plugin.enforces_rules());
    filters
        .filter_map(|filter| {
            let message = "after a crash the filter answers 503 until the pod is restarted";
            let help = "write `failStrategy: FAIL_RELOAD`";
            match filter.wasm.get("failStrategy") {
                None => Some(of_manifest(filter.manifest, message, help)),
                Some(strategy) if strategy.text() == Some("FAIL_CLOSE") => {
                    Some(finding(filter.manifest.file, strategy, message, help))
                }
                Some(_) => None,
            }
        })
        .collect()
}
