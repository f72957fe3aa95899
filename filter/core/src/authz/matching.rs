//! Whether one rule matches one request.

use std::net::IpAddr;

use super::observer::{Observer, Part};
use crate::matcher::value::ValueTest;
use crate::policy::rule::{
    Action, CompiledRule, Condition, IdentityField, OperationMatcher, OperationTest, SourceMatcher, SourceTest,
};
use crate::request::canonical::CanonicalRequest;
use crate::request::principal::Principal;
use crate::request::token::Texts;

/// Whether a rule matches: a source AND an operation AND every condition.
pub(super) fn rule_matches<O: Observer>(rule: &CompiledRule, request: &CanonicalRequest<'_>, observer: &mut O) -> bool {
    let strict = rule.action == Action::Allow;
    let to = alternatives(rule.to.as_deref(), observer, |test| operation_holds(test, request, strict), operation_part);
    if !to && !O::RECORDS {
        return false;
    }
    let from = alternatives(rule.from.as_deref(), observer, |test| source_holds(test, request, strict), source_part);
    if !from && !O::RECORDS {
        return false;
    }
    let mut when = true;
    for (index, condition) in rule.when.iter().enumerate() {
        if !condition_holds(condition, request, strict) {
            observer.failed(Part::Condition(index));
            when = false;
            if !O::RECORDS {
                return false;
            }
        }
    }
    to && from && when
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
            observer.rewind(mark);
            return true;
        }
    }
    false
}

/// A field and its `not` twin, on an attribute that may be missing.
fn field_holds(matched: Option<bool>, negated: bool, strict: bool) -> bool {
    match matched {
        Some(matched) => matched != negated,
        None => negated && !strict,
    }
}

fn source_holds(test: &SourceTest, request: &CanonicalRequest<'_>, strict: bool) -> bool {
    let matched = match &test.matcher {
        SourceMatcher::Identity(field, set) => {
            identity(request, *field).map(|identity| set.matches(identity.as_bytes()))
        }
        SourceMatcher::RequestPrincipals(set) => {
            request.request_principal().map(|principal| set.matches(principal.as_bytes()))
        }
        SourceMatcher::IpBlocks(set) | SourceMatcher::RemoteIpBlocks(set) => {
            request.source.map(|address| set.matches(address))
        }
    };
    field_holds(matched, test.negated, strict)
}

fn identity<'r>(request: &'r CanonicalRequest<'_>, field: IdentityField) -> Option<&'r str> {
    let principal: &Principal<'_> = request.principal.as_ref()?;
    match field {
        IdentityField::Principal => Some(principal.as_str()),
        IdentityField::Namespace => principal.namespace(),
        IdentityField::ServiceAccount => principal.service_account(),
        IdentityField::TrustDomain => Some(principal.trust_domain()),
    }
}

fn operation_holds(test: &OperationTest, request: &CanonicalRequest<'_>, strict: bool) -> bool {
    let matched = match &test.matcher {
        OperationMatcher::Hosts(set) => Some(set.matches(&request.host.name, request.host.port)),
        OperationMatcher::Ports(set) => request.destination.map(|(_, port)| set.matches(port)),
        OperationMatcher::Methods(set) => Some(set.matches(&request.method)),
        OperationMatcher::Paths(set) => Some(set.matches(&request.path)),
        OperationMatcher::PathRegex(set) => Some(set.matches(&request.path)),
        OperationMatcher::Grpc(set) => Some(request.is_grpc && set.matches(&request.path)),
    };
    field_holds(matched, test.negated, strict)
}

fn condition_holds(condition: &Condition, request: &CanonicalRequest<'_>, strict: bool) -> bool {
    match condition {
        Condition::Header { name, quantifier, test } => test.holds(*quantifier, request.header(name), true),
        Condition::Query { name, quantifier, test } => {
            test.holds(*quantifier, crate::request::query::values(request.query, name), false)
        }
        Condition::Identity { field, test } => one_value(identity(request, *field), test, strict),
        Condition::RequestPrincipal { test } => one_value(request.request_principal(), test, strict),
        Condition::Claim { path, test } => texts(request.metadata().claim(path), true, test, strict),
        Condition::Metadata { filter, key, test } => texts(request.metadata().field(filter, key), false, test, false),
        Condition::SourceAddress { values, not_values } => {
            both(request.source, values.as_ref(), not_values.as_ref(), strict, |set, ip: &IpAddr| set.matches(*ip))
        }
        Condition::DestinationAddress { values, not_values } => {
            let address = request.destination.map(|(address, _)| address);
            both(address, values.as_ref(), not_values.as_ref(), strict, |set, ip| set.matches(*ip))
        }
        Condition::DestinationPort { values, not_values } => {
            let port = request.destination.map(|(_, port)| port);
            both(port, values.as_ref(), not_values.as_ref(), strict, |set, port| set.matches(*port))
        }
        Condition::Sni { test } => match request.sni {
            Some(name) => test.satisfied_by(name),
            None => !test.is_positive(),
        },
    }
}

