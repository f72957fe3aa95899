//! Rules that never decide: they match no request, or others decide all that they match.
//!
//! # Design
//!
//! Most rules decide a request that their text suggests, and then there is nothing to search for. Of the others a shortest
//! request that the rule matches goes to the engine. If this rule decides it, there is nothing to say. Otherwise
//! the rule that decides is kept out of the way, and the next request is searched for. So only rules are looked at that
//! really stand in the way, and a policy in which each rule has requests of its own costs one search per rule.

use std::collections::HashSet;

use sallyport_core::outline::OutlinedRule;
use sallyport_core::{Engine, wire};

use super::diff::setting;
use super::formula::Formula;
use super::guess;
use super::lists::{Entry, Origin, Reading, View, universe};
use super::policy::Policy;
use super::query::{Unanswered, all_enforced, in_force};
use super::search::Point;
use super::space::{Exhausted, Space};
use crate::scenario::{Effect, Outcome};

/// What is known of the rules of a policy that never decide.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdleRules {
    /// Those rules, in file order.
    pub rules: Vec<IdleRule>,
    /// Rules about which the search and the engine disagree: a fault of the search, so nothing is said about them.
    pub undecided: Vec<String>,
}

/// A rule that never decides, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdleRule {
    /// Its id.
    pub rule: String,
    /// Why.
    pub why: Idle,
}

/// Why a rule never decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Idle {
    /// It matches no request. With the part without which it would match some, if there is one such part: `from`, `to`,
    /// `when[1]`.
    Nothing(Option<String>),
    /// Every request that it matches is refused as ambiguous.
    Ambiguous,
    /// This rule, which has the same action, matches exactly the same requests.
    Same(String),
    /// These rules decide every request that it matches: as few as possible.
    Hidden(Vec<String>),
}

/// The rules of a policy that never decide, in file order. `host` is the one that callers use. Rules in shadow mode are looked
/// at as if nothing were in shadow mode; AUDIT rules decide where they match.
///
/// # Errors
///
/// The policy is not valid, or the search took more than `budget` states.
pub fn idle(source: &wire::Policy, host: &str, budget: u64) -> Result<IdleRules, Unanswered> {
    let is_shadow = |rule: &wire::Rule| rule.stage == wire::Stage::Shadow && rule.action != wire::Action::Audit;
    let mut idle = IdleRules::default();
    let left = found(&in_force(source), host, budget, &mut idle, |rule| !is_shadow(rule))?;
    if source.rules.iter().any(is_shadow) {
        found(&all_enforced(source), host, left, &mut idle, is_shadow_of(source))?;
    }
    let place = |id: &String| source.rules.iter().position(|rule| rule.id == *id);
    idle.rules.sort_by_key(|idle| place(&idle.rule));
    Ok(idle)
}

/// Whether a rule of the policy without shadow mode is in shadow mode in this one.
fn is_shadow_of(source: &wire::Policy) -> impl Fn(&wire::Rule) -> bool {
    let shadow =
        source.rules.iter().filter(|rule| rule.stage == wire::Stage::Shadow && rule.action != wire::Action::Audit);
    let ids: Vec<String> = shadow.map(|rule| rule.id.clone()).collect();
    move |rule| ids.contains(&rule.id)
}

