//! Requests that a rule is likely to match, from the text of its patterns: most rules need no search to see that they decide.

use sallyport_core::policy::key::WrittenKey;
use sallyport_core::wire;

use crate::scenario::{Caller, Request, Scenario};

/// How many paths of an operation are tried.
const PATHS: usize = 4;
/// How many requests are tried.
const MOST: usize = 16;

/// Requests that the rule may match; the engine says whether it does.
pub(super) fn requests(rule: &wire::Rule, host: &str, trust_domain: &str) -> Vec<Scenario> {
    let callers: Vec<String> = match &rule.from {
        None => vec![format!("{trust_domain}/ns/default/sa/default")],
        Some(entries) => entries.iter().filter_map(|entry| principal(&entry.source, trust_domain)).collect(),
    };
    let mut requests = vec![Request::new("GET", host, "/")];
    if let Some(entries) = &rule.to {
        requests = entries.iter().flat_map(|entry| operations(&entry.operation, host)).collect();
    }
    let mut headers = Vec::new();
    for condition in rule.when.iter().flatten() {
        let name = WrittenKey::read(&condition.key).and_then(|written| written.header());
        if let (Some(name), Some(value)) = (name, first(&condition.values)) {
            headers.push((name.to_ascii_lowercase(), filled(value).into_bytes()));
        }
    }
    requests.iter_mut().for_each(|request| request.headers.extend(headers.iter().cloned()));
    let by = |principal: &String| {
        let caller = Caller::of_principal(principal);
        requests.iter().map(move |request| Scenario { caller: caller.clone(), request: request.clone() })
    };
    callers.iter().flat_map(by).take(MOST).collect()
}

fn first(list: &Option<Vec<String>>) -> Option<&str> {
    list.as_ref()?.first().map(String::as_str)
}

fn principal(source: &wire::Source, trust_domain: &str) -> Option<String> {
    let of = |namespace: &str, account: &str| format!("{trust_domain}/ns/{namespace}/sa/{account}");
    if let Some(principal) = first(&source.principals) {
        return match principal {
            "*" => Some(of("default", "default")),
            pattern => Some(match pattern.strip_prefix("*/sa/") {
                Some(account) => of("default", account),
                None => filled(pattern),
            }),
        };
    }
    if let Some(account) = first(&source.service_accounts) {
        return account.split_once('/').map(|(namespace, account)| of(namespace, account));
    }
    Some(of(&filled(first(&source.namespaces).unwrap_or("default")), "default"))
}

fn operations(operation: &wire::Operation, host: &str) -> Vec<Request> {
    let grpc = first(&operation.grpc).map(|call| vec![format!("/{}", filled(call))]);
    let method = first(&operation.methods).unwrap_or(if grpc.is_some() { "POST" } else { "GET" });
    let host = first(&operation.hosts).map_or_else(|| host.to_owned(), filled);
    let written = operation.paths.as_ref().map(|paths| paths.iter().take(PATHS).map(|path| filled(path)).collect());
    let paths: Vec<String> = written.or(grpc).unwrap_or_else(|| vec!["/".to_owned()]);
    let request = |path: &String| {
        let request = Request::new(&filled(method), &host, if path.is_empty() { "/" } else { path });
        if operation.grpc.is_some() { request.with("content-type", b"application/grpc") } else { request }
    };
    paths.iter().map(request).collect()
}

/// A text that the pattern is likely to match.
fn filled(pattern: &str) -> String {
    pattern.replace("{**}", "a").replace("{*}", "a").replace('*', "a")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_rules_match_what_is_guessed() {
        for rest in [
            r#""from": [{"source": {"serviceAccounts": ["a/b"]}}], "to": [{"operation": {"paths": ["/x/{*}/y/{**}"]}}]"#,
            r#""from": [{"source": {"principals": ["*/sa/b"]}}], "to": [{"operation": {"methods": ["P*"]}}]"#,
            r#""from": [{"source": {"namespaces": ["a*"]}}], "to": [{"operation": {"grpc": ["a.B/*"]}}]"#,
            r#""when": [{"key": "request.headers[x-role]", "values": ["*-admin"]}]"#,
            r#""to": [{"operation": {"paths": ["*.json", "/*"], "hosts": ["*.example"]}}]"#,
        ] {
            let json =
                format!(r#"{{"version": 1, "upstream": "a/b", "rules": [{{"id": "r", "action": "ALLOW", {rest}}}]}}"#);
            let source: wire::Policy = sallyport_core::engine::parse(json.as_bytes()).unwrap();
            let engine = sallyport_core::Engine::compile(&source).unwrap();
            let guessed = requests(&source.rules[0], "b.internal", "cluster.local");
            let is_match = |scenario: &Scenario| scenario.decide(&engine).effect.rule() == Some("r");
            assert!(guessed.iter().any(is_match), "{rest}: {guessed:?}");
        }
    }
}
