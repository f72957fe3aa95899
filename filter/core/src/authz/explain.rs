//! Explanations: the decision, and for each rule what kept it from matching.

use crate::verdict::Decision;
use crate::wire::Action;

/// A decision with its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation<'e> {
    /// The same as [`Engine::on_request`](crate::Engine::on_request) gives.
    pub decision: Decision<'e>,
    /// Every rule, in file order; empty when the request was refused before any rule was asked.
    pub rules: Vec<RuleExplanation<'e>>,
}

/// What became of one rule.
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
    /// The paths of the fields and conditions that did not hold: `rules[3].to[0].operation.methods`. Of several
    /// sources or operations, of which one must hold, those of all are named if none held. Empty exactly when the rule
    /// matched.
    pub failed: Vec<String>,
}