/// Adds the rules among those that are asked about; what is left of the budget.
fn found(
    source: &wire::Policy,
    host: &str,
    budget: u64,
    idle: &mut IdleRules,
    is_asked: impl Fn(&wire::Rule) -> bool,
) -> Result<u64, Unanswered> {
    let engine = Engine::compile(source).map_err(Unanswered::Policy)?;
    let domain = source.trust_domain.as_deref().unwrap_or("cluster.local");
    let audits = source.rules.iter().filter(|rule| rule.action == wire::Action::Audit);
    let audits: Vec<&str> = audits.map(|rule| &*rule.id).collect();
    let decides = |rule: &wire::Rule| {
        guess::requests(rule, host, domain).iter().any(|scenario| is_seen(rule, &scenario.decide(&engine), &audits))
    };
    let unseen: HashSet<&str> =
        source.rules.iter().filter(|rule| is_asked(rule) && !decides(rule)).map(|rule| &*rule.id).collect();
    if unseen.is_empty() {
        return Ok(budget);
    }
    let policy = Policy::new(source.clone()).map_err(Unanswered::Policy)?;
    let mut space = Space::new(setting([&policy, &policy], host), budget);
    let reading = Reading::new(&mut space, policy.outline());
    let list = reading.list(&mut space, &View::InForce);
    let is_ambiguity = |entry: &&Entry| matches!(entry.from, Origin::Ambiguity(..));
    let unambiguous = list.iter().filter(is_ambiguity).map(|entry| entry.formula.not());
    let always: Vec<Formula> = universe(&mut space).into_iter().chain(unambiguous).collect();
    let list: Vec<Entry> = list.into_iter().filter(|entry| matches!(entry.from, Origin::Rule(_))).collect();
    let mut search = Search { space, policy: &policy, reading, always, list };
    for (outlined, formula) in policy.outline().rules.iter().zip(search.reading.rules.clone()) {
        let Some(rule) = policy.rule(&outlined.id).filter(|rule| unseen.contains(&*rule.id)) else { continue };
        let why = match rule.action {
            wire::Action::Audit => search.audit(outlined, &formula)?,
            wire::Action::Allow | wire::Action::Deny => search.decides(outlined)?,
        };
        let rule = outlined.id.clone();
        match why {
            Judged::Decides => {}
            Judged::Never(why) => idle.rules.push(IdleRule { rule, why }),
            Judged::Undecided => idle.undecided.push(rule),
        }
    }
    Ok(search.space.left())
}

/// Whether an outcome shows that a rule is of use: it decides, or it is the first AUDIT rule that matches.
fn is_seen(rule: &wire::Rule, outcome: &Outcome, audits: &[&str]) -> bool {
    match rule.action {
        wire::Action::Audit => {
            let mut matching = audits.iter().filter(|id| outcome.audits.iter().any(|other| other == *id));
            matching.next() == Some(&&*rule.id)
        }
        wire::Action::Allow | wire::Action::Deny => outcome.effect == Effect::of_rule(rule.action, &rule.id),
    }
}

/// What is known of a rule.
enum Judged {
    Decides,
    Never(Idle),
    Undecided,
}

struct Search<'p> {
    space: Space,
    policy: &'p Policy,
    reading: Reading<'p>,
    /// What holds for every request that is not refused as ambiguous.
    always: Vec<Formula>,
    /// What rules decide, in order.
    list: Vec<Entry>,
}

