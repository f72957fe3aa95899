//! Who may send a request, and what a caller may do: for each ALLOW rule, the part of it that counts for a question.
//!
//! # Design
//!
//! A question is a rule of one's own, compiled like any other; what it asks about are the requests that this rule matches.
//! A rule grants those of them that it matches and that nothing refuses first. That an earlier ALLOW rule grants some of them,
//! too, takes none away: whoever wants to close a way must know all rules that open it.

use sallyport_core::{InvalidPolicy, wire};

use super::diff::{Comparison, setting};
use super::formula::Formula;
use super::lists::{Entry, Origin, Reading, View, universe};
use super::merge::Side;
use super::policy::Policy;
use super::space::{Exhausted, Space};
use crate::scenario::Scenario;

/// Which requests are asked about. Each field narrows them; what is not written is free.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Who calls.
    pub asker: Option<Asker>,
    /// A method, as in a rule.
    pub method: Option<String>,
    /// A path, a pattern or a template, as in a rule.
    pub path: Option<String>,
    /// A host, as in a rule.
    pub host: Option<String>,
    /// Headers, each with its value or a pattern for it.
    pub headers: Vec<(String, String)>,
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A caller without a certificate.
    Anonymous,
    /// The callers of this principal, or of one that matches this pattern.
    Principal(String),
}

/// What a policy grants of the requests that were asked about.
#[derive(Debug, Default)]
pub struct Answer {
    /// By rule, in the order in which rules decide.
    pub grants: Vec<Grant>,
    /// ALLOW rules that would grant some of these requests if they were not in shadow mode.
    pub in_shadow: Vec<String>,
    /// Whether the whole policy is in shadow mode: then every request passes, and this is what it would grant otherwise.
    pub is_shadow: bool,
    /// Requests that the engine decides in another way than the search expected: a fault of the search.
    pub undecided: Vec<Scenario>,
}

/// What one rule grants.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Its id.
    pub rule: String,
    /// The part of the rule that counts: of each list the patterns without which requests would be missing.
    pub part: wire::Rule,
    /// DENY rules that refuse some requests of this part.
    pub except: Vec<String>,
    /// Where earlier ALLOW rules grant all of this, too: the one that decides the witness.
    pub also: Option<String>,
    /// A shortest request that the engine allows by this rule, or by the one that grants it, too.
    pub witness: Scenario,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Unanswered {
    /// The question is not valid: the problems are those of a rule with its patterns.
    Question(InvalidPolicy),
    /// The policy is not valid.
    Policy(InvalidPolicy),
    /// The search took more states than it may.
    Exhausted,
}

impl From<Exhausted> for Unanswered {
    fn from(_: Exhausted) -> Self {
        Self::Exhausted
    }
}

impl Question {
    /// The rule that matches the requests in question; `None`: every request.
    fn rule(&self) -> Option<wire::Rule> {
        let one = |text: &Option<String>| text.as_ref().map(|text| vec![text.clone()]);
        let operation = wire::Operation {
            methods: one(&self.method),
            paths: one(&self.path),
            hosts: one(&self.host),
            ..wire::Operation::default()
        };
        let has_operation = self.method.is_some() || self.path.is_some() || self.host.is_some();
        let principals = match &self.asker {
            Some(Asker::Principal(principal)) => Some(vec![principal.clone()]),
            Some(Asker::Anonymous) | None => None,
        };
        let condition = |(name, value): &(String, String)| wire::Condition {
            key: format!("request.headers[{name}]"),
            values: Some(vec![value.clone()]),
            // The request has it, whatever else it has: another line, or a value that is a list.
            quantifier: Some(wire::Quantifier::Any),
            ..wire::Condition::default()
        };
        let from =
            |list| wire::FromEntry { source: wire::Source { principals: Some(list), ..wire::Source::default() } };
        let rule = wire::Rule {
            id: "question".to_owned(),
            action: wire::Action::Allow,
            stage: wire::Stage::Enforce,
            from: principals.map(|list| vec![from(list)]),
            to: has_operation.then(|| vec![wire::ToEntry { operation }]),
            when: (!self.headers.is_empty()).then(|| self.headers.iter().map(condition).collect()),
        };
        // The core takes no rule that matches everything.
        (rule.from.is_some() || rule.to.is_some() || rule.when.is_some()).then_some(rule)
    }
}

/// The policy with what it enforces and nothing else; one in shadow mode as a whole, as if it were not: its rules in shadow mode
/// stay so.
pub(super) fn in_force(source: &wire::Policy) -> wire::Policy {
    let mut policy = wire::Policy { stage: wire::Stage::Enforce, automata: Vec::new(), ..source.clone() };
    policy.rules.retain(|rule| rule.stage == wire::Stage::Enforce || rule.action == wire::Action::Audit);
    policy
}

/// The policy without shadow mode.
pub(super) fn all_enforced(source: &wire::Policy) -> wire::Policy {
    let mut policy = wire::Policy { stage: wire::Stage::Enforce, automata: Vec::new(), ..source.clone() };
    policy.rules.iter_mut().for_each(|rule| rule.stage = wire::Stage::Enforce);
    policy
}

