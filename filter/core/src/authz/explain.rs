//! Explanations: the decision, and for each rule what kept it from matching.

use alloc::string::String;
use alloc::vec::Vec;

use crate::verdict::Decision;
use crate::wire::Action;

/// A decision with its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation<'e, 'r> {
    /// The same as [`Engine::on_request`](crate::Engine::on_request) gives.
    pub decision: Decision<'r>,
    /// Every rule, in file order; empty when the request was refused before any rule was evaluated.
    pub rules: Vec<RuleExplanation<'e>>,
}

/// Whether one rule matched, and if not why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleExplanation<'e> {
    /// The rule.
    pub id: &'e str,
    /// What its match means.
    pub action: Action,
    /// False in shadow mode.
    pub enforced: bool,
    /// Whether it matched.
    pub matched: bool,
    /// The paths of the fields and conditions that did not hold: `rules[3].to[0].operation.methods`. Where one of several
    /// sources or operations must hold and none did, the fields of all of them are here. Empty exactly when the rule
    /// matched.
    pub failed: Vec<String>,
}
