//! Requests that are likely to be what a rule is about.

use sallyport_core::policy::key::{Topic, WrittenKey, topic_of};
use sallyport_core::wire;

use super::request::{CONTENT_TYPE, Example, Forecast};
use super::sample::paths_of_regex;

/// Requests that a rule may match: the first method with each path, then the other methods, with whatever its conditions ask
/// for.
pub(super) fn propose(rule: &wire::Rule) -> Vec<Example> {
    let needs_token = rule.from.iter().flatten().any(|from| from.source.request_principals.is_some())
        || rule.when.iter().flatten().any(|condition| topic_of(&condition.key) == Some(Topic::Token));
    let mut proposals: Vec<Example> = match &rule.to {
        None => vec![plain("GET", "/".to_owned())],
        Some(to) => to.iter().flat_map(|to| from_operation(&to.operation)).collect(),
    };
    for proposal in &mut proposals {
        proposal.needs_token = needs_token;
        rule.when.iter().flatten().for_each(|condition| satisfy(proposal, condition));
    }
    proposals
}

fn from_operation(operation: &wire::Operation) -> Vec<Example> {
    let calls = operation.grpc.iter().flatten().map(|pattern| Example {
        // A server of gRPC refuses a call without the second.
        headers: [CONTENT_TYPE, ("te", "trailers")].map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..plain("POST", call_of(pattern))
    });
    let mut paths: Vec<String> = operation.paths.iter().flatten().flat_map(|pattern| paths_of(pattern)).collect();
    paths.extend(operation.path_regex.iter().flatten().flat_map(|pattern| paths_of_regex(pattern)));
    if operation.paths.is_none() && operation.path_regex.is_none() && operation.grpc.is_none() {
        paths = paths_of("*");
    }
    let methods = methods_of(operation);
    let requests = methods.iter().flat_map(|method| paths.iter().map(|path| plain(method, path.clone())));
    calls.chain(requests).collect()
}

pub(super) fn plain(method: &str, path: String) -> Example {
    let (host, method) = (String::new(), method.to_owned());
    Example { host, method, path, headers: Vec::new(), needs_token: false, forecast: Forecast::DependsOnToken }
}

/// Methods that clients use, for patterns and exceptions.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// The methods that are named, else those that match a pattern; GET if there is neither, and others if there are exceptions.
fn methods_of(operation: &wire::Operation) -> Vec<&str> {
    let Some(patterns) = &operation.methods else {
        return METHODS.into_iter().take(if operation.not_methods.is_some() { METHODS.len() } else { 1 }).collect();
    };
    let exact = patterns.iter().map(String::as_str).filter(|pattern| !pattern.contains('*'));
    let is_matched = |method: &str| {
        patterns.iter().any(|pattern| match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
            (Some(suffix), _) => method.ends_with(suffix),
            (None, Some(prefix)) => method.starts_with(prefix),
            (None, None) => false,
        })
    };
    exact.chain(METHODS.into_iter().filter(|method| is_matched(method))).collect()
}

/// The path of a call that a gRPC pattern matches.
fn call_of(pattern: &str) -> String {
    match (pattern, pattern.strip_suffix("/*")) {
        ("*", _) => "/package.Service/Method".to_owned(),
        (_, Some(service)) => format!("/{service}/Method"),
        (_, None) => format!("/{pattern}"),
    }
}

/// Adds the header or the query parameter that a condition asks for.
fn satisfy(proposal: &mut Example, condition: &wire::Condition) {
    let Some(mut value) = condition.values.iter().flatten().next().map(|value| value.replace('*', "")) else { return };
    // `*`: any value, but curl does not send a header without one.
    if value.is_empty() {
        value.push('1');
    }
    let Some(WrittenKey { key, names }) = WrittenKey::read(&condition.key) else { return };
    match (key.topic, names.as_slice()) {
        (Topic::Header, [name]) => proposal.headers.push((name.to_ascii_lowercase(), value)),
        (Topic::QueryParameter, [name]) => {
            let separator = if proposal.path.contains('?') { '&' } else { '?' };
            proposal.path.push_str(&format!("{separator}{name}={value}"));
        }
        _ => {}
    }
}

/// Paths that a pattern of Istio's matches. The shortest can be an exception (`notPaths`), so a prefix has another.
pub(super) fn paths_of(pattern: &str) -> Vec<String> {
    if pattern.contains('{') {
        return vec![pattern.replace("{**}", "1/2").replace("{*}", "1")];
    }
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(""), _) => vec!["/".to_owned(), "/1".to_owned()],
        (Some(suffix), _) if suffix.starts_with('/') => vec![suffix.to_owned(), format!("/1{suffix}")],
        (Some(suffix), _) => vec![format!("/{suffix}"), format!("/1{suffix}")],
        (None, Some(prefix)) => vec![prefix.to_owned(), format!("{prefix}1")],
        (None, None) => vec![pattern.to_owned()],
    }
}
