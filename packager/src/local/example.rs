//! An example request for a caller: one that the policy allows, if there is one.

mod propose;
mod request;
mod sample;

use sallyport_core::policy::key::WrittenKey;
use sallyport_core::wire;
use sallyport_core::{Engine, PeerView, RequestView, Verdict};
use sallyport_egress::model::Egress;

use self::propose::{plain, propose};
pub(crate) use self::request::{Example, Forecast};
use super::caller::Caller;

/// A compiled policy, and the port on which it is served.
#[derive(Clone, Copy)]
pub(crate) struct Policy<'a> {
    pub(crate) egress: &'a Egress,
    pub(crate) engine: &'a Engine,
    pub(crate) port: u16,
}

/// Whether a rule is about the gateway's port.
pub(crate) fn asks_for_ports(egress: &Egress) -> bool {
    egress.spec.authz.rules.iter().any(|rule| {
        let operations = rule.to.iter().flatten().map(|to| &to.operation);
        let mut conditions = rule.when.iter().flatten();
        operations.into_iter().any(|operation| operation.ports.is_some() || operation.not_ports.is_some())
            || conditions.any(|condition| WrittenKey::read(&condition.key).is_some_and(|written| written.key.is_port()))
    })
}

/// The limit of requests to try for one caller. Their number, and the cost of each, can grow with the number of rules.
const MOST_TRIED: usize = 64;

/// The first request to `host`, of those that the rules suggest, which the engine allows `caller` to make; otherwise one that
/// shows a refusal.
pub(crate) fn example(policy: Policy<'_>, host: &str, caller: &Caller, named: bool) -> Example {
    let rules = || policy.egress.spec.authz.rules.iter().filter(|rule| rule.action == wire::Action::Allow);
    let tried = rules().filter(|rule| may_be_for(rule, caller)).flat_map(propose).take(MOST_TRIED);
    let with_forecast = |proposal| {
        let proposal = Example { host: host.to_owned(), ..proposal };
        Example { forecast: forecast(policy, caller, &proposal), ..proposal }
    };
    let mut allowed = tried.map(with_forecast).filter(|tried| matches!(tried.forecast, Forecast::Allowed(_)));
    if let Some(allowed) = allowed.next() {
        return Example { needs_token: false, ..allowed };
    }
    // A named caller is expected to have a token; the unknown caller shows the answer without one.
    let proposed = || rules().flat_map(propose);
    let best = proposed().find(|proposal| proposal.needs_token == named).or_else(|| proposed().next());
    let mut best = with_forecast(best.unwrap_or_else(|| plain("GET", "/".to_owned())));
    best.needs_token &= named && matches!(best.forecast, Forecast::Refused(_));
    if best.needs_token {
        best.forecast = Forecast::DependsOnToken;
    }
    best
}

/// Whether a rule may match a caller. It does not if all of its sources have exact names, which are those of others.
fn may_be_for(rule: &wire::Rule, caller: &Caller) -> bool {
    let has = |names: &Option<Vec<String>>, is_meant: &dyn Fn(&str) -> bool| {
        names.as_ref().is_none_or(|names| names.iter().any(|name| name.contains('*') || is_meant(name)))
    };
    rule.from.as_ref().is_none_or(|from| {
        from.iter().any(|from| {
            has(&from.source.service_accounts, &|name| name.rsplit('/').next() == Some(&caller.service_account))
                && has(&from.source.namespaces, &|name| name == caller.namespace)
                && has(&from.source.principals, &|name| name.contains(&caller.service_account))
        })
    })
}

