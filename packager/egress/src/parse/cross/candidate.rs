//! What a candidate says twice, or not at all.

use crate::code::Code;
use crate::diagnostic::{Sink, Span, UnplacedDiagnostic};
use crate::model::CandidateSpec;
use crate::wording::quoted;
use crate::yaml::tree::{Entry, Node};
use std::collections::HashMap;

/// Reports stages of rules, ids that are written twice, and a candidate without a change.
pub(crate) fn check(root: &Node, sink: &mut Sink) {
    let Some(spec) = root.get("spec") else { return };
    let (rules, removed) = (spec.items_at(&["rules"]), spec.items_at(&["remove"]));
    // What stands under another name was reported.
    let is_list = |entry: &Entry| CandidateSpec::BLOCK.field(&entry.key.name).is_some() && entry.value.text().is_none();
    if rules.is_empty() && removed.is_empty() && spec.entries().iter().all(is_list) {
        let start = Span { start: spec.span.start, end: spec.span.start };
        let flaw = UnplacedDiagnostic::new(Code::CandidateWithoutChange, "the candidate changes nothing");
        sink.report(start, flaw.help("write the rules that change in `rules`, or IDs of rules in `remove`"));
    }
    for rule in rules {
        if let Some(entry) = rule.entry("stage") {
            let message = format!("a rule of a candidate has no `{}`", entry.key.name);
            let help = "leave it out: the whole candidate is in one stage, which `sallyport.lock` has";
            sink.report(entry.key.span, UnplacedDiagnostic::new(Code::CandidateRule, message).help(help));
        }
    }
    let mut seen: HashMap<&str, Span> = HashMap::new();
    let ids = rules.iter().filter_map(|rule| rule.get("id")).chain(removed);
    for (id, node) in ids.filter_map(|node| Some((node.text()?, node))) {
        match seen.get(id) {
            None => drop(seen.insert(id, node.span)),
            Some(first) => {
                let message = format!("the rule {} is written twice", quoted(id));
                let flaw = UnplacedDiagnostic::new(Code::CandidateRule, message);
                sink.report_twice(node.span, *first, flaw.help("keep one: a rule is either changed or removed"));
            }
        }
    }
}
