//! From compiled rules to their outlines.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::patterns::{expressions, hosts, metadata, paths, strings};
use super::{Listed, Outline, OutlinedRule, ReadName, Subject, Test, Values};
use crate::authz::{requires_certificate, requires_token};
use crate::matcher::value::ValueTest;
use crate::policy::compile::compile;
use crate::policy::key::{Key, Topic, WrittenKey};
use crate::policy::rule::{
    CompiledRule, Condition, OperationMatcher, OperationTest, SetTest, SourceMatcher, SourceTest,
};
use crate::problem::InvalidPolicy;
use crate::request::needs::Needs;
use crate::request::reading::Kind;
use crate::request::table::NameTable;
use crate::request::usage::Use;
use crate::side::Side;
use crate::wire::{self, Action, Ambiguity};

/// What a policy consists of.
///
/// # Errors
///
/// As [`Engine::compile`](crate::Engine::compile).
pub fn outline(source: &wire::Policy) -> Result<Outline, InvalidPolicy> {
    let compiled = compile(source, source.rules.iter().collect())?;
    let reading = &compiled.reading;
    let outliner = Outliner { headers: &reading.headers, parameters: &reading.parameters };
    Ok(Outline {
        enforced: !compiled.rollout.is_open,
        tolerated: Ambiguity::TOLERABLE.iter().copied().filter(|kind| reading.tolerance.allows(*kind)).collect(),
        forwarders: reading.forwarders.iter().map(|name| name.to_string()).collect(),
        knows_callers: compiled.needs.contains(Needs::MTLS),
        knows_tokens: compiled.needs.contains(Needs::METADATA),
        headers: names(&reading.headers),
        parameters: names(&reading.parameters),
        path_by_pattern: !reading.path_by_pattern.is_empty(),
        rules: source.rules.iter().zip(&compiled.rules).map(|(source, rule)| outliner.rule(source, rule)).collect(),
    })
}

fn names(table: &NameTable) -> Vec<ReadName> {
    let name = |(name, decides, by_pattern): (&[u8], bool, bool)| ReadName {
        name: String::from_utf8_lossy(name).into_owned(),
        decides,
        by_pattern,
    };
    table.names().map(name).collect()
}

/// The tables say which name a slot is of.
struct Outliner<'c> {
    headers: &'c NameTable,
    parameters: &'c NameTable,
}

impl Outliner<'_> {
    fn rule(&self, source: &wire::Rule, rule: &CompiledRule) -> OutlinedRule {
        let action = rule.action;
        let from = |alternatives: &Vec<Vec<SourceTest>>| {
            let one = |(at, tests): (usize, &Vec<SourceTest>)| {
                tests.iter().map(|test| source_test(&format!("from[{at}].source"), test, action)).collect()
            };
            alternatives.iter().enumerate().map(one).collect()
        };
        let to = |alternatives: &Vec<Vec<OperationTest>>| {
            let one = |(at, tests): (usize, &Vec<OperationTest>)| {
                tests.iter().map(|test| operation_test(&format!("to[{at}].operation"), test, action)).collect()
            };
            alternatives.iter().enumerate().map(one).collect()
        };
        let mut when: Vec<(usize, Vec<Test>)> = Vec::new();
        for (at, condition) in &rule.when {
            let written = source.when.iter().flatten().nth(*at).and_then(|source| WrittenKey::read(&source.key));
            let Some(written) = written else { continue };
            when.push((*at, self.condition(&format!("when[{at}]"), condition, written.key, action)));
        }
        when.sort_by_key(|(at, _)| *at);
        OutlinedRule {
            id: rule.id.to_string(),
            action,
            enforced: rule.sides.contains(Side::InForce),
            requires_certificate: requires_certificate(rule),
            requires_token: requires_token(rule),
            from: rule.from.as_ref().map(from),
            to: rule.to.as_ref().map(to),
            when: when.into_iter().flat_map(|(_, tests)| tests).collect(),
        }
    }

    fn condition(&self, place: &str, condition: &Condition, key: &'static Key, action: Action) -> Vec<Test> {
        let name = |table: &NameTable, slot: usize| {
            table.names().nth(slot).map(|(name, ..)| String::from_utf8_lossy(name).into_owned()).unwrap_or_default()
        };
        let whole = |subject: Subject| vec![Test { place: place.to_owned(), subject }];
        match condition {
            Condition::Header { slot, quantifier, test } => {
                let name = name(self.headers, *slot);
                let kind = Kind::of_header(name.as_bytes());
                whole(Subject::Header(name, kind, values(test, *quantifier, action)))
            }
            Condition::Query { slot, quantifier, test } => {
                whole(Subject::Parameter(name(self.parameters, *slot), values(test, *quantifier, action)))
            }
            Condition::Identity { field, test } => {
                both(place, test, action, action, |set, listed| Subject::Identity(*field, listed.with(strings(set))))
            }
            Condition::RequestPrincipal { test } => {
                both(place, test, action, action, |set, listed| Subject::RequestPrincipal(listed.with(set.patterns())))
            }
            Condition::Claim { path, words, test } => both(place, test, action, action, |set, listed| Subject::Claim {
                path: path.clone(),
                words: *words,
                listed: listed.with(strings(set)),
            }),
            Condition::Metadata { filter, key, test } => both(place, test, action, Action::Deny, |set, listed| {
                Subject::Metadata { filter: filter.clone(), field: key.clone(), listed: listed.with(metadata(set)) }
            }),
            Condition::Text { fold, test, .. } => {
                let folds = fold(&b'A') != b'A';
                both(place, test, action, Action::Deny, |set, listed| Subject::Connection {
                    key: key.name,
                    folds,
                    listed: listed.with(strings(set)),
                })
            }
            Condition::Address { test, .. } => both(place, test, action, action, |set, listed| {
                let listed = listed.with(set.blocks().to_vec());
                match key.topic {
                    Topic::Connection => Subject::GatewayAddress(listed),
                    _ => Subject::SourceAddress(listed),
                }
            }),
            Condition::Port { test, .. } => {
                both(place, test, action, action, |set, listed| Subject::GatewayPort(listed.with(set.ports().to_vec())))
            }
        }
    }
}

