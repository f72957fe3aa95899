//! Callers outside the mesh are told which rule refused them.
//!
//! `discloseRule` puts the id of the rule into the answer. That helps a colleague; to a stranger who comes in through
//! `expose` it tells how the policy is built, and which guess came nearer.
//!
//! Leave `discloseRule` out: the id is in logs and counters either way.

use crate::lint::finding::Finding;
use crate::lint::input::Input;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let exposed = input.egresses.iter().filter(|subject| subject.egress.spec.expose.is_some());
    let disclosing = exposed.filter(|subject| subject.egress.spec.authz.disclose_rule);
    let message = "callers outside the mesh are told which rule refused them";
    disclosing
        .map(|subject| {
            subject.at("authz.discloseRule", message, "remove it: the id is in logs and counters either way")
        })
        .collect()
}
