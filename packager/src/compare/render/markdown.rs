//! For the comment of a pull request.

use super::words::{CHANGES, UNDECIDED, changed, decided, heading, scope, status, summary};
use crate::compare::model::{Comparison, FieldChange, Gateway};
use crate::printable::visible;

pub(super) fn render(comparison: &Comparison) -> String {
    let mut text = format!("### What this change means: {}\n", summary(comparison));
    for gateway in comparison.gateways.iter().filter(|gateway| !gateway.is_same()) {
        push_gateway(&mut text, gateway);
    }
    if !comparison.mesh.is_empty() {
        text.push_str("\n#### The Mesh file\n\n");
        for field in &comparison.mesh {
            push_field(&mut text, field);
        }
    }
    if !comparison.objects.is_empty() {
        text.push_str("\n#### Manifests\n\n| manifest | is | on running gateways |\n|---|---|---|\n");
        for group in comparison.object_groups() {
            let named = |name: &str| cell(&visible(name));
            let names: Vec<String> = group.names().map(|names| named(&names)).collect();
            let place =
                if group.namespace.is_empty() { String::new() } else { format!(" in {}", named(group.namespace)) };
            text.push_str(&format!("| {} | {}{place} | {} |\n", names.join("<br>"), group.what.word(), group.effect));
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
                scope(region).iter().map(|(label, what)| format!("{label}: {}", cell(what))).collect();
            text.push_str(&format!(
                "| {}<br>`{}` | {old} | {new} | {} |\n",
                parts.join("<br>"),
                region.id,
                cell(&gateway.ground.text(&region.witness))
            ));
        }
    }
    for wrong in &gateway.policy.undecided {
        text.push_str(&format!("\n> {UNDECIDED}: {}\n", code(&gateway.ground.text(&wrong.scenario))));
    }
    if !gateway.fields.is_empty() {
        text.push_str("\n**other fields**\n\n");
        for field in &gateway.fields {
            push_field(text, field);
        }
    }
}

fn push_field(text: &mut String, field: &FieldChange) {
    let [path, changed] = changed(field, code);
    text.push_str(&format!("- {}: {changed}\n", code(&path)));
}

/// Text as code, whatever it is (CommonMark, 6.1): nothing of it is markup, a mention or a link.
fn code(text: &str) -> String {
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.saturating_add(1));
    // One space at both ends is not shown.
    let is_apart = text.is_empty() || text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']);
    let space = if is_apart { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// The same in a cell of a table, where a bar ends the cell even in code.
fn cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_write_is_no_markup() {
        for (text, shown) in [
            ("x", "`x`"),
            ("<img> @team [a](b)", "`<img> @team [a](b)`"),
            ("a`b", "``a`b``"),
            ("a`` @team ``", "``` a`` @team `` ```"),
            ("`", "`` ` ``"),
            (" a ", "`  a  `"),
            ("", "`  `"),
        ] {
            assert_eq!(code(text), shown);
        }
        assert_eq!(cell("a|`|b"), "``a\\|`\\|b``");
    }
}
