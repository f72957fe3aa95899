//! Policies as lists of decisions: the first entry whose formula holds decides.

use std::borrow::Cow;

use sallyport_core::outline::{IdentityField, Listed, Outline, OutlinedRule, StringPattern, Test, Use};
use sallyport_core::request::name;
use sallyport_core::verdict::Reason;
use sallyport_core::wire::{Action, Ambiguity};

use super::dimension::{Dimension, has_header_twin};
use super::formula::Formula;
use super::lang::Lang;
use super::machine::{ClaimTest, Flag, Lazy, LinesTest, PathHas};
use super::space::Space;
use crate::scenario::Effect;

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Entry {
    pub(super) formula: Formula,
    pub(super) effect: Effect,
    pub(super) from: Origin,
}

/// What an entry comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    /// The rule of this id.
    Rule(String),
    /// The request is ambiguous; with the header, parameter or kind that makes it so.
    Ambiguity(Ambiguity, Option<String>),
    /// No rule matches.
    Default,
}

impl Origin {
    /// The id of the rule, if it is one.
    pub(super) fn rule(&self) -> Option<&String> {
        match self {
            Self::Rule(id) => Some(id),
            Self::Ambiguity(..) | Self::Default => None,
        }
    }
}

/// Which of the decisions of a policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum View {
    /// What happens.
    InForce,
    /// What would happen without shadow mode.
    IfEnforced,
    /// Which requests this AUDIT rule records.
    Audit(String),
}

/// A policy in a space.
#[derive(Debug)]
pub(super) struct Reading<'o> {
    pub(super) outline: &'o Outline,
    /// Forwarders that only one of the policies trusts, and whether this one does.
    pub(super) forwarders: Vec<(String, bool)>,
    /// By rule, when it matches.
    pub(super) rules: Vec<Formula>,
}

impl<'o> Reading<'o> {
    pub(super) fn new(space: &mut Space, outline: &'o Outline) -> Self {
        let trusted = |forwarder: &String| (forwarder.clone(), outline.forwarders.contains(forwarder));
        let forwarders = space.setting.forwarders.iter().map(trusted).collect();
        let mut reading = Self { outline, forwarders, rules: Vec::new() };
        reading.rules = outline.rules.iter().map(|rule| reading.rule(space, rule)).collect();
        reading
    }

    /// When a rule matches.
    pub(super) fn rule(&self, space: &mut Space, rule: &OutlinedRule) -> Formula {
        let mut parts = Vec::new();
        for alternatives in [&rule.from, &rule.to].into_iter().flatten() {
            parts.push(Formula::any(alternatives.iter().map(|tests| self.all(space, tests)).collect::<Vec<_>>()));
        }
        parts.push(self.all(space, &rule.when));
        Formula::all(parts)
    }

    /// When all of these hold.
    pub(super) fn all(&self, space: &mut Space, tests: &[Test]) -> Formula {
        Formula::all(tests.iter().map(|test| self.test(space, test)).collect::<Vec<_>>())
    }

    /// Whether the caller has an identity.
    pub(super) fn has_identity(&self, space: &mut Space) -> Formula {
        let any =
            Listed { patterns: vec![StringPattern::Present], negated: false, by: Use::Permissive, if_missing: false };
        self.identity(space, IdentityField::Principal, &any)
    }

    /// The decisions of a view, the first to count first; `None`: the view is the one in force.
    pub(super) fn list(&self, space: &mut Space, view: &View) -> Vec<Entry> {
        let is_in_force = *view == View::InForce;
        // A policy in shadow mode as a whole is one of which all rules count, and no refusal does.
        let is_in_view = |rule: &OutlinedRule| !is_in_force || !self.outline.enforced || rule.enforced;
        let mut entries = Vec::new();
        if let View::Audit(id) = view {
            entries.extend(
                self.ambiguities(space).into_iter().map(|entry| Entry { effect: Effect::Allowed(None), ..entry }),
            );
            for (rule, formula) in self.outline.rules.iter().zip(&self.rules) {
                if rule.action == Action::Audit && rule.id == *id {
                    let effect = Effect::of_rule(rule.action, &rule.id);
                    entries.push(Entry { formula: formula.clone(), effect, from: Origin::Rule(rule.id.clone()) });
                }
            }
            entries.push(Entry { formula: Formula::always(), effect: Effect::Allowed(None), from: Origin::Default });
            return entries;
        }
        entries.extend(self.ambiguities(space));
        for action in [Action::Deny, Action::Allow] {
            for (rule, formula) in self.outline.rules.iter().zip(&self.rules) {
                if rule.action == action && is_in_view(rule) {
                    let effect = Effect::of_rule(action, &rule.id);
                    entries.push(Entry { formula: formula.clone(), effect, from: Origin::Rule(rule.id.clone()) });
                }
            }
        }
        let default = |formula, reason| Entry { formula, effect: Effect::Refused(reason, None), from: Origin::Default };
        let allows: Vec<&OutlinedRule> =
            self.outline.rules.iter().filter(|rule| rule.action == Action::Allow && is_in_view(rule)).collect();
        if allows.iter().any(|rule| rule.requires_certificate || rule.requires_token) {
            // What a gateway does not ask for, no caller has shown.
            let no_token = if self.outline.knows_tokens { token(space).not() } else { Formula::always() };
            let no_identity =
                if self.outline.knows_callers { self.has_identity(space).not() } else { Formula::always() };
            let nothing = Formula::all([no_identity, no_token.clone()]);
            let only_tokens = allows.iter().all(|rule| rule.requires_token);
            let unknown = if only_tokens { no_token } else { nothing };
            entries.push(default(unknown, Reason::NoIdentity));
        }
        entries.push(default(Formula::always(), Reason::NotAllowed));
        if is_in_force && !self.outline.enforced {
            for entry in entries.iter_mut().filter(|entry| !entry.effect.is_allowed()) {
                entry.effect = Effect::Allowed(None);
            }
        }
        entries
    }