fn forecast(policy: Policy<'_>, caller: &Caller, request: &Example) -> Forecast {
    let id = caller.spiffe_id();
    let host = &request.host;
    let mut headers: Vec<(&[u8], &[u8])> = vec![
        (b":method", request.method.as_bytes()),
        (b":authority", host.as_bytes()),
        (b":path", request.path.as_bytes()),
        (b":scheme", b"https"),
        (b"user-agent", b"curl/8.0.0"),
        (b"accept", b"*/*"),
    ];
    // What a gateway writes about the caller's certificate.
    let digest = "0";
    let forwarded = format!("Hash={digest};URI={id}");
    headers.push((b"x-forwarded-client-cert", forwarded.as_bytes()));
    headers.extend(request.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
    let peer = PeerView { mtls: true, uri_san: Some(id.as_bytes()), digest: Some(digest.as_bytes()) };
    let gateway = format!("127.0.0.1:{}", policy.port);
    let view = RequestView {
        destination_address: Some(gateway.as_bytes()),
        ..RequestView::of_local_caller(&headers, peer, host.as_bytes())
    };
    match policy.engine.on_request(&view).verdict {
        Verdict::Continue(permit) => Forecast::Allowed(permit.rule().map(|rule| rule.id.to_owned())),
        Verdict::Refuse(refusal) => Forecast::Refused(refusal.reason.as_str()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use sallyport_core::policy::key::KEYS;
    use sallyport_egress::diagnostic::SourceFile;
    use sallyport_egress::model::Mesh;

    /// The Egress of the documentation with these rules.
    pub(crate) fn egress_with(rules: Vec<wire::Rule>) -> Egress {
        let text = "apiVersion: sallyport.dev/v1alpha1\nkind: Egress\nmetadata: {name: httpbin, namespace: httpbin}\n\
                    spec: {host: httpbin.legacy.internal, upstream: {host: httpbin.org, port: 443}}\n";
        let mut checked = sallyport_egress::check(&[SourceFile { name: "egress.yaml".into(), text: text.into() }]);
        let mut egress = checked.egresses.pop().unwrap_or_else(|| panic!("{:?}", checked.diagnostics)).value;
        egress.spec.authz.rules = rules;
        egress
    }

    /// Rules, parsed as a file has them: JSON is YAML.
    pub(crate) fn rules(json: &str) -> Vec<wire::Rule> {
        let text = format!(
            "apiVersion: sallyport.dev/v1alpha1\nkind: Egress\nmetadata: {{name: a, namespace: httpbin}}\n\
             spec: {{host: a.internal, upstream: {{host: b.example, port: 443}}, authz: {{rules: {}}}}}\n",
            json.replace('\n', " "),
        );
        let mut checked = sallyport_egress::check(&[SourceFile { name: "egress.yaml".into(), text }]);
        let egress = checked.egresses.pop().unwrap_or_else(|| panic!("{:?}", checked.diagnostics));
        egress.value.spec.authz.rules
    }

    fn found(json: &str, caller: (&str, &str), named: bool) -> Example {
        let egress = egress_with(rules(json));
        let engine = Engine::compile(&sallyport_egress::policy_source(&egress, &Mesh::default(), &[])).unwrap();
        let caller = Caller::new("cluster.local", caller.0, caller.1);
        example(Policy { egress: &egress, engine: &engine, port: 8443 }, &egress.spec.host, &caller, named)
    }

    fn check(json: &str, caller: (&str, &str), method: &str, path: &str, forecast: Forecast) {
        let found = found(json, caller, true);
        assert_eq!((found.method.as_str(), found.path.as_str(), found.forecast), (method, path, forecast), "{json}");
    }

    fn allowed(rule: &str) -> Forecast {
        Forecast::Allowed(Some(rule.to_owned()))
    }

    #[test]
    fn a_request_is_one_that_the_engine_allows() {
        let json = r#"[
            {"id":"none","action":"DENY","to":[{"operation":{"paths":["/get"]}}]},
            {"id":"readers","action":"ALLOW","from":[{"source":{"serviceAccounts":["httpbin/sleep"]}}],
             "to":[{"operation":{"methods":["HEAD","GET"],"paths":["/get","/status/{*}"]}}]},
            {"id":"writers","action":"ALLOW","from":[{"source":{"namespaces":["web"]}}],
             "to":[{"operation":{"methods":["POST"],"paths":["/post/*"]}}]}]"#;
        check(json, ("httpbin", "sleep"), "HEAD", "/status/1", allowed("readers"));
        check(json, ("web", "front"), "POST", "/post/", allowed("writers"));
        check(json, ("elsewhere", "stranger"), "HEAD", "/get", Forecast::Refused("denied"));
    }

    #[test]
    fn rules_for_ports_see_the_port_of_this_machine() {
        let json = r#"[{"id":"main","action":"ALLOW","to":[{"operation":{"ports":["8443"]}}]}]"#;
        let egress = egress_with(rules(json));
        let engine = Engine::compile(&sallyport_egress::policy_source(&egress, &Mesh::default(), &[])).unwrap();
        let caller = Caller::new("cluster.local", "httpbin", "sleep");
        for (port, forecast) in [(8443, allowed("main")), (9443, Forecast::Refused("not_allowed"))] {
            let policy = Policy { egress: &egress, engine: &engine, port };
            assert_eq!(example(policy, &egress.spec.host, &caller, true).forecast, forecast, "{port}");
        }
        assert!(asks_for_ports(&egress));
        let key = KEYS.iter().find(|key| key.is_port()).expect("there is one").name;
        let when = format!(r#"[{{"id":"a","action":"ALLOW","when":[{{"key":"{key}","values":["8443"]}}]}}]"#);
        assert!(asks_for_ports(&egress_with(rules(&when))));
        assert!(!asks_for_ports(&egress_with(rules(
            r#"[{"id":"a","action":"ALLOW","to":[{"operation":{"paths":["/a"]}}]}]"#
        ))));
    }

    /// Then the header that the gateway writes is compared with the digest of the certificate.
    #[test]
    fn trusted_forwarders_change_no_forecast() {
        let json = r#"[{"id":"readers","action":"ALLOW","to":[{"operation":{"paths":["/get"]}}],
            "from":[{"source":{"serviceAccounts":["httpbin/sleep"]}}]}]"#;
        let mut egress = egress_with(rules(json));
        egress.spec.authz.trusted_forwarders = vec!["cluster.local/ns/istio-system/sa/ingress".to_owned()];
        let engine = Engine::compile(&sallyport_egress::policy_source(&egress, &Mesh::default(), &[])).unwrap();
        for (caller, forecast) in
            [(("httpbin", "sleep"), allowed("readers")), (("a", "b"), Forecast::Refused("not_allowed"))]
        {
            let caller = Caller::new("cluster.local", caller.0, caller.1);
            let policy = Policy { egress: &egress, engine: &engine, port: 8443 };
            assert_eq!(example(policy, &egress.spec.host, &caller, true).forecast, forecast);
        }
    }

    /// A caller's own rule is found even behind thousands of rules for others.
    #[test]
    fn a_callers_own_rule_is_found_among_thousands() {
        let of = |number: usize| {
            format!(
                r#"{{"id":"r{number}","action":"ALLOW","from":[{{"source":{{"serviceAccounts":["web/a{number}"]}}}}],
                "to":[{{"operation":{{"paths":["/{{**}}/x{number}"]}}}}]}}"#
            )
        };
        let json = format!("[{}]", (0..5_000).map(of).collect::<Vec<_>>().join(","));
        check(&json, ("web", "a4999"), "GET", "/1/2/x4999", allowed("r4999"));
        check(&json, ("elsewhere", "stranger"), "GET", "/1/2/x0", Forecast::Refused("not_allowed"));
    }

    #[test]
    fn a_rule_that_names_others_is_passed_over() {
        let caller = Caller::new("cluster.local", "web", "front");
        for (source, may_be) in [
            (r#"{"serviceAccounts":["web/front"]}"#, true),
            (r#"{"serviceAccounts":["web/back"]}"#, false),
            (r#"{"namespaces":["w*"]}"#, true),
            (r#"{"namespaces":["shop"]}"#, false),
            (r#"{"namespaces":["web"],"notNamespaces":["web"]}"#, true),
            (r#"{"principals":["*"]}"#, true),
            (r#"{"principals":["cluster.local/ns/web/sa/front"]}"#, true),
            (r#"{"principals":["cluster.local/ns/web/sa/back"]}"#, false),
            (r#"{"trustDomains":["other"]}"#, true),
        ] {
            let json = format!(r#"[{{"id":"r","action":"ALLOW","from":[{{"source":{source}}}]}}]"#);
            assert_eq!(may_be_for(&rules(&json)[0], &caller), may_be, "{source}");
        }
    }

    #[test]
    fn a_policy_without_rules_still_has_a_request_to_try() {
        check("[]", ("a", "b"), "GET", "/", Forecast::Refused("not_allowed"));
    }

    #[test]
    fn a_request_brings_what_the_conditions_ask_for() {
        let json = r#"[{"id":"r","action":"ALLOW","from":[{"source":{"namespaces":["a"]}}],"when":[
            {"key":"request.headers[X-Role]","values":["trusted*"]},{"key":"request.query[v]","values":["1"]}]}]"#;
        check(json, ("a", "b"), "GET", "/?v=1", allowed("r"));
        assert_eq!(found(json, ("a", "b"), true).headers, [("x-role".to_owned(), "trusted".to_owned())]);
        let json = r#"[{"id":"r","action":"ALLOW","from":[{"source":{"namespaces":["a"]}}],"when":[
            {"key":"request.headers[x-batch]","values":["*"]},{"key":"request.query[v]","values":["*"]}]}]"#;
        check(json, ("a", "b"), "GET", "/?v=1", allowed("r"));
        assert_eq!(found(json, ("a", "b"), true).headers, [("x-batch".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn what_depends_on_a_token_is_left_open() {
        let json =
            r#"[{"id":"r","action":"ALLOW","from":[{"source":{"namespaces":["a"],"requestPrincipals":["i/s"]}}]}]"#;
        let (named, stranger) = (found(json, ("a", "b"), true), found(json, ("x", "y"), false));
        assert_eq!((named.needs_token, named.forecast), (true, Forecast::DependsOnToken));
        assert_eq!((stranger.needs_token, stranger.forecast), (false, Forecast::Refused("no_identity")));
    }

    #[test]
    fn every_kind_of_pattern_has_a_path() {
        for (pattern, paths) in [
            ("/get", &["/get"][..]),
            ("/anything/*", &["/anything/", "/anything/1"]),
            ("*/info", &["/info", "/1/info"]),
            ("*.png", &["/.png", "/1.png"]),
            ("*", &["/", "/1"]),
            ("/a/{*}/b", &["/a/1/b"]),
            ("/a/{**}", &["/a/1/2"]),
        ] {
            assert_eq!(propose::paths_of(pattern), paths);
        }
    }

    #[test]
    fn a_pattern_and_an_exception_have_a_request_that_is_allowed() {
        for (operation, method, path) in [
            (r#"{"grpc":["a.v1.B/Get"]}"#, "POST", "/a.v1.B/Get"),
            (r#"{"grpc":["a.v1.B/*"]}"#, "POST", "/a.v1.B/Method"),
            (r#"{"grpc":["*"]}"#, "POST", "/package.Service/Method"),
            (r#"{"grpc":["*"],"notGrpc":["a.B/*"]}"#, "POST", "/package.Service/Method"),
            (r#"{"methods":["P*"],"paths":["/x"]}"#, "POST", "/x"),
            (r#"{"methods":["*"],"paths":["/x"]}"#, "GET", "/x"),
            (r#"{"methods":["*T"],"notMethods":["GET"]}"#, "POST", "/"),
            (r#"{"notMethods":["GET","POST"],"paths":["/x"]}"#, "PUT", "/x"),
            (r#"{"paths":["/a/*"],"notPaths":["/a/"]}"#, "GET", "/a/1"),
            (r#"{"notPaths":["/"]}"#, "GET", "/1"),
            (r#"{"pathRegex":["/v[0-9]+/users/[^/]+"]}"#, "GET", "/v1/users/1"),
            (r#"{"pathRegex":[".*[.]png"],"notPaths":["/.png"]}"#, "GET", "/1.png"),
        ] {
            let json = format!(
                r#"[{{"id":"r","action":"ALLOW","from":[{{"source":{{"namespaces":["a"]}}}}],
                "to":[{{"operation":{operation}}}]}}]"#
            );
            check(&json, ("a", "b"), method, path, allowed("r"));
        }
        let denied = r#"[{"id":"d","action":"DENY","to":[{"operation":{"methods":["GET"]}}]},
            {"id":"r","action":"ALLOW","from":[{"source":{"namespaces":["a"]}}],
             "to":[{"operation":{"methods":["GET","PUT"],"paths":["/x"]}}]}]"#;
        check(denied, ("a", "b"), "PUT", "/x", allowed("r"));
    }

    #[test]
    fn a_rule_can_be_for_one_host() {
        let json = r#"[{"id":"r","action":"ALLOW","from":[{"source":{"namespaces":["a"]}}],
            "to":[{"operation":{"hosts":["old.internal"]}}]}]"#;
        let mut egress = egress_with(rules(json));
        egress.spec.aliases = vec!["old.internal".parse().unwrap()];
        let engine = Engine::compile(&sallyport_egress::policy_source(&egress, &Mesh::default(), &[])).unwrap();
        let caller = Caller::new("cluster.local", "a", "b");
        let policy = Policy { egress: &egress, engine: &engine, port: 8443 };
        let forecast = |host: &str| example(policy, host, &caller, true).forecast;
        assert_eq!(forecast("old.internal"), allowed("r"));
        assert_eq!(forecast(&egress.spec.host), Forecast::Refused("not_allowed"));
    }
}
