//! `health.failover` names a standby twice.
//!
//! Standbys are asked in order, the first that is well: a second mention changes nothing, and most likely another name was
//! meant.
//!
//! Name each once.

use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::parse::suggest::quoted;
use std::collections::HashSet;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let mut seen = HashSet::new();
        for (position, name) in subject.egress.spec.health.failover.iter().enumerate() {
            if !seen.insert(name) {
                let message = format!("the standby {} is named twice", quoted(name));
                let path = format!("health.failover[{position}]");
                findings.push(subject.at(&path, message, "name another upstream, or none"));
            }
        }
    }
    findings
}
