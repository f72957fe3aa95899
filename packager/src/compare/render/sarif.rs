//! For code scanning: SARIF 2.1.0 (OASIS), one result for each set of requests.

use sallyport_egress::diagnostic::LineIndex;
use sallyport_egress::meaning::{Change, Region, Source};
use sallyport_egress::place_of;
use serde_json::{Value, json};

use super::words::{CHANGES, decided, heading, kind, scope};
use crate::compare::model::{Comparison, Gateway};
use crate::compare::side::Side;
use crate::report::{Place, SARIF_SCHEMA};

pub(super) fn render(comparison: &Comparison, old: &Side, new: &Side) -> String {
    let mut results = Vec::new();
    for gateway in &comparison.gateways {
        for region in &gateway.policy.regions {
            let sides = if region.scope.is_of_new() { [new, old] } else { [old, new] };
            results.push(result(sides, gateway, region));
        }
    }
    let log = json!({
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "sallyport",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": CHANGES.map(rule),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

fn rule(change: Change) -> Value {
    let text = format!("requests that are {}", heading(change));
    json!({"id": format!("policy-{}", kind(change)), "shortDescription": {"text": text}})
}

/// `sides`: the one with the rule first.
fn result(sides: [&Side; 2], gateway: &Gateway, region: &Region) -> Value {
    let [old, new] = decided(region);
    let parts: Vec<String> = scope(gateway, region).iter().map(|(label, what)| format!("{label}: {what}")).collect();
    let example = gateway.ground.text(&region.witness);
    let message = format!(
        "{}: {}\n{}\nwas: {old}\nis: {new}\nexample: {example}",
        gateway.name,
        heading(region.change()),
        parts.join("\n")
    );
    let location = sides.into_iter().find_map(|side| location(side, &gateway.name, region));
    let level = match region.change() {
        Change::Widened | Change::Narrowed => "warning",
        Change::Reason | Change::Shadow | Change::Audit => "note",
    };
    json!({
        "ruleId": format!("policy-{}", kind(region.change())),
        "level": level,
        // A text of others is no embedded link (SARIF 2.1.0, 3.11.6).
        "message": {"text": message.replace("](", "\\](")},
        "locations": location.into_iter().collect::<Vec<_>>(),
        "partialFingerprints": {"sallyportRegion/v1": region.id},
    })
}

/// The rule in its file.
fn location(side: &Side, gateway: &str, region: &Region) -> Option<Value> {
    let located = side.checked.egresses.iter().find(|egress| egress.value.route() == gateway)?;
    let file = side.report.files.get(located.file)?;
    let position = match &region.scope.from {
        Source::Rule(id) => located.value.spec.authz.rules.iter().position(|rule| rule.id == *id)?,
        Source::Ambiguity(..) | Source::Default | Source::Shadow => 0,
    };
    let span = place_of(&file.text, &format!("spec.authz.rules[{position}]"));
    let place = Place::new(&LineIndex::new(&file.text), span);
    Some(json!({"physicalLocation": {
        "artifactLocation": {"uri": file.uri},
        "region": {"startLine": place.start.line, "startColumn": place.start.column},
    }}))
}
