//! Which parts of a policy its cases show.
//!
//! # Design
//!
//! A rule has several branches, and each should be taken by some case:
//!
//! - the rule matches;
//! - of several alternatives in `from` or `to`, each is the one that matches;
//! - `from`, `to`, and each condition of `when` keeps out a request that everything else in the rule would match.
//!
//! The last one is what finds a condition that nothing tests: without it, every case would come out the same.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use sallyport_core::Engine;
use sallyport_core::wire::{Headers, Policy, Rule, Tracing};

use crate::model::{Egress, Mesh};
use crate::policy_source;
use crate::scenario::Scenario;

/// A part of a rule that cases should show.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Branch {
    /// The position of the rule.
    pub rule: usize,
    part: Part,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Part {
    Match,
    Source(usize),
    Operation(usize),
    OnlyFrom,
    OnlyTo,
    OnlyWhen(usize),
}

impl Branch {
    /// The part of the rule that a request must match to show this branch; `None` where it must fail on a part.
    #[must_use]
    pub fn to_match(&self, rules: &[Rule]) -> Option<Rule> {
        let rule = rules.get(self.rule)?.clone();
        match self.part {
            Part::Match => Some(rule),
            Part::Source(at) => Some(Rule { from: Some(vec![rule.from.as_ref()?.get(at)?.clone()]), ..rule }),
            Part::Operation(at) => Some(Rule { to: Some(vec![rule.to.as_ref()?.get(at)?.clone()]), ..rule }),
            Part::OnlyFrom | Part::OnlyTo | Part::OnlyWhen(_) => None,
        }
    }

    /// Where it is written in the Egress file.
    #[must_use]
    pub fn path(&self) -> String {
        let rule = format!("spec.authz.rules[{}]", self.rule);
        match self.part {
            Part::Match => format!("{rule}.id"),
            Part::Source(alternative) => format!("{rule}.from[{alternative}]"),
            Part::Operation(alternative) => format!("{rule}.to[{alternative}]"),
            Part::OnlyFrom => format!("{rule}.from"),
            Part::OnlyTo => format!("{rule}.to"),
            Part::OnlyWhen(condition) => format!("{rule}.when[{condition}]"),
        }
    }
}

/// What no case shows: `no request matches`, `no request fails on the callers alone`.
impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            Part::Match => f.write_str("no case matches the rule"),
            Part::Source(_) => f.write_str("no case matches the rule by this source"),
            Part::Operation(_) => f.write_str("no case matches the rule by this operation"),
            Part::OnlyFrom => {
                f.write_str("no case fails on `from` alone: send what the rule matches as another caller")
            }
            Part::OnlyTo => f.write_str("no case fails on `to` alone: send another request as a caller of the rule"),
            Part::OnlyWhen(_) => {
                f.write_str("no case fails on this condition alone: send what the rule matches with another value")
            }
        }
    }
}

/// What cases have shown of a policy.
#[derive(Clone, Debug)]
pub struct Coverage {
    all: Arc<BTreeSet<Branch>>,
    taken: BTreeSet<Branch>,
    alternatives: Option<Arc<Alternatives>>,
}

/// Each alternative as a rule of its own. The engine does not say which of several alternatives held.
#[derive(Debug)]
struct Alternatives {
    engine: Engine,
    branches: Vec<Branch>,
}

impl Coverage {
    /// Of a policy that no case has seen yet.
    #[must_use]
    pub fn new(egress: &Egress, mesh: &Mesh) -> Self {
        let alternatives = Alternatives::new(egress, mesh);
        let mut all: BTreeSet<_> = alternatives.iter().flat_map(|some| some.branches.iter().cloned()).collect();
        for (rule, written) in egress.spec.authz.rules.iter().enumerate() {
            let conditions = written.when.iter().flatten().enumerate().map(|(condition, _)| Part::OnlyWhen(condition));
            let from = written.from.is_some().then_some(Part::OnlyFrom);
            let to = written.to.is_some().then_some(Part::OnlyTo);
            all.extend(
                [Part::Match].into_iter().chain(from).chain(to).chain(conditions).map(|part| Branch { rule, part }),
            );
        }
        Self { all: Arc::new(all), taken: BTreeSet::new(), alternatives: alternatives.map(Arc::new) }
    }

