//! Regions: sets of requests that are decided otherwise, in the user's own patterns.

use std::sync::Arc;

use sallyport_core::wire;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::lists::{Origin, View};
use super::merge::Side;
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
    /// What the policy that does not decide them by [`Scope::from`] decides for some of them, beside the above: of the same
    /// kind, by other rules.
    pub others: Vec<Effect>,
    /// Which requests these are.
    pub scope: Scope,
    /// A request of the region: none has fewer characters to spell.
    pub witness: Scenario,
}

/// Which requests a region has: those that `rule` matches, and `and` or one of `any_of`, less those that `fails` matches, and less the
/// exceptions.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Which of the policies decides them by `from`.
    pub of: Side,
    /// What decides them in that policy.
    pub from: Source,
    /// The part of its rule that matches them: of the sources, the operations and each list what counts.
    pub rule: Option<wire::Rule>,
    /// A field of the rule as the other policy has it, which matches none of them; where not all is said without it.
    pub fails: Option<wire::Rule>,
    /// The part of the other policy's rule that decides them there; where not all is said without it.
    pub and: Option<wire::Rule>,
    /// The rules of the other policy of which one decides them there, if they are many; where not all is said without them.
    pub any_of: Vec<String>,
    /// What keeps some of these requests out of the region.
    pub except: Vec<Exception>,
    /// Every rule that has a request in common with what decides, each with its side, as [`canonical`] writes it.
    pub(super) rules: Vec<(Side, Arc<str>)>,
}

/// What keeps requests out of a region, because it decides them first. Requests that either policy refuses as ambiguous are
/// always in regions of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exception {
    /// A rule, and which of the policies has it so.
    Rule(String, Side),
    /// Requests that are decided otherwise in force: they are in regions of their own.
    InForce,
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
    /// The policy is in shadow mode, and no ALLOW rule decides.
    Shadow,
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
    /// The scope of what is no rule.
    pub(super) fn of_no_rule(of: Side, from: Source) -> Self {
        Self { of, from, rule: None, fails: None, and: None, any_of: Vec::new(), except: Vec::new(), rules: Vec::new() }
    }

    /// Whether it is the new policy that decides by this.
    #[must_use]
    pub fn is_of_new(&self) -> bool {
        self.of == Side::New
    }
}

impl Region {
    /// A region that has no id yet.
    pub(super) fn new(view: View, old: Effect, new: Effect, scope: Scope, witness: Scenario) -> Self {
        Self { id: String::new(), view, old, new, others: Vec::new(), scope, witness }
    }

    /// The region with its id.
    pub(super) fn identified(self) -> Self {
        Self { id: id(&self), ..self }
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
    pub(super) fn order(&self) -> (Change, usize, usize, String) {
        let Scenario { caller, request } = &self.witness;
        let text = format!("{request} {caller} {:?} {:?}", self.view, self.scope);
        (self.change(), request.path.len(), request.to_string().len(), text)
    }
}

/// What the region is, in a form that does not depend on the order of rules and lists. Every rule that touches it counts, whether
/// it is shown or not: who waives a region must not have waived a larger one.
fn id(region: &Region) -> String {
    let Region { id: _, view, old, new, others, scope, witness: _ } = region;
    let mut rules: Vec<String> = scope.rules.iter().map(|(side, rule)| format!("{side:?} {rule}")).collect();
    rules.sort();
    rules.dedup();
    let texts = |list: Vec<String>| {
        let mut list = list;
        list.sort();
        list
    };
    let canonical = json!({
        "view": format!("{view:?}"),
        "old": old.to_string(),
        "new": new.to_string(),
        "others": texts(others.iter().map(ToString::to_string).collect()),
        "of": format!("{:?}", scope.of),
        "from": format!("{:?}", scope.from),
        "rule": scope.rule.as_ref().map(canonical),
        "fails": scope.fails.as_ref().map(canonical),
        "and": scope.and.as_ref().map(canonical),
        "anyOf": texts(scope.any_of.clone()),
        "except": texts(scope.except.iter().map(|exception| format!("{exception:?}")).collect()),
        "rules": rules,
    });
    let digest = Sha256::digest(canonical.to_string().as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>().chars().take(ID_DIGITS).collect()
}

/// A rule in a form that does not depend on the order of its lists.
pub(super) fn canonical(rule: &wire::Rule) -> String {
    sorted(serde_json::to_value(rule).unwrap_or_default()).to_string()
}

/// The value with each list in order: the lists of a rule are sets.
fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(sorted).collect();
            items.sort_by_cached_key(ToString::to_string);
            Value::Array(items)
        }
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, sorted(value))).collect(),
        other => other,
    }
}
