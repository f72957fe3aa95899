//! A request worth trying: what a rule that allows a caller allows it to do.

use sallyport_core::policy::source::{ActionSource, OperationSource, RuleSource, SourceSource};
use sallyport_egress::model::{Egress, Mesh};

use super::caller::Caller;

/// A method and a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Example {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The rule that it was made from; `None` when none allows the caller anything.
    pub(crate) rule: Option<String>,
    /// Whether the rule wants a token beside the certificate.
    pub(crate) needs_token: bool,
}

/// A request for `caller`: from the first rule that allows it something, else from the first that allows anyone.
///
/// This reads the rules, it does not decide: a DENY rule may still refuse the request.
pub(crate) fn example(egress: &Egress, mesh: &Mesh, caller: &Caller) -> Example {
    let allows = || egress.spec.authz.rules.iter().filter(|rule| rule.action == ActionSource::Allow);
    if let Some(rule) = allows().find(|rule| admits(rule, egress, mesh, caller)) {
        return Example { rule: Some(rule.id.clone()), ..from_rule(rule) };
    }
    let any = Example { method: "GET".to_owned(), path: "/".to_owned(), rule: None, needs_token: false };
    allows().next().map_or(any, |rule| Example { needs_token: false, ..from_rule(rule) })
}

fn from_rule(rule: &RuleSource) -> Example {
    let operation = rule.to.iter().flatten().next().map(|to| &to.operation);
    let method = operation.and_then(|operation| operation.methods.iter().flatten().find(|m| !m.contains('*')));
    let jwt = |source: &SourceSource| source.request_principals.is_some();
    Example {
        method: method.map_or("GET", String::as_str).to_owned(),
        path: operation.map_or_else(|| "/".to_owned(), example_path),
        rule: None,
        needs_token: rule.from.iter().flatten().any(|from| jwt(&from.source))
            || rule.when.iter().flatten().any(|condition| condition.key.starts_with("request.auth.")),
    }
}

fn example_path(operation: &OperationSource) -> String {
    if let Some(call) = operation.grpc.iter().flatten().find(|call| !call.contains('*')) {
        return format!("/{call}");
    }
    let excluded = |path: &String| operation.not_paths.iter().flatten().any(|pattern| pattern == path);
    let mut paths = operation.paths.iter().flatten().map(|pattern| path_of(pattern));
    paths.find(|path| !excluded(path)).unwrap_or_else(|| "/".to_owned())
}

/// A path that a pattern of Istio's matches.
fn path_of(pattern: &str) -> String {
    if pattern.contains('{') {
        return pattern.replace("{**}", "1/2").replace("{*}", "1");
    }
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(""), _) => "/".to_owned(),
        (Some(suffix), _) if suffix.starts_with('/') => suffix.to_owned(),
        (Some(suffix), _) => format!("/{suffix}"),
        (None, Some(prefix)) => prefix.to_owned(),
        (None, None) => pattern.to_owned(),
    }
}

fn admits(rule: &RuleSource, egress: &Egress, mesh: &Mesh, caller: &Caller) -> bool {
    let by_source = match &rule.from {
        None => true,
        Some(sources) => sources.iter().any(|from| source_admits(&from.source, egress, mesh, caller)),
    };
    by_source
        && rule.when.iter().flatten().all(|condition| {
            let value = match condition.key.as_str() {
                "source.principal" => caller.principal(),
                "source.namespace" => caller.namespace.clone(),
                "source.serviceAccount" => caller.to_string(),
                _ => return true,
            };
            listed(condition.values.as_ref(), &value) && !named(condition.not_values.as_ref(), &value)
        })
}

fn source_admits(source: &SourceSource, egress: &Egress, mesh: &Mesh, caller: &Caller) -> bool {
    let principal = caller.principal();
    let account = |list: Option<&Vec<String>>, default: bool| {
        let Some(list) = list else { return default };
        list.iter().any(|entry| {
            let (namespace, name) = entry.split_once('/').unwrap_or((&egress.namespace, entry));
            caller.trust_domain == mesh.trust_domain && caller.namespace == namespace && caller.service_account == name
        })
    };
    listed(source.principals.as_ref(), &principal)
        && !named(source.not_principals.as_ref(), &principal)
        && listed(source.namespaces.as_ref(), &caller.namespace)
        && !named(source.not_namespaces.as_ref(), &caller.namespace)
        && listed(source.trust_domains.as_ref(), &caller.trust_domain)
        && !named(source.not_trust_domains.as_ref(), &caller.trust_domain)
        && account(source.service_accounts.as_ref(), true)
        && !account(source.not_service_accounts.as_ref(), false)
}

