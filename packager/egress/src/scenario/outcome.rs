//! What a gateway makes of a request.

use std::fmt;

use super::ByEnvoy;
use sallyport_core::verdict::{Reason, Refusal, RuleRef, Shadow, Verdict};
use sallyport_core::wire::Action;

/// What a gateway makes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The verdict, its reason and rule.
    pub effect: Effect,
    /// What would have happened without shadow mode, where it differs.
    pub shadow: Option<Effect>,
    /// The ids of the AUDIT rules that matched, in file order.
    pub audits: Vec<String>,
    /// Who called, as rules see it: `TD/ns/NS/sa/SA`.
    pub principal: Option<String>,
    /// The status that the caller gets where the request is answered here; `None` where it goes on, or nothing answers.
    pub status: Option<u16>,
    /// Headers of the answer.
    pub answer: Vec<(String, String)>,
    /// What goes on to the upstream; `None` where the request is answered here.
    pub upstream: Option<Upstream>,
}

/// What the upstream gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// `NAMESPACE/NAME` of the Egress whose upstream gets it.
    pub route: String,
    /// Every header in order, pseudo headers included, without the mark of the route.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// A verdict with what led to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// It goes on: by this rule, or without one because the policy is in shadow mode.
    Allowed(Option<String>),
    /// It is refused for this reason, and by this rule if one did.
    Refused(Reason, Option<String>),
    /// The filter does not get it, or lets it through, and the gateway's Envoy answers by itself.
    ByEnvoy(ByEnvoy),
}

impl Effect {
    /// Whether the request goes on.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed(_))
    }

    /// The rule that decided.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        match self {
            Self::Allowed(rule) | Self::Refused(_, rule) => rule.as_deref(),
            Self::ByEnvoy(_) => None,
        }
    }

    /// The reason of a refusal by the filter.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Allowed(_) | Self::ByEnvoy(_) => None,
            Self::Refused(reason, _) => Some(*reason),
        }
    }

    /// Whether it is refused because no rule matches.
    #[must_use]
    pub fn is_default(&self) -> bool {
        matches!(self, Self::Refused(Reason::NotAllowed | Reason::NoIdentity, None))
    }

    /// What the engine said.
    #[must_use]
    pub fn of(verdict: &Verdict<'_>) -> Self {
        match verdict {
            Verdict::Continue(permit) => Self::Allowed(permit.rule().map(id)),
            Verdict::Refuse(refusal) => Self::of_refusal(refusal),
        }
    }

    /// What would happen without shadow mode.
    #[must_use]
    pub fn of_shadow(shadow: &Shadow<'_>) -> Self {
        match shadow {
            Shadow::WouldContinue(rule) => Self::Allowed(Some(id(*rule))),
            Shadow::WouldRefuse(refusal) => Self::of_refusal(refusal),
        }
    }

    fn of_refusal(refusal: &Refusal<'_>) -> Self {
        Self::Refused(refusal.reason, refusal.rule.map(id))
    }

    /// What a rule of this action and id does.
    #[must_use]
    pub fn of_rule(action: Action, rule: &str) -> Self {
        match action {
            Action::Allow | Action::Audit => Self::Allowed(Some(rule.to_owned())),
            Action::Deny => Self::Refused(Reason::Denied, Some(rule.to_owned())),
        }
    }
}

fn id(rule: RuleRef<'_>) -> String {
    rule.id.to_owned()
}

/// `allowed by RULE`, `refused: REASON by RULE`, `refused: REASON`; for an ambiguity `refused: ambiguous_request:KIND`.
impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = |rule: &Option<String>| rule.as_ref().map_or_else(String::new, |rule| format!(" by `{rule}`"));
        match self {
            Self::Allowed(None) => f.write_str("allowed: the policy is in shadow mode"),
            Self::Allowed(rule) => write!(f, "allowed{}", by(rule)),
            Self::Refused(Reason::Ambiguous(kind), _) => {
                write!(f, "refused: {}:{kind}", Reason::Ambiguous(*kind).as_str())
            }
            Self::Refused(reason, rule) => write!(f, "refused: {}{}", reason.as_str(), by(rule)),
            Self::ByEnvoy(answer) => answer.fmt(f),
        }
    }
}
