//! Istio's side, for the predicates of classes: how Istio and Envoy read attributes.

use sallyport_tests::client::Request;
use serde_json::Value;

/// Exact, `prefix*`, `*suffix`, and `*` for anything that is not empty.
pub(crate) fn string_matches(pattern: &str, value: &str) -> bool {
    match pattern {
        "*" => !value.is_empty(),
        _ => affix_matches(pattern, value),
    }
}

/// As [`string_matches`], but `*` is presence: an empty value has it, too.
pub(crate) fn header_matches(pattern: &str, value: &str) -> bool {
    pattern == "*" || affix_matches(pattern, value)
}

/// A host pattern against the authority as it came.
pub(crate) fn host_matches(pattern: &str, authority: &str) -> bool {
    header_matches(&pattern.to_ascii_lowercase(), &authority.to_ascii_lowercase())
}

fn affix_matches(pattern: &str, value: &str) -> bool {
    if let Some(suffix) = pattern.strip_prefix('*') {
        value.ends_with(suffix)
    } else if let Some(prefix) = pattern.strip_suffix('*') {
        value.starts_with(prefix)
    } else {
        pattern == value
    }
}

/// The lines of a header, in order, as text.
pub(crate) fn header_lines(request: &Request, name: &str) -> Vec<String> {
    let named = request.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes()));
    named.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
}

/// The texts that Istio compares for a key `request.auth.*`, in the payload that jwt_authn makes of the claims.
pub(crate) fn claim_strings(claims: &Value, key: &str) -> Vec<String> {
    let path: Vec<&str> = match key {
        "request.auth.audiences" => vec!["aud"],
        "request.auth.presenter" => vec!["azp"],
        "request.auth.principal" => vec!["sub"],
        key => match key.strip_prefix("request.auth.claims[").and_then(|rest| rest.strip_suffix(']')) {
            Some(inner) => inner.split("][").collect(),
            None => return Vec::new(),
        },
    };
    let value = path.iter().fold(claims, |value, name| &value[*name]);
    match value {
        Value::String(text) if matches!(path[..], ["scope" | "permission"]) => {
            text.split_whitespace().map(str::to_owned).collect()
        }
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}