fn listed(patterns: Option<&Vec<String>>, value: &str) -> bool {
    patterns.is_none() || named(patterns, value)
}

fn named(patterns: Option<&Vec<String>>, value: &str) -> bool {
    patterns.into_iter().flatten().any(|pattern| match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(suffix), _) => value.ends_with(suffix),
        (None, Some(prefix)) => value.starts_with(prefix),
        (None, None) => pattern == value,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use sallyport_core::policy::source::ToSource;
    use sallyport_egress::model::{Authn, Authz, EgressSpec, Gateway, Rollout, TlsMode, Upstream, UpstreamTls};

    /// The Egress of the documentation with these rules.
    pub(crate) fn egress_with(rules: Vec<RuleSource>) -> Egress {
        Egress {
            name: "httpbin".into(),
            namespace: "httpbin".into(),
            spec: EgressSpec {
                host: "httpbin.legacy.internal".into(),
                upstream: Upstream {
                    host: "httpbin.org".into(),
                    port: 443,
                    tls: UpstreamTls {
                        mode: TlsMode::Simple,
                        sni: Some("httpbin.org".into()),
                        subject_alt_names: vec!["httpbin.org".into()],
                        ..UpstreamTls::default()
                    },
                },
                authz: Authz { rules, ..Authz::default() },
                authn: Authn::default(),
                rollout: Rollout::default(),
                gateway: Gateway::default(),
            },
        }
    }

    /// Rules as the filter reads them.
    pub(crate) fn rules(json: &str) -> Vec<RuleSource> {
        serde_json::from_str(json).unwrap()
    }

    fn check(json: &str, caller: (&str, &str), expected: (&str, &str, Option<&str>)) {
        let found =
            example(&egress_with(rules(json)), &Mesh::default(), &Caller::new("cluster.local", caller.0, caller.1));
        assert_eq!((found.method.as_str(), found.path.as_str(), found.rule.as_deref()), expected, "{json}");
    }

    #[test]
    fn a_request_comes_from_the_first_rule_that_allows_the_caller() {
        let json = r#"[
            {"id":"none","action":"DENY","from":[{"source":{"namespaces":["*"]}}],"to":[{"operation":{"paths":["/x"]}}]},
            {"id":"readers","action":"ALLOW","from":[{"source":{"serviceAccounts":["httpbin/sleep"]}}],
             "to":[{"operation":{"methods":["HEAD","GET"],"paths":["/status/{*}"]}}]},
            {"id":"writers","action":"ALLOW","from":[{"source":{"namespaces":["web"]}}],
             "to":[{"operation":{"methods":["POST"],"paths":["/post/*"]}}]}]"#;
        check(json, ("httpbin", "sleep"), ("HEAD", "/status/1", Some("readers")));
        check(json, ("web", "front"), ("POST", "/post/", Some("writers")));
        check(json, ("elsewhere", "stranger"), ("HEAD", "/status/1", None));
    }

    #[test]
    fn a_policy_without_rules_still_has_a_request_to_try() {
        check("[]", ("a", "b"), ("GET", "/", None));
    }

    #[test]
    fn a_negative_source_shuts_a_caller_out() {
        let json =
            r#"[{"id":"r","action":"ALLOW","from":[{"source":{"namespaces":["a"],"notServiceAccounts":["a/b"]}}]}]"#;
        check(json, ("a", "b"), ("GET", "/", None));
        check(json, ("a", "c"), ("GET", "/", Some("r")));
    }

    #[test]
    fn every_kind_of_pattern_has_a_path() {
        for (pattern, path) in [
            ("/get", "/get"),
            ("/anything/*", "/anything/"),
            ("*/info", "/info"),
            ("*.png", "/.png"),
            ("*", "/"),
            ("/a/{*}/b", "/a/1/b"),
            ("/a/{**}", "/a/1/2"),
        ] {
            assert_eq!(path_of(pattern), path);
        }
    }

    #[test]
    fn a_path_that_is_excluded_is_not_proposed() {
        let operation = OperationSource {
            paths: Some(vec!["/a/{*}".into(), "/b".into()]),
            not_paths: Some(vec!["/a/1".into()]),
            ..OperationSource::default()
        };
        let rule = RuleSource { to: Some(vec![ToSource { operation }]), ..RuleSource::default() };
        assert_eq!(from_rule(&rule).path, "/b");
    }
}
