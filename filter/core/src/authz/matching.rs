//! Whether one rule matches one request.

use alloc::vec::Vec;

use super::observer::{Observer, Part, Silent};
use crate::matcher::string::StringSet;
use crate::matcher::value::ValueTest;
use crate::policy::rule::{
    CompiledRule, Condition, OperationMatcher, OperationTest, SetTest, SourceMatcher, SourceTest,
};
use crate::request::canonical::CanonicalRequest;
use crate::request::table::Values;
use crate::request::usage::Use;
use crate::wire::{Action, Quantifier};

/// Whether a rule matches: a source AND an operation AND every condition.
///
/// Cheap tests come first, so that a caller without permission cannot make the gate run regular expressions over long
/// values: sources, then operations, then conditions without expressions, then those with some.
pub(super) fn rule_matches<O: Observer>(rule: &CompiledRule, request: &CanonicalRequest<'_>, observer: &mut O) -> bool {
    let action = rule.action;
    // An observer that records needs all failures, so then nothing is cut short.
    let from = alternatives(rule.from.as_deref(), observer, |test| source_holds(test, request, action), source_part);
    if !from && !O::RECORDS {
        return false;
    }
    let to = alternatives(rule.to.as_deref(), observer, |test| operation_holds(test, request, action), operation_part);
    if !to && !O::RECORDS {
        return false;
    }
    let mut when = true;
    for (index, condition) in &rule.when {
        if !condition_holds(condition, request, action) {
            observer.failed(Part::Condition(*index));
            when = false;
            if !O::RECORDS {
                return false;
            }
        }
    }
    to && from && when
}

/// Whether a rule matches.
pub(crate) fn matches(rule: &CompiledRule, request: &CanonicalRequest<'_>) -> bool {
    rule_matches(rule, request, &mut Silent)
}

/// Whether every test of one of the alternatives holds; an absent list holds.
fn alternatives<T, O: Observer>(
    list: Option<&[Vec<T>]>,
    observer: &mut O,
    holds: impl Fn(&T) -> bool,
    part: impl Fn(usize, &T) -> Part,
) -> bool {
    let Some(list) = list else { return true };
    let mark = observer.mark();
    for (alternative, tests) in list.iter().enumerate() {
        let mut held = true;
        for test in tests {
            if !holds(test) {
                held = false;
                observer.failed(part(alternative, test));
                if !O::RECORDS {
                    break;
                }
            }
        }
        if held {
            // What failed in other alternatives is no reason any more.
            observer.rewind(mark);
            return true;
        }
    }
    false
}

/// A field and its `not` twin, on an attribute that may be missing. In an ALLOW rule a missing one never helps the caller.
fn field_holds(matched: Option<bool>, negated: bool, action: Action) -> bool {
    match matched {
        Some(matched) => matched != negated,
        None => negated && action != Action::Allow,
    }
}

fn source_holds(test: &SourceTest, request: &CanonicalRequest<'_>, action: Action) -> bool {
    let matched = match &test.matcher {
        SourceMatcher::Identity(field, set) => {
            request.caller.matches(*field, Use::of(action, test.negated), |name| set.matches(name))
        }
        SourceMatcher::RequestPrincipals(set) => request.request_principal().map(|principal| set.matches(principal)),
        SourceMatcher::IpBlocks(set) | SourceMatcher::RemoteIpBlocks(set) => {
            request.source.map(|address| set.matches(address))
        }
    };
    field_holds(matched, test.negated, action)
}

fn operation_holds(test: &OperationTest, request: &CanonicalRequest<'_>, action: Action) -> bool {
    let by = Use::of(action, test.negated);
    let matched = match &test.matcher {
        OperationMatcher::Hosts(set) => Some(request.host.matches(by, |name, port| set.matches(name, port))),
        OperationMatcher::Ports(set) => request.destination.map(|(_, port)| set.matches(port)),
        OperationMatcher::Methods(set) => Some(in_any_case(by, request.method, u8::to_ascii_uppercase, set)),
        OperationMatcher::Paths(set) => Some(request.path.matches(by, |path| set.matches(path))),
        OperationMatcher::PathRegex(set) => Some(request.path.matches_pattern(by, |path| set.matches(path, by))),
        // A server may accept calls of any content type, so only a permissive use requires the one of gRPC.
        OperationMatcher::Grpc(set) => {
            let is_call = by == Use::Restrictive || request.is_grpc_call();
            Some(is_call && request.path.matches(by, |path| set.matches(path)))
        }
    };
    field_holds(matched, test.negated, action)
}

