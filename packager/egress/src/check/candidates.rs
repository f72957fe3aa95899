//! Candidates against the Egresses whose rules they change.

use std::collections::{HashMap, HashSet};

use super::checked::{Checked, Located, from_core, place, start_of};
use super::problems::problems_of;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, SourceFile, Span, UnplacedDiagnostic};
use crate::model::{Candidate, Egress, Mesh};
use crate::parse::ParsedCandidate;
use crate::policy::{ByName, policy};
use crate::wording::{did_you_mean, quoted};
use crate::yaml::tree::Node;
use sallyport_core::wire::Stage;

/// Takes the candidates without an error. One that changes nothing is taken, too, and reported: so it is after a `promote`
/// that was interrupted. `names`: of every Egress, also of those with errors.
pub(super) fn check(
    files: &[SourceFile],
    parsed: Vec<(usize, ParsedCandidate)>,
    names: &HashSet<(String, String)>,
    checked: &mut Checked,
) {
    if parsed.is_empty() {
        return;
    }
    let mesh = checked.mesh.as_ref().map_or_else(Mesh::default, |mesh| mesh.value.clone());
    let by_name = ByName::new(checked.egresses.iter().map(|egress| &egress.value));
    let mut first: HashMap<String, (usize, Span)> = HashMap::new();
    for (file, ParsedCandidate { candidate, tree }) in parsed {
        let name = tree.descend(&["metadata", "name"]).unwrap_or(&tree);
        if let Some((first_file, first)) = first.get(&candidate.gateway()) {
            let first = place(files, *first_file, *first);
            let message = format!("a second candidate for {}; the first is at {first}", quoted(&candidate.gateway()));
            let flaw = UnplacedDiagnostic::new(Code::DuplicateCandidate, message);
            checked.diagnostics.push(flaw.help("write both changes in one file").at(file, name.span));
            continue;
        }
        first.insert(candidate.gateway(), (file, name.span));
        let Some(egress) = by_name.get(&candidate.namespace, &candidate.name) else {
            // What is wrong with the Egress was reported.
            if !names.contains(&(candidate.namespace.to_string(), candidate.name.to_string())) {
                checked.diagnostics.push(without_egress(&candidate, names).at(file, name.span));
            }
            continue;
        };
        let found = judge(file, &candidate, &tree, egress, &mesh);
        if found.iter().all(|flaw| flaw.code == Code::CandidateWithoutChange) {
            checked.candidates.push(Located { file, span: tree.span, value: candidate });
        }
        checked.diagnostics.extend(found);
    }
}

fn without_egress(candidate: &Candidate, names: &HashSet<(String, String)>) -> UnplacedDiagnostic {
    let message = format!("there is no Egress {} whose rules this could change", quoted(&candidate.gateway()));
    let known: Vec<String> = names.iter().map(|(namespace, name)| format!("{namespace}/{name}")).collect();
    let flaw = UnplacedDiagnostic::new(Code::CandidateEgress, message);
    match did_you_mean(&candidate.gateway(), known.iter().map(String::as_str)) {
        Some(near) => flaw.help(format!("did you mean {}?", quoted(near))),
        None => flaw.help("name the file of the Egress, too, or correct `metadata`"),
    }
}

fn judge(file: usize, candidate: &Candidate, tree: &Node, egress: &Egress, mesh: &Mesh) -> Vec<Diagnostic> {
    let rules = &egress.spec.authz.rules;
    let spec = tree.get("spec").unwrap_or(tree);
    if let Some(what) = on_trial(egress) {
        let message = format!("the Egress {} has a candidate in itself: {what}", quoted(&egress.route()));
        let flaw = UnplacedDiagnostic::new(Code::CandidateBesideShadow, message);
        let help = "there is one candidate at a time: write the change here alone, or remove this file";
        return vec![flaw.help(help).at(file, start_of(tree))];
    }
    let unknown = |id: &&String| rules.iter().all(|rule| rule.id != **id);
    if candidate.is_in(rules) {
        return without_change(file, candidate, spec, egress);
    }
    let mut found: Vec<Diagnostic> = Vec::new();
    for (position, id) in candidate.remove.iter().enumerate().filter(|(_, id)| unknown(id)) {
        let message = format!("the Egress {} has no rule {} to remove", quoted(&egress.route()), quoted(id));
        let flaw = UnplacedDiagnostic::new(Code::CandidateRule, message);
        let near = did_you_mean(id, rules.iter().map(|rule| rule.id.as_str()));
        let help = near.map_or("leave it out".to_owned(), |near| format!("did you mean {}?", quoted(near)));
        let node = spec.nearest(&format!("remove[{position}]"));
        found.push(flaw.help(help).at(file, node.span));
    }
    let applied = candidate.applied(rules);
    let mut authz = egress.spec.authz.clone();
    authz.rules = applied.iter().map(|applied| applied.rule.clone()).collect();
    let next = policy(egress.route(), &authz, Stage::Enforce, egress.spec.gateway.num_trusted_proxies, mesh);
    for problem in problems_of(&next) {
        let rest = problem.path.strip_prefix("rules[").and_then(|rest| rest.split_once(']'));
        let own = rest.and_then(|(index, rest)| Some((applied.get(index.parse::<usize>().ok()?)?.position?, rest)));
        let node = match own {
            Some((position, rest)) => spec.nearest(&format!("rules[{position}]{rest}")),
            // Of the rules together, or of too many.
            None => spec,
        };
        found.push(from_core(file, node, problem));
    }
    found
}

/// If it only removes rules that are not there, the place of each of them.
fn without_change(file: usize, candidate: &Candidate, spec: &Node, egress: &Egress) -> Vec<Diagnostic> {
    let interrupted = "if `sallyport plan` says that a promotion was interrupted, `sallyport promote` removes the file";
    if !candidate.rules.is_empty() || candidate.remove.is_empty() {
        let message = "the rules of the Egress are these already";
        let flaw = UnplacedDiagnostic::new(Code::CandidateWithoutChange, message);
        return vec![flaw.help(format!("remove the file; {interrupted}")).at(file, start_of(spec))];
    }
    let ids = || egress.spec.authz.rules.iter().map(|rule| rule.id.as_str());
    let of_item = |(position, id): (usize, &String)| {
        let message = format!("the Egress {} has no rule {} to remove", quoted(&egress.route()), quoted(id));
        let help = did_you_mean(id, ids()).map_or_else(
            || format!("correct the ID, or leave it out; {interrupted}"),
            |near| format!("did you mean {}?", quoted(near)),
        );
        let flaw = UnplacedDiagnostic::new(Code::CandidateWithoutChange, message).help(help);
        flaw.at(file, spec.nearest(&format!("remove[{position}]")).span)
    };
    candidate.remove.iter().enumerate().map(of_item).collect()
}

/// What is a candidate in the Egress file itself.
fn on_trial(egress: &Egress) -> Option<String> {
    if egress.spec.rollout.stage != Stage::Enforce {
        return Some("its `rollout`".to_owned());
    }
    let rule = egress.spec.authz.rules.iter().find(|rule| rule.stage != Stage::Enforce)?;
    Some(format!("the rule {} is in shadow", quoted(&rule.id)))
}