/// What a policy grants of the requests in question. `host` is the one that callers use.
///
/// # Errors
///
/// The policy or the question is not valid, or the search took more than `budget` states.
pub fn query(source: &wire::Policy, host: &str, question: &Question, budget: u64) -> Result<Answer, Unanswered> {
    let mut answer = answer(&in_force(source), host, question, budget)?;
    answer.is_shadow = source.stage != wire::Stage::Enforce;
    let is_in_shadow = |rule: &wire::Rule| rule.stage == wire::Stage::Shadow && rule.action == wire::Action::Allow;
    if source.rules.iter().any(is_in_shadow) {
        let shadow: Vec<&str> = source.rules.iter().filter(|rule| is_in_shadow(rule)).map(|rule| &*rule.id).collect();
        let enforced = self::answer(&all_enforced(source), host, question, budget)?;
        let ids = enforced.grants.into_iter().map(|grant| grant.rule);
        answer.in_shadow = ids.filter(|id| shadow.contains(&&**id)).collect();
    }
    Ok(answer)
}

fn answer(source: &wire::Policy, host: &str, question: &Question, budget: u64) -> Result<Answer, Unanswered> {
    let policy = Policy::new(source.clone()).map_err(Unanswered::Policy)?;
    let asked = wire::Policy { rules: question.rule().into_iter().collect(), automata: Vec::new(), ..source.clone() };
    let asked = Policy::new(asked).map_err(Unanswered::Question)?;
    let mut space = Space::new(setting([&policy, &asked], host), budget);
    let readings = [&policy, &policy].map(|policy| Reading::new(&mut space, policy.outline()));
    let mut wanted = Reading::new(&mut space, asked.outline()).rules;
    let [reading, _] = &readings;
    if question.asker == Some(Asker::Anonymous) {
        wanted.push(reading.has_identity(&mut space).not());
    }
    let list = reading.list(&mut space, &View::InForce);
    wanted.extend(universe(&mut space));
    let comparison =
        Comparison { space, policies: [&policy, &policy], readings, always: Vec::new(), canonical: Default::default() };
    let mut asking = Asking { comparison, policy: &policy, wanted, list, answer: Answer::default() };
    asking.ask()?;
    Ok(asking.answer)
}

struct Asking<'p> {
    comparison: Comparison<'p>,
    policy: &'p Policy,
    /// What holds for every request in question.
    wanted: Vec<Formula>,
    list: Vec<Entry>,
    answer: Answer,
}

impl Asking<'_> {
    fn ask(&mut self) -> Result<(), Exhausted> {
        let list = std::mem::take(&mut self.list);
        let (mut refusing, mut earlier) = (Vec::new(), Vec::new());
        let mut denies = Vec::new();
        for entry in &list {
            match &entry.from {
                Origin::Rule(id) if entry.effect.is_allowed() => {
                    self.grant(entry, id, [&refusing, &earlier], &denies)?;
                    earlier.push(entry.formula.not());
                }
                Origin::Rule(id) => {
                    denies.push((&**id, &entry.formula));
                    refusing.push(entry.formula.not());
                }
                Origin::Ambiguity(..) => refusing.push(entry.formula.not()),
                Origin::Default => {}
            }
        }
        Ok(())
    }

    /// Adds what a rule grants, if it grants anything.
    fn grant(
        &mut self,
        entry: &Entry,
        id: &str,
        [refusing, earlier]: [&[Formula]; 2],
        denies: &[(&str, &Formula)],
    ) -> Result<(), Exhausted> {
        let matched: Vec<Formula> = self.wanted.iter().chain([&entry.formula]).cloned().collect();
        let granted: Vec<Formula> = matched.iter().chain(refusing).cloned().collect();
        let alone: Vec<&Formula> = granted.iter().chain(earlier).collect();
        let own = self.comparison.space.witness(&alone)?;
        let is_own = own.is_some();
        let found = match own {
            Some(point) => Some(point),
            None => self.comparison.space.witness(&granted.iter().collect::<Vec<_>>())?,
        };
        let (Some(point), Some(rule)) = (found, self.policy.rule(id)) else { return Ok(()) };
        let witness = self.comparison.space.scenario(&point);
        let decided = witness.decide(self.policy.engine()).effect;
        let is_as_expected = if is_own { decided == entry.effect } else { decided.is_allowed() };
        if !is_as_expected {
            self.answer.undecided.push(witness);
            return Ok(());
        }
        let part = self.comparison.part(Side::New, rule.clone(), &granted)?;
        // What a DENY rule takes of the patterns that are not in the part is not missed there.
        let matched: Vec<Formula> = matched.into_iter().chain(self.comparison.formula_of(Side::New, &part)).collect();
        let mut except = Vec::new();
        for (deny, formula) in denies {
            let formulas: Vec<&Formula> = matched.iter().chain([*formula]).collect();
            if self.comparison.space.is_possible(&formulas)? {
                except.push((*deny).to_owned());
            }
        }
        let also = if is_own { None } else { decided.rule().map(str::to_owned) };
        self.answer.grants.push(Grant { rule: id.to_owned(), part, except, also, witness });
        Ok(())
    }
}
