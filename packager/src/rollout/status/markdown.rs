//! For the comment of a pull request.

use sallyport_egress::evidence::{span, whole};

use super::model::{Status, callers, follows, word};
use crate::printable::visible;
use crate::rollout::evidence::Missing;

pub(super) fn render(status: &Status<'_>) -> String {
    let mut text =
        "### Rollout: what gateways saw\n\n| gateway | stands at | seen | next | |\n|---|---|---|---|---|\n".to_owned();
    for gateway in &status.gateways {
        let seen = gateway.judged.map_or_else(String::new, |judged| {
            let judgement = &judged.judgement;
            let (requests, time) = (whole(judgement.requests), span(judgement.seconds as u64));
            format!("{}: {requests} requests in {time}", judgement.answer.words())
        });
        text.push_str(&format!(
            "| `{}` | {} | {seen} | {} | {} |\n",
            gateway.gateway,
            gateway.standing,
            gateway.next.as_deref().unwrap_or_default(),
            gateway.follows()
        ));
    }
    for gateway in status.gateways.iter().filter(|gateway| gateway.next.is_some() || !gateway.notes.is_empty()) {
        text.push_str(&format!("\n#### `{}`\n\n", gateway.gateway));
        gateway.digest.iter().for_each(|digest| text.push_str(&format!("- to be in force: `{digest}`\n")));
        for region in gateway.judged.iter().flat_map(|judged| &judged.judgement.regions) {
            let by = if region.entered.is_empty() {
                String::new()
            } else {
                format!(", by {}", code(&callers(&region.entered)))
            };
            text.push_str(&format!(
                "- **{}** `{}`: {}{by}: {}\n",
                word(region.change),
                region.id,
                region.words(),
                follows(region)
            ));
        }
        gateway.notes.iter().for_each(|note| text.push_str(&format!("- note: {}\n", code(note))));
        gateway.missing.iter().for_each(|Missing(what)| text.push_str(&format!("- **missing**: {}\n", code(what))));
    }
    if let Some(source) = status.source {
        text.push_str(&format!("\nEvidence from {}.\n", code(source)));
    }
    text + "\n" + &status.summary() + "\n"
}

/// A text that callers have had a hand in.
fn code(text: &str) -> String {
    format!("`{}`", visible(text).replace('`', "'").replace('|', "\\|"))
}
