//! The gateway's pods ask for an amount of CPU or memory that is probably not intended.
//!
//! `cpu: 100` is a hundred cores: no node has them free, and the pods stay pending. With less than 64 MiB of
//! memory Envoy and the filter do not start, and the pods are killed again and again.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! gateway: {resources: {cpu: 100, memory: 8Mi}}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! gateway: {resources: {cpu: 100m, memory: 256Mi}}
//! ```
//!
//! Fix: Write thousandths of a core with `m`, and memory with `Mi` or `Gi`.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::value::quantity::{cores, mebibytes};
use crate::wording::quoted;

pub(super) const LINT: Lint =
    Lint { code: Code::UnlikelyResources, run, source: include_str!("unlikely_resources.rs") };

/// More cores than a gateway has a use for: two worker threads need two.
const MOST_CORES: f64 = 32.0;
/// Less memory than Envoy needs with one copy of the filter, in MiB.
const LEAST_MEMORY: f64 = 64.0;
/// More memory than nodes have, in MiB.
const MOST_MEMORY: f64 = 262_144.0;

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let resources = &subject.egress.spec.gateway.resources;
        let (cpu, memory) = (resources.cpu.as_str(), resources.memory.as_str());
        if cores(cpu).is_some_and(|cores| cores > MOST_CORES) {
            let message = format!("{} asks for so many cores in each pod", quoted(cpu));
            let help = format!("write {} for thousandths of a core", quoted(&format!("{cpu}m")));
            findings.push(subject.at("gateway.resources.cpu", message, help));
        }
        let size = mebibytes(memory);
        if size.is_some_and(|size| size < LEAST_MEMORY) {
            let message = format!("{} of memory is less than Envoy needs", quoted(memory));
            findings.push(subject.at("gateway.resources.memory", message, "write `256Mi`, or at least `64Mi`"));
        } else if size.is_some_and(|size| size > MOST_MEMORY) {
            let message = format!("{} of memory is more than nodes have", quoted(memory));
            findings.push(subject.at("gateway.resources.memory", message, "write `256Mi` or `1Gi`"));
        }
    }
    findings
}
