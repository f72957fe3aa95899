//! For the comment of a pull request.

use super::words::{CHANGES, changed, decided, heading, scope, status, summary, undecided, witness};
use crate::compare::model::{Comparison, Gateway};

pub(super) fn render(comparison: &Comparison) -> String {
    let mut text = format!("### What this change means: {}\n", summary(comparison));
    for gateway in comparison.gateways.iter().filter(|gateway| !gateway.is_same()) {
        push_gateway(&mut text, gateway);
    }
    if !comparison.mesh.is_empty() {
        text.push_str("\n#### The Mesh file\n\n");
        for field in &comparison.mesh {
            text.push_str(&format!("- `{}` {}\n", field.path, escaped(&changed(field))));
        }
    }
    if !comparison.objects.is_empty() {
        text.push_str("\n#### Manifests\n\n| manifest | | on running gateways |\n|---|---|---|\n");
        for object in &comparison.objects {
            let place = if object.namespace.is_empty() { String::new() } else { format!(" in `{}`", object.namespace) };
            text.push_str(&format!(
                "| {} `{}`{place} | {} | {} |\n",
                object.kind,
                object.name,
                object.what.word(),
                object.effect
            ));
        }
    }
    text
}

fn push_gateway(text: &mut String, gateway: &Gateway) {
    text.push_str(&format!("\n#### `{}`", gateway.name));
    text.push_str(&status(gateway).map(|status| format!(" {status}")).unwrap_or_default());
    text.push('\n');
    for change in CHANGES {
        let regions: Vec<_> = gateway.policy.regions.iter().filter(|region| region.change() == change).collect();
        if regions.is_empty() {
            continue;
        }
        text.push_str(&format!("\n**{}**\n\n| requests | was | is | example |\n|---|---|---|---|\n", heading(change)));
        for region in regions {
            let [old, new] = decided(region);
            let parts: Vec<String> =
                scope(region).iter().map(|(label, what)| format!("{label}: {}", code(what))).collect();
            text.push_str(&format!(
                "| {}<br>`{}` | {} | {} | {} |\n",
                parts.join("<br>"),
                region.id,
                escaped(&old),
                escaped(&new),
                code(&witness(&region.witness, &gateway.host))
            ));
        }
    }
    for wrong in &gateway.policy.undecided {
        text.push_str(&format!("\n> {}\n", escaped(&undecided(&wrong.scenario, &gateway.host))));
    }
    if !gateway.fields.is_empty() {
        text.push_str("\n**other fields**\n\n");
        for field in &gateway.fields {
            text.push_str(&format!("- `{}` {}\n", field.path, escaped(&changed(field))));
        }
    }
}

/// Text in a cell of a table: nothing of it is markup.
fn escaped(text: &str) -> String {
    let text = text.replace(char::is_control, "\u{fffd}");
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '|' | '<' | '>' | '*' | '_' | '[' | ']' | '&' | '@' | '#') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// Text as code in a cell of a table.
fn code(text: &str) -> String {
    let text = text.replace(char::is_control, "\u{fffd}").replace('|', "\\|");
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_has_is_no_markup() {
        assert_eq!(escaped("a|b <img> @team"), "a\\|b \\<img\\> \\@team");
        assert_eq!(code("a`b|"), "`` a`b\\| ``");
        assert_eq!(code("x"), "`x`");
    }
}
