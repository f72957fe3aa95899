//! From `retries` of a VirtualService to Envoy's retry policy.

use serde_json::{Value, json};

use super::view::View;

/// What Istio repeats if nothing else is said.
const DEFAULT_CONDITIONS: &str = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";
const DEFAULT_ATTEMPTS: u64 = 2;

/// `None` if nothing is repeated.
pub(super) fn policy(retries: Option<View<'_>>) -> Option<Value> {
    let attempts = match retries {
        None => DEFAULT_ATTEMPTS,
        Some(retries) => retries.number("attempts").filter(|attempts| *attempts > 0)?,
    };
    let (conditions, statuses) = conditions(retries.and_then(|retries| retries.filled("retryOn")));
    let mut policy = json!({
        "retry_on": conditions,
        "num_retries": attempts,
        "host_selection_retry_max_attempts": "5",
        "retry_host_predicate": [crate::message::extension(
            "envoy.retry_host_predicates.previous_hosts",
            "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
            json!({}),
        )],
    });
    let Value::Object(fields) = &mut policy else { return Some(policy) };
    if !statuses.is_empty() {
        fields.insert("retriable_status_codes".to_owned(), statuses.into());
    }
    let Some(retries) = retries else { return Some(policy) };
    if let Some(timeout) = retries.duration("perTryTimeout") {
        fields.insert("per_try_timeout".to_owned(), timeout.into());
    }
    if let Some(interval) = retries.duration("backoff") {
        fields.insert("retry_back_off".to_owned(), json!({"base_interval": interval}));
    }
    if retries.field("retryIgnorePreviousHosts").is_some() && !retries.flag("retryIgnorePreviousHosts") {
        fields.remove("retry_host_predicate");
    }
    Some(policy)
}

/// Numbers among the conditions are statuses.
fn conditions(written: Option<&str>) -> (String, Vec<u32>) {
    let Some(written) = written else { return (DEFAULT_CONDITIONS.to_owned(), Vec::new()) };
    let parts = || written.split(',').map(str::trim).filter(|part| !part.is_empty());
    let statuses: Vec<u32> = parts().filter_map(|part| part.parse().ok()).collect();
    let mut words: Vec<&str> = parts().filter(|part| part.parse::<u32>().is_err()).collect();
    if !statuses.is_empty() && !words.contains(&"retriable-status-codes") {
        words.push("retriable-status-codes");
    }
    (words.join(","), statuses)
}
