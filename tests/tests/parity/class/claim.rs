//! Tokens and claims that are not there, or are no text.

use sallyport_core::wire;
use serde_json::Value;

use super::super::istio::claim_strings;
use super::{Pair, is_allow};

/// Rules for examples.
pub(super) const NOT_GUEST: &str = r#"{"when":[{"key":"request.auth.claims[role]","notValues":["guest"]}]}"#;

fn text<'c>(claims: &'c Value, name: &str) -> Option<&'c str> {
    claims[name].as_str().filter(|text| !text.is_empty())
}

/// Whether the token names an issuer and a subject.
fn has_principal(claims: &Value) -> bool {
    text(claims, "iss").is_some() && text(claims, "sub").is_some()
}

/// Whether the rule has `notValues` on the request's principal.
fn must_not_be_another(rule: &wire::Rule) -> bool {
    let mut sources = rule.from.iter().flatten().map(|from| &from.source);
    let mut conditions = rule.when.iter().flatten().filter(|condition| condition.key == "request.auth.principal");
    sources.any(|source| source.not_request_principals.is_some())
        || conditions.any(|condition| condition.not_values.is_some())
}

pub(super) fn is_missing_under_not(pair: &Pair<'_>) -> bool {
    pair.rules.iter().filter(|rule| is_allow(rule)).any(|rule| {
        let mut conditions = rule.when.iter().flatten();
        let claim = conditions.any(|condition| {
            let is_claim = condition.key.starts_with("request.auth.") && condition.key != "request.auth.principal";
            is_claim && condition.not_values.is_some() && claim_strings(pair.claims, &condition.key).is_empty()
        });
        claim || (must_not_be_another(rule) && !has_principal(pair.claims))
    })
}
