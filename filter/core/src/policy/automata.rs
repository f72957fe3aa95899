//! The automata that a policy carries to the filter, which has no compiler.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use crate::matcher::regex;
use crate::wire;

impl wire::Policy {
    /// The same policy with the automata of its regular expressions, as the filter needs it. They are not complete if an
    /// expression is refused: [`Engine::compile`](crate::Engine::compile) says why.
    #[must_use]
    pub fn with_automata(mut self) -> Self {
        let candidate = self.candidate.as_ref();
        let regions = candidate.into_iter().flat_map(|candidate| &candidate.regions);
        let parts = regions.flat_map(|region| [&region.rule, &region.and, &region.fails]).flatten();
        let changed = candidate.into_iter().flat_map(|candidate| &candidate.rules).chain(parts);
        let rules: Vec<&wire::Rule> = self.rules.iter().chain(changed).collect();
        let operations = rules.iter().filter_map(|rule| rule.to.as_ref()).flatten().map(|to| &to.operation);
        let of_paths = operations.flat_map(|operation| [&operation.path_regex, &operation.not_path_regex]);
        let conditions = rules.iter().filter_map(|rule| rule.when.as_ref()).flatten();
        let of_values = conditions.flat_map(|condition| [&condition.regex, &condition.not_regex]);
        let patterns: BTreeSet<&String> = of_paths.chain(of_values).flatten().flatten().collect();
        self.automata = regex::carry(patterns.into_iter());
        self
    }
}