/// Matches a text as it was sent, and in the one case in which a server may compare it.
fn in_any_case(by: Use, text: &[u8], change: impl Fn(&u8) -> u8, set: &StringSet) -> bool {
    // Nearly every method is in upper case and every server name in lower case: no copy is needed then.
    if text.iter().all(|byte| change(byte) == *byte) {
        return set.matches(text);
    }
    let changed: Vec<u8> = text.iter().map(change).collect();
    by.matches([text, &changed].into_iter(), |text| set.matches(text))
}

fn condition_holds(condition: &Condition, request: &CanonicalRequest<'_>, action: Action) -> bool {
    match condition {
        Condition::Header { slot, quantifier, test } => slot_holds(&request.headers, *slot, *quantifier, test, action),
        Condition::Query { slot, quantifier, test } => {
            slot_holds(&request.parameters, *slot, *quantifier, test, action)
        }
        Condition::Identity { field, test } => {
            both(test, action, action, |set, by| request.caller.matches(*field, by, |name| set.matches(name)))
        }
        Condition::RequestPrincipal { test } => {
            both(test, action, action, |set, _| request.request_principal().map(|principal| set.matches(principal)))
        }
        Condition::Claim { path, words, test } => {
            let claim = request.metadata.claim(path);
            both(test, action, action, |set, by| {
                let claim = claim.as_ref()?;
                Some(if *words {
                    claim.any_word(by, |word| set.matches(word))
                } else {
                    claim.any(|text| set.matches(text))
                })
            })
        }
        // Other filters' metadata and texts of the connection may legitimately be missing: that is no reason to refuse.
        Condition::Metadata { filter, key, test } => {
            let field = request.metadata.field(filter, key);
            both(test, action, Action::Deny, |set, _| field.as_ref().map(|field| set.matches(field)))
        }
        Condition::Text { of, fold, test } => {
            both(test, action, Action::Deny, |set, by| of(request).map(|text| in_any_case(by, text, fold, set)))
        }
        Condition::Address { of, test } => {
            both(test, action, action, |set, _| of(request).map(|address| set.matches(address)))
        }
        Condition::Port { of, test } => both(test, action, action, |set, _| of(request).map(|port| set.matches(port))),
    }
}

fn slot_holds(
    values: &Values<'_>,
    slot: usize,
    quantifier: Option<Quantifier>,
    test: &ValueTest,
    action: Action,
) -> bool {
    match values.slot(slot) {
        Some(slot) => test.holds(action, quantifier, slot),
        None => !test.is_positive(),
    }
}

/// `values` and `notValues`, each of which must hold if it is written. A missing attribute counts as in a rule of the action
/// `missing`.
fn both<S>(test: &SetTest<S>, action: Action, missing: Action, matched: impl Fn(&S, Use) -> Option<bool>) -> bool {
    let holds = |set: &Option<S>, negated: bool| {
        set.as_ref().is_none_or(|set| field_holds(matched(set, Use::of(action, negated)), negated, missing))
    };
    holds(&test.values, false) && holds(&test.not_values, true)
}

/// Whether a rule is about the caller's certificate.
pub(crate) fn requires_certificate(rule: &CompiledRule) -> bool {
    let in_source = |test: &SourceTest| matches!(test.matcher, SourceMatcher::Identity(..));
    rule.from.iter().flatten().flatten().any(in_source)
        || rule.when.iter().any(|(_, condition)| matches!(condition, Condition::Identity { .. }))
}

/// Whether a rule is about the caller's token.
pub(crate) fn requires_token(rule: &CompiledRule) -> bool {
    let in_source = |test: &SourceTest| matches!(test.matcher, SourceMatcher::RequestPrincipals(_));
    rule.from.iter().flatten().flatten().any(in_source)
        || rule
            .when
            .iter()
            .any(|(_, condition)| matches!(condition, Condition::RequestPrincipal { .. } | Condition::Claim { .. }))
}

fn source_part(alternative: usize, test: &SourceTest) -> Part {
    Part::Source { alternative, field: test.field() }
}

fn operation_part(alternative: usize, test: &OperationTest) -> Part {
    Part::Operation { alternative, field: test.field() }
}
