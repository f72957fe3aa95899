//! For the comment of a pull request.

use super::facts::{facts, seen};
use super::model::Status;
use crate::printable::visible;

pub(super) fn render(status: &Status<'_>) -> String {
    let mut text = "### Rollout: what gateways saw\n\n| gateway | stands at | since | seen | next | |\n|---|---|---|---|---|---|\n"
        .to_owned();
    for gateway in &status.gateways {
        let seen = gateway.judged.map_or_else(String::new, |judged| {
            let judgement = &judged.judgement;
            format!("{}: {}", judgement.answer.words(judged.standing), seen(judgement.requests, judgement.seconds))
        });
        text.push_str(&format!(
            "| `{}` | {} | {} | {seen} | {} | {} |\n",
            gateway.gateway,
            gateway.standing,
            gateway.since.as_deref().unwrap_or_default(),
            gateway.next.as_deref().unwrap_or_default(),
            gateway.follows()
        ));
    }
    for gateway in status.gateways.iter().filter(|gateway| gateway.says_more()) {
        text.push_str(&format!("\n#### `{}`\n\n", gateway.gateway));
        for fact in facts(gateway) {
            let indent = if fact.is_part { "  " } else { "" };
            text.push_str(&format!("{indent}- **{}**: {}\n", visible(&fact.name), code(&fact.value)));
        }
    }
    status.filter.iter().for_each(|filter| text.push_str(&format!("\n{}", filter.markdown())));
    if let Some(source) = status.source {
        text.push_str(&format!("\nEvidence from {}.\n", code(source)));
    }
    text + "\n" + &status.summary() + "\n"
}

/// A text that callers have had a hand in.
fn code(text: &str) -> String {
    format!("`{}`", visible(text).replace('`', "'").replace('|', "\\|"))
}