impl Search<'_> {
    /// A request for which these hold beside what always does, and what the engine makes of it.
    fn request(&self, formulas: &[&Formula]) -> Result<Option<(Point, Outcome)>, Exhausted> {
        let all: Vec<&Formula> = self.always.iter().chain(formulas.iter().copied()).collect();
        let decided = |point: Point| {
            let outcome = self.space.scenario(&point).decide(self.policy.engine());
            (point, outcome)
        };
        Ok(self.space.witness(&all)?.map(decided))
    }

    /// Whether each request of one formula is one of another.
    fn is_within(&self, inner: &Formula, outer: &Formula) -> Result<bool, Exhausted> {
        Ok(self.request(&[inner, &outer.not()])?.is_none())
    }

    /// Why an ALLOW or DENY rule never decides, if it never does.
    fn decides(&mut self, outlined: &OutlinedRule) -> Result<Judged, Exhausted> {
        let is_own = |entry: &Entry| matches!(&entry.from, Origin::Rule(id) if *id == outlined.id);
        let Some(place) = self.list.iter().position(is_own) else { return Ok(Judged::Undecided) };
        let (higher, rest) = self.list.split_at(place);
        let Some(entry) = rest.first() else { return Ok(Judged::Undecided) };
        let mut in_the_way: Vec<(usize, Formula)> = Vec::new();
        let mut points = Vec::new();
        loop {
            let mut formulas = vec![&entry.formula];
            formulas.extend(in_the_way.iter().map(|(_, not)| not));
            let Some((point, outcome)) = self.request(&formulas)? else { break };
            if outcome.effect == entry.effect {
                return Ok(Judged::Decides);
            }
            points.push(point);
            let decided = higher.iter().position(|other| other.effect == outcome.effect);
            match decided.filter(|at| in_the_way.iter().all(|(known, _)| known != at)) {
                Some(at) => in_the_way.extend(higher.get(at).map(|other| (at, other.formula.not()))),
                None => return Ok(Judged::Undecided),
            }
        }
        if in_the_way.is_empty() {
            let formula = entry.formula.clone();
            return self.without_requests(outlined, &formula).map(Judged::Never);
        }
        if let Some(why) = self.hidden_by_one(higher, entry, &points)? {
            return Ok(Judged::Never(why));
        }
        let mut at = 0;
        while at < in_the_way.len() && in_the_way.len() > 1 {
            let kept = in_the_way.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, (_, not))| not);
            let formulas: Vec<&Formula> = std::iter::once(&entry.formula).chain(kept).collect();
            if self.request(&formulas)?.is_none() {
                in_the_way.remove(at);
            } else {
                at = at.saturating_add(1);
            }
        }
        in_the_way.sort_by_key(|(at, _)| *at);
        let ids = in_the_way.iter().filter_map(|(at, _)| id_of(higher.get(*at)?)).collect();
        Ok(Judged::Never(Idle::Hidden(ids)))
    }

    /// A single higher rule that decides all that an entry would: one of the same meaning, or the first. It matches all of
    /// these requests.
    fn hidden_by_one(&self, higher: &[Entry], entry: &Entry, points: &[Point]) -> Result<Option<Idle>, Exhausted> {
        let mut first = None;
        for other in higher {
            self.space.spend()?;
            let is_near = points.iter().all(|point| self.space.is_true(&other.formula, point));
            if !is_near || !self.is_within(&entry.formula, &other.formula)? {
                continue;
            }
            let Some(id) = id_of(other) else { continue };
            let is_same_action = other.effect.is_allowed() == entry.effect.is_allowed();
            if is_same_action && self.is_within(&other.formula, &entry.formula)? {
                return Ok(Some(Idle::Same(id)));
            }
            first.get_or_insert(id);
        }
        Ok(first.map(|id| Idle::Hidden(vec![id])))
    }

    /// Why an AUDIT rule records nothing of its own, if it does not.
    fn audit(&mut self, outlined: &OutlinedRule, formula: &Formula) -> Result<Judged, Exhausted> {
        let Some((_, outcome)) = self.request(&[formula])? else {
            return self.without_requests(outlined, formula).map(Judged::Never);
        };
        if !outcome.audits.contains(&outlined.id) {
            return Ok(Judged::Undecided);
        }
        let earlier = outcome.audits.iter().take_while(|id| **id != outlined.id);
        for id in earlier {
            let rules = self.reading.outline.rules.iter().zip(&self.reading.rules);
            let other = rules.filter(|(rule, _)| rule.id == *id).map(|(_, formula)| formula).next();
            let Some(other) = other else { continue };
            if self.is_within(formula, other)? && self.is_within(other, formula)? {
                return Ok(Judged::Never(Idle::Same(id.clone())));
            }
        }
        Ok(Judged::Decides)
    }

    /// Why a rule matches no request that goes as far as rules.
    fn without_requests(&mut self, outlined: &OutlinedRule, formula: &Formula) -> Result<Idle, Exhausted> {
        let universe = universe(&mut self.space);
        let all: Vec<&Formula> = universe.iter().chain([formula]).collect();
        if self.space.is_possible(&all)? {
            return Ok(Idle::Ambiguous);
        }
        let mut versions: Vec<(String, OutlinedRule)> = Vec::new();
        for at in 0..outlined.when.len() {
            let mut version = outlined.clone();
            let place = version.when.remove(at).place;
            versions.push((place, version));
        }
        versions.push(("to".to_owned(), OutlinedRule { to: None, ..outlined.clone() }));
        versions.push(("from".to_owned(), OutlinedRule { from: None, ..outlined.clone() }));
        for (place, version) in versions {
            let formula = self.reading.rule(&mut self.space, &version);
            if self.request(&[&formula])?.is_some() {
                return Ok(Idle::Nothing(Some(place)));
            }
        }
        Ok(Idle::Nothing(None))
    }
}

fn id_of(entry: &Entry) -> Option<String> {
    match &entry.from {
        Origin::Rule(id) => Some(id.clone()),
        Origin::Ambiguity(..) | Origin::Default => None,
    }
}
