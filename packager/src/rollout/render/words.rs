//! Words that the formats for people share.

use crate::compare::ObjectChange;
use crate::rollout::plan::{NextStep, Plan, Planned};

/// The manifests that a step changes, one line for each: its kind and name, and what that does.
pub(super) fn objects(step: &NextStep) -> Vec<String> {
    let line = |object: &ObjectChange| {
        let effect = if object.effect.is_empty() { String::new() } else { format!(": {}", object.effect) };
        format!("{} {}/{} {}{effect}", object.kind, object.namespace, object.name, object.what.word())
    };
    step.objects.iter().map(line).collect()
}

/// One line that sums up, and what to do.
pub(super) fn summary(plan: &Plan) -> String {
    let all = || plan.waves.iter().flat_map(|(_, gateways)| gateways);
    let with_step = all().filter(|gateway| gateway.next.is_some()).count();
    if let Some(lost) = plan.lost.first() {
        let others = match plan.lost.len() {
            1 => String::new(),
            several => format!(" and of {} more", several.saturating_sub(1)),
        };
        return format!("the Candidate file of {lost}{others} is gone: `sallyport promote` stops there");
    }
    if with_step == 0 {
        return "no gateway has a candidate to promote".to_owned();
    }
    let lacks = |gateway: &&Planned| gateway.next.as_ref().is_some_and(|next| !next.missing.is_empty());
    let blocked = all().filter(lacks).count();
    let candidates = if with_step == 1 { "1 candidate" } else { &format!("{with_step} candidates") };
    match blocked {
        0 => format!("{candidates}; `sallyport promote` takes the next step"),
        _ => format!("{candidates}; something is missing before the next step of {blocked}"),
    }
}
