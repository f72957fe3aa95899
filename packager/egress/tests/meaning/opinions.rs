//! What is said of a request: by the engine, and by the reference evaluator of the core, which shares no code with it for
//! patterns, expressions or addresses. The two must agree.

use sallyport_core::flow::{Needs, Properties};
use sallyport_core::{Ambiguity, Engine, PeerView, Reason, RequestView, wire};
use sallyport_egress::meaning::{Exception, Policy, Region, Scope, Side, View};
use sallyport_egress::scenario::{Effect, Scenario};

use crate::common::request::Request;
use crate::reference;

/// What a policy makes of a request.
#[derive(Debug, PartialEq)]
pub struct Said {
    pub effect: Effect,
    pub shadow: Option<Effect>,
    pub audits: Vec<String>,
}

impl Said {
    /// The engine's word, once the reference has said the same.
    fn of(policy: &Policy, view: &RequestView<'_>) -> Self {
        let decision = policy.engine().on_request(view);
        let outcome = reference::Outcome::from(&decision);
        assert!(
            reference::agrees(policy.source(), view, &outcome),
            "the engine says {outcome}, the reference {}",
            reference::decide(policy.source(), view)
        );
        Self {
            effect: Effect::of(&decision.verdict),
            shadow: decision.shadow.as_ref().map(Effect::of_shadow),
            audits: decision.audits.iter().map(|rule| rule.id.to_owned()).collect(),
        }
    }

    /// Of a request by chance.
    pub fn of_request(policy: &Policy, request: &Request) -> Self {
        with_view(policy, request, |view| Self::of(policy, view))
    }

    /// Of an example.
    pub fn of_scenario(policy: &Policy, scenario: &Scenario) -> Self {
        with_scenario(policy.engine(), scenario, |view| Self::of(policy, view))
    }

    /// In which way the request is ambiguous, if it is refused for that or would be.
    pub fn ambiguity(&self) -> Option<Ambiguity> {
        [Some(&self.effect), self.shadow.as_ref()].into_iter().flatten().find_map(|effect| match effect.reason() {
            Some(Reason::Ambiguous(kind)) => Some(kind),
            _ => None,
        })
    }

    /// What counts in a view.
    pub fn in_view(&self, view: &View) -> Effect {
        match view {
            View::InForce => self.effect.clone(),
            View::IfEnforced => self.shadow.clone().unwrap_or_else(|| self.effect.clone()),
            View::Audit(id) => Effect::Allowed(self.audits.contains(id).then(|| id.clone())),
        }
    }
}

/// Whether two effects are the same in a view: of shadow mode only the verdict is reported.
pub fn is_same(view: &View, left: &Effect, right: &Effect) -> bool {
    match view {
        View::IfEnforced => left.is_allowed() == right.is_allowed(),
        View::InForce | View::Audit(_) => left == right,
    }
}

/// Whether the words of a region are about the request, as the reference reads them; those that have no rule are about every
/// request.
pub fn is_in_scope([old, new]: [&Policy; 2], region: &Region, request: &Request) -> bool {
    let Scope { rule, fails, and, any_of, except, .. } = &region.scope;
    let Some(rule) = rule else { return true };
    let [own, other] = if region.scope.is_of_new() { [new, old] } else { [old, new] };
    let is_exception = |exception: &Exception| {
        let Exception::Rule(id, side) = exception else { return false };
        let is_of = |policy: &Policy| {
            let rule = policy.source().rules.iter().find(|rule| rule.id == *id);
            rule.is_some_and(|rule| is_matched(policy, rule, request))
        };
        (*side != Side::New && is_of(old)) || (*side != Side::Old && is_of(new))
    };
    let is_one = |id: &String| {
        let rule = other.source().rules.iter().find(|rule| rule.id == *id);
        rule.is_some_and(|rule| is_matched(other, rule, request))
    };
    is_matched(own, rule, request)
        && and.as_ref().is_none_or(|and| is_matched(other, and, request))
        && !fails.as_ref().is_some_and(|fails| is_matched(other, fails, request))
        && (any_of.is_empty() || any_of.iter().any(is_one))
        && !except.iter().any(is_exception)
}

fn is_matched(policy: &Policy, rule: &wire::Rule, request: &Request) -> bool {
    let alone = wire::Policy { rules: vec![rule.clone()], ..policy.source().clone() };
    with_view(policy, request, |view| reference::matching(&alone, view).is_some_and(|matching| !matching.is_empty()))
}

/// The request as a host shows it, which is asked for what the policy needs.
fn with_view<T>(policy: &Policy, request: &Request, look: impl FnOnce(&RequestView<'_>) -> T) -> T {
    with_needs(policy.engine(), request, look)
}

/// An example as a host shows it.
pub fn with_scenario<T>(engine: &Engine, scenario: &Scenario, look: impl FnOnce(&RequestView<'_>) -> T) -> T {
    let sent = scenario.headers(engine);
    let headers: Vec<(&[u8], &[u8])> = sent.iter().map(|(name, value)| (name.as_bytes(), &**value)).collect();
    let mut properties = Properties::default();
    for (path, value) in scenario.caller.properties() {
        let asked = Needs::PROPERTIES.iter().filter(|(need, of)| *of == path && engine.needs().contains(*need));
        asked.for_each(|(need, _)| properties.insert(*need, Some(value.clone())));
    }
    look(&properties.view(&headers))
}

/// The request as a host shows it, which is asked for what the engine needs.
pub fn with_needs<T>(engine: &Engine, request: &Request, look: impl FnOnce(&RequestView<'_>) -> T) -> T {
    request.with_view(|view| {
        let needs = engine.needs();
        let peer = if needs.contains(Needs::MTLS) { view.peer } else { PeerView::default() };
        let metadata = view.metadata.filter(|_| needs.contains(Needs::METADATA));
        look(&RequestView { peer, metadata, ..*view })
    })
}