impl Listed<()> {
    fn new(action: Action, negated: bool, missing: Action) -> Self {
        let if_missing = negated && missing != Action::Allow;
        Self { patterns: (), negated, by: Use::of(action, negated), if_missing }
    }

    fn with<P>(self, patterns: P) -> Listed<P> {
        Listed { patterns, negated: self.negated, by: self.by, if_missing: self.if_missing }
    }
}

/// `values` and `notValues`, each a test of its own.
fn both<S>(
    place: &str,
    test: &SetTest<S>,
    action: Action,
    missing: Action,
    subject: impl Fn(&S, Listed<()>) -> Subject,
) -> Vec<Test> {
    let sets = [(&test.values, false), (&test.not_values, true)];
    let one = |(set, negated): (&Option<S>, bool)| {
        let set = set.as_ref()?;
        Some(Test { place: place.to_owned(), subject: subject(set, Listed::new(action, negated, missing)) })
    };
    sets.into_iter().filter_map(one).collect()
}

fn source_test(place: &str, test: &SourceTest, action: Action) -> Test {
    let listed = Listed::new(action, test.negated, action);
    let subject = match &test.matcher {
        SourceMatcher::Identity(field, set) => Subject::Identity(*field, listed.with(strings(set))),
        SourceMatcher::RequestPrincipals(set) => Subject::RequestPrincipal(listed.with(set.patterns())),
        SourceMatcher::IpBlocks(set) | SourceMatcher::RemoteIpBlocks(set) => {
            Subject::SourceAddress(listed.with(set.blocks().to_vec()))
        }
    };
    Test { place: format!("{place}.{}", test.field()), subject }
}

fn operation_test(place: &str, test: &OperationTest, action: Action) -> Test {
    let listed = Listed::new(action, test.negated, action);
    let subject = match &test.matcher {
        OperationMatcher::Hosts(set) => Subject::Host(listed.with(hosts(set))),
        OperationMatcher::Ports(set) => Subject::GatewayPort(listed.with(set.ports().to_vec())),
        OperationMatcher::Methods(set) => Subject::Method(listed.with(strings(set))),
        OperationMatcher::Paths(set) => Subject::Path(listed.with(paths(set))),
        OperationMatcher::PathRegex(set) => Subject::PathRegex(listed.with(expressions(set))),
        OperationMatcher::Grpc(set) => Subject::Grpc(listed.with(paths(set))),
    };
    Test { place: format!("{place}.{}", test.field()), subject }
}

fn values(test: &ValueTest, quantifier: Option<wire::Quantifier>, action: Action) -> Values {
    Values {
        action,
        quantifier,
        values: test.values.as_ref().map(strings),
        regex: test.regex.as_ref().map(expressions),
        not_values: test.not_values.as_ref().map(strings),
        not_regex: test.not_regex.as_ref().map(expressions),
    }
}
