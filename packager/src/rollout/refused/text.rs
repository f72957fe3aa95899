//! Plain text and Markdown.

use sallyport_egress::evidence::requests;

use super::item::{Callers, DecidedFor, Item};
use crate::printable::visible;

/// What heads the report.
pub(super) const INTRODUCTION: &str = "The rules of these gateways change. The next rules are evaluated on real requests, and \
    refuse those below; the stage says for whom they decide already. Change the callers, or ask the owners of the gateways to keep \
    what is needed.";
/// In place of a report.
pub(super) const NOTHING: &str = "Nothing that was allowed would have been refused.";

/// What happened, in one sentence.
pub(super) fn sentence(item: &Item) -> String {
    let requests = requests(&item.count);
    let first = item.first.as_ref().map(|first| format!(", first at {first}")).unwrap_or_default();
    let last = item.last.as_ref().map(|last| format!(", last at {last}")).unwrap_or_default();
    format!("{requests} since {}{first}{last}", item.since)
}

/// Names and values, in the order in which they are shown.
pub(super) fn fields(item: &Item) -> Vec<(&'static str, String)> {
    let stage = match item.decided_for {
        DecidedFor::None => format!("{}: nothing is refused yet", item.standing),
        DecidedFor::Some => {
            format!("{}: it is refused to the callers that the next rules decide for already", item.standing)
        }
        DecidedFor::All => format!("{}: it is refused", item.standing),
    };
    let mut fields = vec![
        ("gateway", format!("{} ({})", item.gateway, item.host)),
        ("stage", stage),
        ("how often", sentence(item)),
        ("now", item.now.clone()),
        ("next", item.next.clone()),
        ("region", item.region.clone()),
    ];
    if let Some(waived) = &item.waived {
        fields.push(("waived", waived.clone()));
    }
    if let Some(request) = &item.request {
        fields.push((if item.is_logged { "request" } else { "such as" }, request.clone()));
    }
    if let Some(id) = &item.id {
        fields.push(("request id", id.clone()));
    }
    fields
}

pub(super) fn plain(callers: &Callers) -> String {
    if callers.is_empty() {
        return format!("{NOTHING}\n");
    }
    let mut text = format!("{INTRODUCTION}\n");
    for (caller, items) in callers {
        text.push_str(&format!("\n{}\n", visible(caller)));
        for item in items {
            text.push('\n');
            for (name, value) in fields(item) {
                text.push_str(&format!("  {name:<11} {}\n", visible(&value)));
            }
            for (rule, what) in &item.explained {
                text.push_str(&format!("    {}: {}\n", visible(rule), visible(what)));
            }
        }
    }
    text
}

pub(super) fn markdown(callers: &Callers) -> String {
    if callers.is_empty() {
        return format!("{NOTHING}\n");
    }
    let mut text = format!("# Would have been refused\n\n{INTRODUCTION}\n");
    for (caller, items) in callers {
        text.push_str(&format!("\n## {}\n", code(caller)));
        for item in items {
            text.push('\n');
            for (name, value) in fields(item) {
                text.push_str(&format!("- {name}: {}\n", code(&value)));
            }
            for (rule, what) in &item.explained {
                text.push_str(&format!("  - {}: {}\n", code(rule), code(what)));
            }
        }
    }
    text
}

/// A text that a caller has had a hand in.
fn code(text: &str) -> String {
    format!("`{}`", visible(text).replace('`', "'"))
}
