//! Why a case came out otherwise: the rule that decided, and the condition that kept the expected one from deciding.

use sallyport_core::Engine;
use sallyport_core::wire::Action;
use sallyport_egress::cases::Case;
use sallyport_egress::model::Egress;
use sallyport_egress::model::cases::ExpectedVerdict;
use sallyport_egress::scenario::Outcome;

/// How many rules are shown that could have allowed a request.
const MOST: usize = 3;

/// Places in the Egress file, each with what there is to say.
pub(super) fn notes(case: &Case<'_>, outcome: &Outcome, engine: &Engine, egress: &Egress) -> Vec<(String, String)> {
    let trace = case.scenario.trace(engine, egress);
    let deciding = outcome.effect.rule();
    let expected = case.expected.rule.as_deref();
    let mut notes = Vec::new();
    if let Some((position, rule)) = trace.iter().enumerate().find(|(_, rule)| Some(rule.id.as_str()) == deciding)
        && expected != deciding
    {
        let verb = if rule.action == Action::Deny { "refuses" } else { "allows" };
        notes.push((format!("spec.authz.rules[{position}].id"), format!("`{}` {verb} the request", rule.id)));
    }
    let is_allow_expected =
        expected.is_none() && case.expected.verdict == Some(ExpectedVerdict::Allow) && deciding.is_none();
    let of_interest = trace.iter().filter(|rule| {
        Some(rule.id.as_str()) == expected && expected != deciding
            || (is_allow_expected && rule.action == Action::Allow)
    });
    for rule in of_interest.take(MOST) {
        match &rule.failed {
            Some(failed) => {
                notes.push((failed.path.clone(), format!("`{}` does not match: {}", rule.id, failed.found)))
            }
            None if !rule.enforced => {
                let position = trace.iter().position(|other| other.id == rule.id).unwrap_or_default();
                notes.push((
                    format!("spec.authz.rules[{position}].mode"),
                    format!("`{}` matches, but is in shadow mode", rule.id),
                ));
            }
            None => {}
        }
    }
    notes
}
