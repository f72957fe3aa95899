//! Regions: sets of requests that are decided otherwise, in the user's own patterns.

use sallyport_core::wire;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::lists::{Origin, View};
use super::merge::Side;
use super::written::each_list;
use crate::scenario::{Effect, Scenario};

/// How many hexadecimal digits of a digest name a region.
const ID_DIGITS: usize = 12;

/// What changes for the requests of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// They were refused and are allowed.
    Widened,
    /// They were allowed and are refused.
    Narrowed,
    /// They are decided by another rule, or for another reason.
    Reason,
    /// What is reported of shadow mode.
    Shadow,
    /// What AUDIT rules record.
    Audit,
}

/// A set of requests that are decided otherwise in one way.
#[derive(Clone, Debug)]
pub struct Region {
    /// The first digits of the SHA-256 of what the region is: the same as long as that is.
    pub id: String,
    /// Which of the decisions differs.
    pub view: View,
    /// What the old policy decides.
    pub old: Effect,
    /// What the new policy decides.
    pub new: Effect,
    /// Which requests these are.
    pub scope: Scope,
    /// A request of the region: none has fewer characters to spell.
    pub witness: Scenario,
}

/// Which requests a region has.
#[derive(Clone, Debug)]
pub struct Scope {
    pub(super) of: Side,
    /// What decides them in the policy that decides them by this.
    pub from: Source,
    /// The part of the rule that matches them: one source, one operation, and of each list the patterns that count.
    pub rule: Option<wire::Rule>,
    /// Ids of rules that match some of these requests and keep them out of the region.
    pub except: Vec<String>,
    /// Every rule that has a request in common with what decides, each with its side.
    pub(super) rules: Vec<(Side, wire::Rule)>,
}

/// What decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The rule of this id.
    Rule(String),
    /// The request is ambiguous, in this way; with the name of the header or parameter whose twin it has.
    Ambiguity(wire::Ambiguity, Option<String>),
    /// No rule matches.
    Default,
}

impl From<Origin> for Source {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Rule(id) => Self::Rule(id),
            Origin::Ambiguity(kind, what) => Self::Ambiguity(kind, what),
            Origin::Default => Self::Default,
        }
    }
}

impl Scope {
    /// Whether it is the new policy that decides by this.
    #[must_use]
    pub fn is_of_new(&self) -> bool {
        self.of == Side::New
    }
}

impl Region {
    pub(super) fn new(view: View, old: Effect, new: Effect, scope: Scope, witness: Scenario) -> Self {
        let id = id(&view, &old, &new, &scope);
        Self { id, view, old, new, scope, witness }
    }

    /// What changes.
    #[must_use]
    pub fn change(&self) -> Change {
        match (&self.view, self.old.is_allowed(), self.new.is_allowed()) {
            (View::IfEnforced, ..) => Change::Shadow,
            (View::Audit(_), ..) => Change::Audit,
            (View::InForce, false, true) => Change::Widened,
            (View::InForce, true, false) => Change::Narrowed,
            (View::InForce, ..) => Change::Reason,
        }
    }

    /// Regions are listed in this order.
    pub(super) fn order(&self) -> (Change, usize, String) {
        (self.change(), self.witness.request.path.len(), self.id.clone())
    }
}

/// What the region is, in a form that does not depend on the order of rules and lists. Every rule that touches it counts, whether
/// it is shown or not: who waives a region must not have waived a larger one.
fn id(view: &View, old: &Effect, new: &Effect, scope: &Scope) -> String {
    let mut except = scope.except.clone();
    except.sort();
    let json = |rule: &wire::Rule| serde_json::to_value(sorted(rule)).unwrap_or_default();
    let mut rules: Vec<String> =
        scope.rules.iter().map(|(side, rule)| json!([format!("{side:?}"), json(rule)]).to_string()).collect();
    rules.sort();
    let canonical = json!({
        "view": format!("{view:?}"),
        "old": old.to_string(),
        "new": new.to_string(),
        "of": format!("{:?}", scope.of),
        "from": format!("{:?}", scope.from),
        "rule": scope.rule.as_ref().map(json),
        "except": except,
        "rules": rules,
    });
    let digest = Sha256::digest(canonical.to_string().as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>().chars().take(ID_DIGITS).collect()
}

/// The rule with its lists in order.
fn sorted(rule: &wire::Rule) -> wire::Rule {
    let mut rule = rule.clone();
    each_list(&mut rule, |list| list.sort());
    rule
}
