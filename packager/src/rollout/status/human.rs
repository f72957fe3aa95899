//! For people.

use super::facts::facts;
use super::model::{GatewayStatus, Status};
use crate::printable::visible;

pub(super) fn render(status: &Status<'_>) -> String {
    let mut text = String::new();
    for gateway in &status.gateways {
        push(&mut text, gateway);
        text.push('\n');
    }
    status.filter.iter().for_each(|filter| text.push_str(&format!("{}\n", filter.human())));
    if let Some(source) = status.source {
        text.push_str(&format!("evidence from {}\n", visible(source)));
    }
    text + &status.summary() + "\n"
}

fn push(text: &mut String, gateway: &GatewayStatus<'_>) {
    let since = gateway.since.as_ref().map(|since| format!(" since {since}")).unwrap_or_default();
    text.push_str(&format!("{}: {}{since}\n", gateway.gateway, gateway.standing));
    for fact in facts(gateway) {
        let indent = if fact.is_part { "    " } else { "  " };
        text.push_str(&format!("{indent}{}: {}\n", visible(&fact.name), visible(&fact.value)));
    }
}