    /// When a request is refused as ambiguous.
    fn ambiguities(&self, space: &mut Space) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut push = |formula, kind, what: Option<&str>| {
            let effect = Effect::Refused(Reason::Ambiguous(kind), None);
            entries.push(Entry { formula, effect, from: Origin::Ambiguity(kind, what.map(str::to_owned)) });
        };
        for kind in space.setting.tolerated.clone() {
            let is_of_path = !matches!(kind, Ambiguity::UnderscoreHeader | Ambiguity::AmbiguousQuery);
            if is_of_path && !self.outline.tolerated.contains(&kind) {
                let test = |_: &_| (Lazy::new(PathHas(kind)), None);
                push(Formula::Is(space.atom(&Dimension::Path, format!("{kind:?}"), test), true), kind, None);
            }
        }
        let kind = Ambiguity::UnderscoreHeader;
        for read in self.outline.headers.iter().filter(|read| read.decides) {
            if self.outline.tolerated.contains(&kind) {
                continue;
            }
            let twins = twins(&space.setting.headers, &read.name, name::fold);
            for twin in &twins {
                push(has_line(space, Dimension::Header(twin.clone())), kind, Some(&read.name));
            }
            if twins.is_empty() && has_header_twin(&read.name) {
                push(flag(space, &Dimension::HeaderTwin(read.name.clone())), kind, Some(&read.name));
            }
        }
        let kind = Ambiguity::AmbiguousQuery;
        let mut decides = self.outline.parameters.iter().filter(|read| read.decides).peekable();
        if !self.outline.tolerated.contains(&kind) {
            if decides.peek().is_some() {
                push(flag(space, &Dimension::OddQuery), kind, None);
            }
            for read in decides {
                for twin in twins(&space.setting.parameters, &read.name, name::fold_parameter) {
                    push(has_line(space, Dimension::Parameter(twin)), kind, Some(&read.name));
                }
                push(flag(space, &Dimension::ParameterTwin(read.name.clone())), kind, Some(&read.name));
            }
        }
        entries
    }
}

/// Other names that rules read and servers may take for this one.
fn twins(read: &[String], name: &str, fold: impl Fn(&[u8]) -> Cow<'_, [u8]>) -> Vec<String> {
    let is_twin = |other: &&String| *other != name && fold(other.as_bytes()) == fold(name.as_bytes());
    read.iter().filter(is_twin).cloned().collect()
}

/// Whether there is a line.
fn has_line(space: &mut Space, dimension: Dimension) -> Formula {
    let any = Lang::of_strings(&[StringPattern::Prefix(Box::default())]);
    Formula::Is(space.atom(&dimension, "line".to_owned(), |_| (Lazy::new(LinesTest::every(any)), None)), true)
}

/// What holds for every request: a claim is one of a token, and a text has no claims within it.
pub(super) fn universe(space: &mut Space) -> Vec<Formula> {
    let claims: Vec<Vec<String>> = space.claims();
    let mut formulas = Vec::new();
    for claim in &claims {
        let there = present(space, claim);
        formulas.push(Formula::any([there.not(), token(space)]));
        for inner in claims.iter().filter(|inner| inner.len() > claim.len() && inner.starts_with(claim)) {
            formulas.push(Formula::any([there.not(), present(space, inner).not()]));
        }
    }
    formulas
}

fn present(space: &mut Space, claim: &[String]) -> Formula {
    let test = |_: &_| (Lazy::new(ClaimTest::present()), None);
    Formula::Is(space.atom(&Dimension::Claim(claim.to_vec()), "present".to_owned(), test), true)
}

fn token(space: &mut Space) -> Formula {
    flag(space, &Dimension::Token)
}

fn flag(space: &mut Space, dimension: &Dimension) -> Formula {
    Formula::Is(space.atom(dimension, String::new(), |_| (Lazy::new(Flag), None)), true)
}