fn one_value(value: Option<&str>, test: &ValueTest, strict: bool) -> bool {
    match value {
        Some(value) => test.satisfied_by(value.as_bytes()),
        None => !test.is_positive() && !strict,
    }
}

fn texts(value: Option<Texts<'_>>, splits: bool, test: &ValueTest, strict: bool) -> bool {
    match value {
        Some(texts) => {
            (!test.is_positive() || texts.any(splits, |text| test.matches(text)))
                && !texts.any(splits, |text| test.forbids(text))
        }
        None => !test.is_positive() && !strict,
    }
}

fn both<V, S>(
    value: Option<V>,
    values: Option<&S>,
    not_values: Option<&S>,
    strict: bool,
    matches: impl Fn(&S, &V) -> bool,
) -> bool {
    match value {
        Some(value) => {
            values.is_none_or(|set| matches(set, &value)) && !not_values.is_some_and(|set| matches(set, &value))
        }
        None => values.is_none() && !strict,
    }
}

/// Whether a rule looks at the caller's certificate.
pub(super) fn asks_for_certificate(rule: &CompiledRule) -> bool {
    let in_source = |test: &SourceTest| matches!(test.matcher, SourceMatcher::Identity(..));
    rule.from.iter().flatten().flatten().any(in_source)
        || rule.when.iter().any(|condition| matches!(condition, Condition::Identity { .. }))
}

/// Whether a rule looks at the caller's token.
pub(super) fn asks_for_token(rule: &CompiledRule) -> bool {
    let in_source = |test: &SourceTest| matches!(test.matcher, SourceMatcher::RequestPrincipals(_));
    rule.from.iter().flatten().flatten().any(in_source)
        || rule
            .when
            .iter()
            .any(|condition| matches!(condition, Condition::RequestPrincipal { .. } | Condition::Claim { .. }))
}

fn source_part(alternative: usize, test: &SourceTest) -> Part {
    let field = match (&test.matcher, test.negated) {
        (SourceMatcher::Identity(IdentityField::Principal, _), false) => "principals",
        (SourceMatcher::Identity(IdentityField::Principal, _), true) => "notPrincipals",
        (SourceMatcher::Identity(IdentityField::Namespace, _), false) => "namespaces",
        (SourceMatcher::Identity(IdentityField::Namespace, _), true) => "notNamespaces",
        (SourceMatcher::Identity(IdentityField::ServiceAccount, _), false) => "serviceAccounts",
        (SourceMatcher::Identity(IdentityField::ServiceAccount, _), true) => "notServiceAccounts",
        (SourceMatcher::Identity(IdentityField::TrustDomain, _), false) => "trustDomains",
        (SourceMatcher::Identity(IdentityField::TrustDomain, _), true) => "notTrustDomains",
        (SourceMatcher::RequestPrincipals(_), false) => "requestPrincipals",
        (SourceMatcher::RequestPrincipals(_), true) => "notRequestPrincipals",
        (SourceMatcher::IpBlocks(_), false) => "ipBlocks",
        (SourceMatcher::IpBlocks(_), true) => "notIpBlocks",
        (SourceMatcher::RemoteIpBlocks(_), false) => "remoteIpBlocks",
        (SourceMatcher::RemoteIpBlocks(_), true) => "notRemoteIpBlocks",
    };
    Part::Source { alternative, field }
}

fn operation_part(alternative: usize, test: &OperationTest) -> Part {
    let field = match (&test.matcher, test.negated) {
        (OperationMatcher::Hosts(_), false) => "hosts",
        (OperationMatcher::Hosts(_), true) => "notHosts",
        (OperationMatcher::Ports(_), false) => "ports",
        (OperationMatcher::Ports(_), true) => "notPorts",
        (OperationMatcher::Methods(_), false) => "methods",
        (OperationMatcher::Methods(_), true) => "notMethods",
        (OperationMatcher::Paths(_), false) => "paths",
        (OperationMatcher::Paths(_), true) => "notPaths",
        (OperationMatcher::PathRegex(_), false) => "pathRegex",
        (OperationMatcher::PathRegex(_), true) => "notPathRegex",
        (OperationMatcher::Grpc(_), false) => "grpc",
        (OperationMatcher::Grpc(_), true) => "notGrpc",
    };
    Part::Operation { alternative, field }
}
