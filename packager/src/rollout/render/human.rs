//! For people.

use super::words::{objects, summary};
use crate::compare::render::kind;
use crate::printable::visible;
use crate::rollout::evidence::Missing;
use crate::rollout::plan::{NextStep, Plan, Planned};

pub(super) fn render(plan: &Plan) -> String {
    let mut text = String::new();
    for (wave, gateways) in &plan.waves {
        text.push_str(&format!("wave {wave}\n"));
        gateways.iter().for_each(|gateway| push(&mut text, gateway));
        text.push('\n');
    }
    plan.filter.iter().for_each(|filter| text.push_str(&format!("{}\n", filter.human())));
    plan.notes.iter().for_each(|note| text.push_str(&format!("note: {note}\n")));
    text + &summary(plan) + "\n"
}

fn push(text: &mut String, planned: &Planned) {
    let Planned { gateway, standing, stage: _, since, notes, next } = planned;
    let since = since.as_ref().map(|since| format!(" since {since}")).unwrap_or_default();
    text.push_str(&format!("  {gateway}: {standing}{since}\n"));
    notes.iter().for_each(|note| text.push_str(&format!("    note: {note}\n")));
    let Some(step) = next else { return };
    let NextStep { step: to, filter_first, regions, objects: _, evidence, missing } = step;
    let first = filter_first.as_ref().map(|digest| format!("the filter {digest}, then ")).unwrap_or_default();
    text.push_str(&format!("    next: {first}{to}\n"));
    for region in regions {
        text.push_str(&format!(
            "      {} {} {}; was {}\n",
            kind(region.change),
            region.id,
            visible(&region.new),
            visible(&region.old)
        ));
        text.push_str(&format!("        example: {}\n", region.example));
    }
    if regions.is_empty() {
        text.push_str("      no request is decided otherwise\n");
    }
    let changed = objects(step);
    changed.iter().for_each(|object| text.push_str(&format!("      {}\n", visible(object))));
    if changed.is_empty() {
        text.push_str("      no manifest changes\n");
    }
    text.push_str(if step.restarts() { "      pods are restarted\n" } else { "      no pod is restarted\n" });
    evidence.iter().for_each(|line| text.push_str(&format!("    evidence: {line}\n")));
    missing.iter().for_each(|Missing { text: what, .. }| text.push_str(&format!("    missing: {what}\n")));
}
