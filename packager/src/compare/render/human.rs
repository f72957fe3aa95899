//! For people.

use anstyle::{AnsiColor, Style};
use sallyport_egress::meaning::{Change, Region};

use super::words::{CHANGES, UNDECIDED, changed, decided, heading, scope, status, summary};
use crate::compare::model::{Comparison, FieldChange, Gateway};
use crate::printable::visible;

pub(super) fn render(comparison: &Comparison, coloured: bool) -> String {
    let mut text = String::new();
    for gateway in comparison.gateways.iter().filter(|gateway| !gateway.is_same()) {
        push_gateway(&mut text, gateway, coloured);
    }
    if !comparison.mesh.is_empty() {
        text.push_str("the Mesh file\n");
        for field in &comparison.mesh {
            push_field(&mut text, "  ", field);
        }
        text.push('\n');
    }
    if !comparison.objects.is_empty() {
        text.push_str("manifests\n");
        for group in comparison.object_groups() {
            let names: Vec<String> = group.names().map(|names| format!("    {}\n", visible(&names))).collect();
            let place =
                if group.namespace.is_empty() { String::new() } else { format!(" in {}", visible(group.namespace)) };
            let effect = if group.effect.is_empty() { String::new() } else { format!(": {}", group.effect) };
            text.push_str(&format!("  {}{place}{}\n{}", group.what.word(), effect, names.concat()));
        }
        text.push('\n');
    }
    text + &summary(comparison) + "\n"
}

fn push_gateway(text: &mut String, gateway: &Gateway, coloured: bool) {
    text.push_str(&gateway.name);
    text.push_str(&status(gateway).map(|status| format!(" {status}")).unwrap_or_default());
    text.push('\n');
    for change in CHANGES {
        let mut regions = gateway.policy.regions.iter().filter(|region| region.change() == change).peekable();
        if regions.peek().is_some() {
            let style = if coloured { style(change) } else { Style::new() };
            text.push_str(&format!("  {style}{}{style:#}\n", heading(change)));
        }
        for region in regions {
            push_region(text, gateway, region);
        }
    }
    for wrong in &gateway.policy.undecided {
        text.push_str(&format!("  {UNDECIDED}\n    {}\n", gateway.ground.text(&wrong.scenario)));
    }
    if !gateway.fields.is_empty() {
        text.push_str("  other fields\n");
        for field in &gateway.fields {
            push_field(text, "    ", field);
        }
    }
    text.push('\n');
}

fn push_field(text: &mut String, indent: &str, field: &FieldChange) {
    let [path, changed] = changed(field, |value| format!("`{value}`"));
    text.push_str(&format!("{indent}{path}: {changed}\n"));
}

fn push_region(text: &mut String, gateway: &Gateway, region: &Region) {
    let [old, new] = decided(region);
    text.push_str(&format!("    {} {new}\n", region.id));
    let mut line = |label: &str, what: &str| text.push_str(&format!("      {:<9} {what}\n", format!("{label}:")));
    for (label, what) in scope(gateway, region) {
        line(label, &what);
    }
    line("was", &old);
    line("example", &gateway.ground.text(&region.witness));
}

fn style(change: Change) -> Style {
    match change {
        Change::Widened => AnsiColor::BrightRed.on_default().bold(),
        Change::Narrowed => AnsiColor::BrightYellow.on_default().bold(),
        Change::Reason | Change::Shadow | Change::Audit => Style::new().bold(),
    }
}
