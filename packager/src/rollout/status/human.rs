//! For people.

use sallyport_egress::evidence::{Judgement, span, whole};

use super::model::{GatewayStatus, Status, callers, follows, word};
use crate::printable::visible;
use crate::rollout::evidence::Missing;

pub(super) fn render(status: &Status<'_>) -> String {
    let mut text = String::new();
    for gateway in &status.gateways {
        push(&mut text, gateway);
        text.push('\n');
    }
    if let Some(source) = status.source {
        text.push_str(&format!("evidence from {}\n", visible(source)));
    }
    text + &status.summary() + "\n"
}

fn push(text: &mut String, gateway: &GatewayStatus<'_>) {
    let since = gateway.since.as_ref().map(|since| format!(" since {since}")).unwrap_or_default();
    text.push_str(&format!("{}: {}{since}\n", gateway.gateway, gateway.standing));
    let mut line = |what: &str| text.push_str(&format!("{}\n", visible(what)));
    if let Some(digest) = &gateway.digest {
        line(&format!("  to be in force: {digest}"));
    }
    gateway.notes.iter().for_each(|note| line(&format!("  note: {note}")));
    if let Some(judged) = gateway.judged {
        let Judgement { answer, requests, seconds, errors, regions, .. } = &judged.judgement;
        line(&format!("  {}: {} requests in {}", answer.words(), whole(*requests), span(*seconds as u64)));
        if let Some(errors) = errors {
            line(&format!("  errors: {:.2}%", errors * 100.0));
        }
        for region in regions {
            line(&format!("  {} {}: {}: {}", word(region.change), region.id, region.words(), follows(region)));
            if let Some([old, new]) = judged.decided(region) {
                line(&format!("    {new}; was {old}"));
            }
            if !region.entered.is_empty() {
                line(&format!("    entered by {}", callers(&region.entered)));
            }
            if region.is_narrowed() && !region.could.is_empty() {
                line(&format!("    could enter, and active: {}", callers(&region.could)));
            }
            if region.is_narrowed() && !region.not_seen.is_empty() {
                line(&format!("    could enter, and not seen: {}", region.not_seen.join(", ")));
            }
            for waived in &region.waived {
                line(&format!("    waived: {} until {}: {}", waived.caller, waived.until, waived.reason));
            }
        }
    }
    if let Some(next) = &gateway.next {
        line(&format!("  next: {next}: {}", gateway.follows()));
    }
    gateway.missing.iter().for_each(|Missing(what)| line(&format!("    {what}")));
}
