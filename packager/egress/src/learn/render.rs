//! Rules as YAML, with what they were learned from as comments.

use super::propose::{LearnedOperation, LearnedRule};
use crate::yaml::edit::scalar;

/// The items of `rules`, each line after this indentation.
pub(super) fn rules(rules: &[LearnedRule], indent: &str) -> String {
    let mut lines = Lines { indent, text: String::new() };
    rules.iter().for_each(|rule| lines.rule(rule));
    lines.text
}

fn flow(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| scalar(text)).collect::<Vec<_>>().join(", "))
}

struct Lines<'i> {
    indent: &'i str,
    text: String,
}

impl Lines<'_> {
    fn line(&mut self, line: &str) {
        self.text.push_str(self.indent);
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn rule(&mut self, rule: &LearnedRule) {
        self.line(&format!("- id: {} # {}", scalar(&rule.id), rule.evidence));
        self.line("  action: ALLOW");
        self.line("  from:");
        let own = rule.callers.iter().filter_map(|caller| Some((caller.account.as_ref()?, &caller.evidence)));
        let foreign = rule.callers.iter().filter(|caller| caller.account.is_none());
        let foreign = foreign.map(|caller| (&caller.principal, &caller.evidence));
        for (name, list) in [("serviceAccounts", own.collect::<Vec<_>>()), ("principals", foreign.collect())] {
            if list.is_empty() {
                continue;
            }
            self.line("  - source:");
            self.line(&format!("      {name}:"));
            let items = list.into_iter().map(|(caller, evidence)| (scalar(caller), evidence.to_string()));
            self.items("      ", items.collect());
        }
        self.line("  to:");
        rule.operations.iter().for_each(|operation| self.operation(operation));
    }

    fn operation(&mut self, operation: &LearnedOperation) {
        self.line("  - operation:");
        self.line(&format!("      methods: {}", flow(&operation.methods)));
        self.line("      paths:");
        let items = operation.paths.iter().map(|(path, evidence)| (scalar(path), evidence.to_string()));
        self.items("      ", items.collect());
        if !operation.not_paths.is_empty() {
            self.line("      # requested by other callers, or refused");
            self.line(&format!("      notPaths: {}", flow(&operation.not_paths)));
        }
    }

    /// The items of a list with their comments below each other.
    fn items(&mut self, indent: &str, items: Vec<(String, String)>) {
        let widest = items.iter().map(|(item, _)| item.chars().count()).max().unwrap_or(0).min(48);
        for (item, comment) in items {
            self.line(&format!("{indent}- {item:widest$} # {comment}"));
        }
    }
}
