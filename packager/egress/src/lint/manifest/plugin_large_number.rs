//! A number in a plugin's configuration is too large to be passed on exactly.
//!
//! Istio passes `pluginConfig` on as floating-point numbers with 53 bits. A larger integer is rounded
//! silently.
//!
//! Bad:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   pluginConfig: {limit: 9007199254740993}
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: WasmPlugin
//! metadata: {name: filter, namespace: egress}
//! spec:
//!   pluginConfig: {limit: "9007199254740993"}
//! ```
//!
//! Fix: Put the number in quotes, if the plugin accepts a string.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use crate::yaml::tree::{Node, ScalarType, Value};

pub(super) const LINT: Lint =
    Lint { code: Code::PluginLargeNumber, run, source: include_str!("plugin_large_number.rs") };

const LARGEST: u128 = 1 << 53;

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for plugin in &input.set.plugins {
        let config = plugin.wasm.get("pluginConfig").into_iter();
        for number in config.flat_map(Node::descendants).filter(|node| is_rounded(node)) {
            let digits = quoted(number.text().unwrap_or_default());
            let message = format!("Istio rounds the number {digits} before the plugin gets it");
            let help = "put it in quotes, if the plugin accepts a string";
            findings.push(finding(plugin.manifest.file, number, message, help));
        }
    }
    findings
}

fn is_rounded(node: &Node) -> bool {
    let Value::Scalar(scalar) = &node.value else { return false };
    let digits = scalar.text.trim_start_matches('-');
    scalar.resolve() == ScalarType::Number && digits.parse::<u128>().is_ok_and(|number| number > LARGEST)
}
