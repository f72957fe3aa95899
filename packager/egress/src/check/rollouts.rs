//! A Rollout against the gateways that it names.

use std::collections::HashSet;

use super::checked::{Checked, Located, place, start_of};
use crate::code::Code;
use crate::diagnostic::{SourceFile, UnplacedDiagnostic};
use crate::parse::ParsedRollout;
use crate::wording::{did_you_mean, quoted};

/// Takes the first Rollout. `names`: of every Egress, also of those with errors.
pub(super) fn check(
    files: &[SourceFile],
    parsed: Vec<(usize, ParsedRollout)>,
    names: &HashSet<(String, String)>,
    checked: &mut Checked,
) {
    let mut rollouts = parsed.into_iter();
    let Some((file, ParsedRollout { rollout, tree })) = rollouts.next() else { return };
    let known: HashSet<String> = names.iter().map(|(namespace, name)| format!("{namespace}/{name}")).collect();
    for (second, ParsedRollout { tree: other, .. }) in rollouts {
        let message = format!("a second Rollout; the first is at {}", place(files, file, tree.span));
        let flaw = UnplacedDiagnostic::new(Code::SeveralRollouts, message);
        checked.diagnostics.push(flaw.help("keep one: all gateways share it").at(second, start_of(&other)));
    }
    let spec = tree.get("spec").unwrap_or(&tree);
    let of_waves = spec.items_at(&["waves"]).iter().flat_map(|wave| wave.items_at(&["gateways"]));
    let of_waivers = spec.items_at(&["waivers"]).iter().filter_map(|waiver| waiver.get("gateway"));
    let before = checked.diagnostics.len();
    let mut named = of_waves.chain(of_waivers).filter_map(|node| Some((node.text()?, node))).peekable();
    if let (true, Some((text, node))) = (known.is_empty(), named.peek()) {
        // One cause for all that it names.
        let message = format!("no Egress that can be read is among the files, and the Rollout names {}", quoted(text));
        let help = "give the command the files of the gateways, too: a Rollout is checked with all of them";
        let flaw = UnplacedDiagnostic::new(Code::RolloutGateway, message);
        return checked.diagnostics.push(flaw.help(help).at(file, node.span));
    }
    for (text, node) in named {
        if !known.contains(text) {
            let message = format!("there is no Egress {}", quoted(text));
            let near = did_you_mean(text, known.iter().map(String::as_str));
            let missing = || {
                format!("give the command the file of that Egress, too, or take {} out of the Rollout", quoted(text))
            };
            let help = near.map_or_else(missing, |near| format!("did you mean {}?", quoted(near)));
            let flaw = UnplacedDiagnostic::new(Code::RolloutGateway, message);
            checked.diagnostics.push(flaw.help(help).at(file, node.span));
        }
    }
    if checked.diagnostics.len() > before {
        return;
    }
    for (wave, node) in rollout.waves.iter().zip(spec.items_at(&["waves"])) {
        let is_by_labels = wave.gateways.is_empty() && !wave.labels.is_empty();
        // Whether one with an error has the labels is not known.
        let are_all_read = checked.egresses.len() == names.len();
        if is_by_labels && are_all_read && !checked.egresses.iter().any(|egress| wave.has(&egress.value)) {
            let message = format!("no Egress has the labels of the wave {}", quoted(&wave.name));
            let flaw = UnplacedDiagnostic::new(Code::WaveWithoutGateway, message);
            let help = "write them in `metadata.labels` of Egresses, or remove the wave";
            checked.diagnostics.push(flaw.help(help).at(file, start_of(node.get("labels").unwrap_or(node))));
        }
    }
    checked.rollout = Some(Located { file, span: tree.span, value: rollout });
}
