//! What contradicts itself in a Rollout.

use super::labels;
use crate::code::Code;
use crate::diagnostic::{Sink, Span, UnplacedDiagnostic};
use crate::model::rollout::Wave;
use crate::wording::quoted;
use crate::yaml::tree::Node;
use std::collections::HashMap;

/// Reports waves that are empty, or that are or have the same, and steps that do not rise.
pub(crate) fn check(root: &Node, sink: &mut Sink) {
    let Some(spec) = root.get("spec") else { return };
    let waves = spec.items_at(&["waves"]);
    let (mut names, mut gateways) = (HashMap::new(), HashMap::new());
    for wave in waves {
        if let Some(name) = wave.get("name") {
            refuse_second(name, &mut names, sink, |name| {
                UnplacedDiagnostic::new(Code::RolloutWave, format!("a second wave {name}"))
                    .help("give each wave a name of its own, or write its gateways in the first")
            });
        }
        for gateway in wave.items_at(&["gateways"]) {
            refuse_second(gateway, &mut gateways, sink, |gateway| {
                UnplacedDiagnostic::new(Code::RolloutWave, format!("the gateway {gateway} is in a wave already"))
                    .help("keep it in one of them")
            });
        }
        if let Some(chosen) = wave.get("labels") {
            labels::check(chosen, sink);
        }
        let is_empty = |name: &str| {
            wave.get(name)
                .is_none_or(|node| node.items().is_empty() && node.entries().is_empty() && node.text().is_none())
        };
        // What stands under another name was reported.
        let is_known = wave.entries().iter().all(|entry| Wave::BLOCK.field(&entry.key.name).is_some());
        if is_known && !wave.entries().is_empty() && is_empty("gateways") && is_empty("labels") {
            let start = Span { start: wave.span.start, end: wave.span.start };
            let flaw = UnplacedDiagnostic::new(Code::RolloutWave, "the wave has neither `gateways` nor `labels`");
            sink.report(start, flaw.help("write `gateways: [NAMESPACE/NAME]`, or remove the wave"));
        }
    }
    let steps = spec.items_at(&["gates", "canary", "steps"]);
    let number = |node: &Node| node.text().and_then(|text| text.parse::<u32>().ok());
    for (before, step) in steps.iter().zip(steps.iter().skip(1)) {
        if let (Some(least), Some(next)) = (number(before), number(step))
            && next <= least
        {
            let message = format!("the step {next} is not above the one before it, {least}");
            let flaw = UnplacedDiagnostic::new(Code::RolloutSteps, message);
            sink.report(step.span, flaw.help("write the steps in ascending order: `steps: [5, 25]`"));
        }
    }
}

fn refuse_second<'t>(
    node: &'t Node,
    seen: &mut HashMap<&'t str, Span>,
    sink: &mut Sink,
    flaw: impl Fn(&str) -> UnplacedDiagnostic,
) {
    let Some(text) = node.text() else { return };
    match seen.get(text) {
        None => drop(seen.insert(text, node.span)),
        Some(first) => sink.report_twice(node.span, *first, flaw(&quoted(text))),
    }
}
