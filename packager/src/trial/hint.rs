//! A request that would cover what no case shows.

use sallyport_core::wire::{Action, Policy, Rule, Stage};
use sallyport_egress::cases::Branch;
use sallyport_egress::meaning::{BUDGET, Question, query};
use sallyport_egress::model::Egress;
use sallyport_egress::scenario::Scenario;

/// A rule of usual size takes a small part of it; one that takes more gets no example.
const SHARE: u64 = 50;

/// A shortest request that a branch needs; `None` where it must fail on a part, or where the search takes long.
pub(super) fn example(branch: &Branch, egress: &Egress, policy: &Policy) -> Option<String> {
    let rule = branch.to_match(&egress.spec.authz.rules)?;
    // Whatever the rule does, a policy that has it alone and lets its requests through finds one that it matches.
    let rule = Rule { action: Action::Allow, stage: Stage::Enforce, ..rule };
    let alone = Policy { rules: vec![rule], stage: Stage::Enforce, automata: Vec::new(), ..policy.clone() };
    let host = egress.spec.host.authority();
    let answer = query(&alone, &host, &Question::default(), BUDGET / SHARE).ok()?;
    let Scenario { caller, request } = &answer.grants.into_iter().next()?.witness;
    let mut text = format!("{caller} {request}");
    if request.authority != host.as_bytes() {
        text.push_str(&format!(" to {}", String::from_utf8_lossy(&request.authority)));
    }
    if let Some(token) = &caller.token {
        text.push_str(&format!(" with the claims {}", serde_json::Value::Object(token.clone())));
    }
    if let Some(address) = caller.address.filter(|address| !address.is_loopback()) {
        text.push_str(&format!(" from {address}"));
    }
    Some(text)
}