    /// Takes note of what a case shows.
    pub fn observe(&mut self, scenario: &Scenario, engine: &Engine, egress: &Egress) {
        let Ok(scenario) = scenario.received(egress) else { return };
        let mut has_alternatives = false;
        let taken = &mut self.taken;
        scenario.with_explanation(engine, |explanation| {
            for (rule, explained) in explanation.rules.iter().enumerate() {
                let part = if explained.matched { Some(Part::Match) } else { only(&explained.failed) };
                has_alternatives |= explained.matched;
                if let Some(part) = part {
                    taken.insert(Branch { rule, part });
                }
            }
        });
        if let Some(Alternatives { engine, branches }) = self.alternatives.as_deref().filter(|_| has_alternatives) {
            scenario.with_explanation(engine, |explanation| {
                let matched = explanation.rules.iter().zip(branches).filter(|(explained, _)| explained.matched);
                taken.extend(matched.map(|(_, branch)| branch.clone()));
            });
        }
    }

    /// Takes note of what other cases of the same policy have shown.
    pub fn merge(&mut self, other: Self) {
        self.taken.extend(other.taken);
    }

    /// How many branches there are, and how many of them are taken.
    #[must_use]
    pub fn branches(&self) -> (usize, usize) {
        (self.all.len(), self.all.intersection(&self.taken).count())
    }

    /// How many rules there are, and how many of them some case matches.
    #[must_use]
    pub fn rules(&self) -> (usize, usize) {
        let of = |branches: &BTreeSet<Branch>| branches.iter().filter(|branch| branch.part == Part::Match).count();
        (of(&self.all), of(&self.taken))
    }

    /// What no case shows, in file order.
    pub fn missing(&self) -> impl Iterator<Item = &Branch> {
        self.all.difference(&self.taken)
    }
}

/// The one part that a rule failed on, if there is but one.
fn only(failed: &[String]) -> Option<Part> {
    let part = |path: &str| {
        let part = path.split('.').nth(1)?;
        match part.split_once('[')? {
            ("from", _) => Some(Part::OnlyFrom),
            ("to", _) => Some(Part::OnlyTo),
            (_, index) => index.strip_suffix(']')?.parse().ok().map(Part::OnlyWhen),
        }
    };
    let first = part(failed.first()?)?;
    failed.iter().all(|path| part(path) == Some(first)).then_some(first)
}

impl Alternatives {
    /// None where no rule has several, or where they are too many for one policy.
    fn new(egress: &Egress, mesh: &Mesh) -> Option<Self> {
        let (mut rules, mut branches) = (Vec::new(), Vec::new());
        let mut add = |rule: usize, part: Part, written: Rule| {
            rules.push(Rule { id: format!("r{}", rules.len()), ..written });
            branches.push(Branch { rule, part });
        };
        for (position, rule) in egress.spec.authz.rules.iter().enumerate() {
            let from = rule.from.as_deref().unwrap_or_default();
            for (alternative, one) in from.iter().enumerate().filter(|_| from.len() > 1) {
                add(position, Part::Source(alternative), Rule { from: Some(vec![one.clone()]), ..rule.clone() });
            }
            let to = rule.to.as_deref().unwrap_or_default();
            for (alternative, one) in to.iter().enumerate().filter(|_| to.len() > 1) {
                add(position, Part::Operation(alternative), Rule { to: Some(vec![one.clone()]), ..rule.clone() });
            }
        }
        if rules.is_empty() {
            return None;
        }
        let policy = policy_source(egress, mesh, &[]);
        let policy = Policy { rules, health: None, tracing: Tracing::default(), headers: Headers::default(), ..policy };
        Engine::compile(&policy).ok().map(|engine| Self { engine, branches })
    }
}
