//! For the comment of a pull request.

use super::words::{objects, summary};
use crate::compare::render::kind;
use crate::printable::visible;
use crate::rollout::evidence::Missing;
use crate::rollout::plan::{Plan, Planned};

pub(super) fn render(plan: &Plan) -> String {
    let mut text =
        "### Rollout\n\n| wave | gateway | stands at | since | next | missing |\n|---|---|---|---|---|---|\n"
            .to_owned();
    let all = || plan.waves.iter().flat_map(|(wave, gateways)| gateways.iter().map(move |gateway| (wave, gateway)));
    for (wave, Planned { gateway, standing, since, next, .. }) in all() {
        let since = since.as_deref().unwrap_or_default();
        let (step, missing) = match next {
            Some(next) => (next.step.to_string(), next.missing.len().to_string()),
            None => (String::new(), String::new()),
        };
        text.push_str(&format!("| {wave} | `{gateway}` | {standing} | {since} | {step} | {missing} |\n"));
    }
    for (_, Planned { gateway, notes, next, .. }) in all() {
        let Some(step) = next.as_ref() else {
            notes.iter().for_each(|note| text.push_str(&format!("\n`{gateway}`: {note}\n")));
            continue;
        };
        text.push_str(&format!("\n#### `{gateway}` to {}\n\n", step.step));
        let mut item = |what: &str| text.push_str(&format!("- {what}\n"));
        if let Some(digest) = &step.filter_first {
            item(&format!("**first** the filter `{digest}`"));
        }
        notes.iter().for_each(|note| item(note));
        for region in &step.regions {
            let code = |words: &str| format!("`{}`", visible(words).replace('`', "'"));
            item(&format!(
                "**{}** `{}`: {}; was {}; example: {}",
                kind(region.change),
                region.id,
                code(&region.new),
                code(&region.old),
                code(&region.example)
            ));
        }
        if step.regions.is_empty() {
            item("no request is decided otherwise");
        }
        let changed = objects(step);
        changed.iter().for_each(|object| item(&visible(object)));
        if changed.is_empty() {
            item("no manifest changes");
        }
        item(if step.restarts() { "pods are restarted" } else { "no pod is restarted" });
        step.evidence.iter().for_each(|line| item(&format!("evidence: {line}")));
        step.missing.iter().for_each(|Missing { text: what, .. }| item(&format!("**missing**: {what}")));
    }
    plan.filter.iter().for_each(|filter| text.push_str(&format!("\n{}", filter.markdown())));
    plan.notes.iter().for_each(|note| text.push_str(&format!("\n{note}\n")));
    text + "\n" + &summary(plan) + "\n"
}
