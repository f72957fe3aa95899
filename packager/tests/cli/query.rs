//! `sallyport query`

use serde_json::Value;
use snapbox::{assert_data_eq, str};

use crate::sandbox::{GOOD, Sandbox, bad};

/// Two more rules: one that everything is denied to, and one that adds nothing.
fn several() -> String {
    format!(
        "{GOOD}    - id: no-admin
      action: DENY
      to: [{{operation: {{paths: [\"/admin/{{**}}\"]}}}}]
    - id: status
      action: ALLOW
      from: [{{source: {{namespaces: [httpbin], notNamespaces: [httpbin]}}}}]
    - id: writers
      action: ALLOW
      from: [{{source: {{serviceAccounts: [httpbin/writer, httpbin/sleep]}}}}]
      to: [{{operation: {{methods: [PUT, GET], paths: [/put, \"/items/*\"]}}}}]
      when: [{{key: \"request.headers[x-role]\", values: [trusted]}}]
"
    )
}

fn asked(arguments: &[&str]) -> String {
    let sandbox = Sandbox::with(&[("egress.yaml", &several())]);
    let ended = sandbox.run(&[&["query", "egress.yaml"], arguments].concat());
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    ended.stdout
}

#[test]
fn who_can() {
    assert_data_eq!(
        asked(&["--method", "PUT", "--path", "/items/*"]),
        str![[r#"
httpbin/httpbin: 1 rule allows PUT requests to /items/*

`writers` (egress.yaml:27:11)
  callers    serviceAccounts: [httpbin/writer, httpbin/sleep]
  requests   methods: [PUT], paths: ["/items/*"]
  when       request.headers[x-role]: values: [trusted]
  example    PUT /items/ --as httpbin/sleep -H 'x-role: trusted'

"#]]
    );
    assert_data_eq!(
        asked(&["--method", "DELETE"]),
        str![[r#"
httpbin/httpbin: no rule allows DELETE requests

"#]]
    );
}

#[test]
fn what_can_a_caller() {
    assert_data_eq!(
        asked(&["--as", "httpbin/sleep"]),
        str![[r#"
httpbin/httpbin: 2 rules allow requests from httpbin/sleep

`readers` (egress.yaml:13:11)
  callers    serviceAccounts: [httpbin/sleep]
  requests   methods: [GET]
  except     what `no-admin` (egress.yaml:21:11) denies
  example    GET / --as httpbin/sleep

`writers` (egress.yaml:27:11)
  callers    serviceAccounts: [httpbin/sleep]
  requests   methods: [PUT, GET], paths: [/put, "/items/*"]
  when       request.headers[x-role]: values: [trusted]
  example    PUT /put --as httpbin/sleep -H 'x-role: trusted'

"#]]
    );
    assert_data_eq!(
        asked(&["--as", "anonymous", "-H", "x-role: trusted", "--host", "*"]),
        str![[r#"
httpbin/httpbin: no rule allows requests for the host * with `x-role: trusted` from callers without an identity

"#]]
    );
}

#[test]
fn rules_that_never_decide() {
    assert_data_eq!(
        asked(&["--unreachable"]),
        str![[r#"
httpbin/httpbin: 1 of 4 rules can never decide

`status` (egress.yaml:24:11): matches no request: without `from` it would

"#]]
    );
}

#[test]
fn a_policy_in_shadow_mode_is_read_as_if_it_were_enforced() {
    let shadow = several().replace("  authz:", "  rollout: {stage: shadow}\n  authz:");
    let sandbox = Sandbox::with(&[("egress.yaml", &shadow)]);
    let asked = |arguments: &[&str]| sandbox.run(&[&["query", "egress.yaml"], arguments].concat()).stdout;
    assert_data_eq!(
        asked(&["--method", "PUT"]),
        str![[r#"
httpbin/httpbin: in shadow mode, so every request is allowed
if the policy were enforced, 1 rule would allow PUT requests

`writers` (egress.yaml:28:11)
  callers    serviceAccounts: [httpbin/writer, httpbin/sleep]
  requests   methods: [PUT], paths: [/put, "/items/*"]
  when       request.headers[x-role]: values: [trusted]
  example    PUT /put --as httpbin/sleep -H 'x-role: trusted'

"#]]
    );
    assert_data_eq!(
        asked(&["--method", "DELETE"]),
        str![[r#"
httpbin/httpbin: in shadow mode, so every request is allowed
if the policy were enforced, no rule would allow DELETE requests

"#]]
    );
    assert_data_eq!(
        asked(&["--unreachable"]),
        str![[r#"
httpbin/httpbin: in shadow mode, so every request is allowed
if the policy were enforced, 1 of 4 rules could never decide

`status` (egress.yaml:25:11): matches no request: without `from` it would

"#]]
    );
    let json: Value = serde_json::from_str(&asked(&["--unreachable", "--format=json"])).unwrap();
    assert_eq!(json["policies"][0]["shadow"], true);
}

/// What is in shadow mode decides nothing, whatever others do.
#[test]
fn a_rule_in_shadow_mode_is_hidden_once_it_is_enforced() {
    let rules = "    - id: later
      action: ALLOW
      stage: shadow
      from: [{source: {serviceAccounts: [httpbin/sleep]}}]
      to: [{operation: {methods: [GET], paths: [/a]}}]
";
    let sandbox = Sandbox::with(&[("egress.yaml", &format!("{GOOD}{rules}"))]);
    let asked = |arguments: &[&str]| sandbox.run(&[&["query", "egress.yaml"], arguments].concat()).stdout;
    assert_data_eq!(
        asked(&["--unreachable"]),
        str![[r#"
httpbin/httpbin: 1 of 2 rules can never decide

`later` (egress.yaml:21:11): once it is enforced, `readers` (egress.yaml:13:11) decides every request that it matches

"#]]
    );
    assert!(asked(&[]).ends_with("\nin shadow mode, so it allows nothing yet: `later` (egress.yaml:21:11)\n"));
    let json: Value = serde_json::from_str(&asked(&["--unreachable", "--format=json"])).unwrap();
    assert_eq!(json["policies"][0]["unreachable"][0]["shadow"], true);
}

/// The parts of a request that `diff` has, too, and what explains it.
#[test]
fn an_example_has_everything_that_its_rule_asks_for() {
    let rules = "    - id: partner
      action: ALLOW
      from: [{source: {trustDomains: [partner.example], remoteIpBlocks: [192.0.2.0/24]}}]
      to: [{operation: {methods: [POST]}}]
      when:
      - {key: \"request.auth.claims[role]\", values: [admin]}
      - {key: connection.tlsVersion, values: [TLSv1.2]}
      - {key: connection.sni, values: [other.example]}
      - {key: destination.port, values: [\"8080\"]}
";
    let good = GOOD.replacen("  upstream:", "  aliases: [other.example]\n  upstream:", 1);
    let sandbox = Sandbox::with(&[("egress.yaml", &format!("{good}{rules}"))]);
    let json = sandbox.run(&["query", "egress.yaml", "--method", "POST", "--format=json"]);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    let witness = &json["policies"][0]["grants"][0]["witness"];
    for (field, value) in [
        ("/caller", "spiffe://partner.example/a"),
        ("/identity/trustDomain", "partner.example"),
        ("/token/role", "admin"),
        ("/tls", "TLSv1.2"),
        ("/sni", "other.example"),
        ("/request", "POST /"),
    ] {
        assert_eq!(witness.pointer(field).and_then(Value::as_str), Some(value), "{witness:#}");
    }
    assert_eq!(witness["gateway"]["port"], 8080);
    let command = witness["explain"].as_str().unwrap();
    let human = sandbox.run(&["query", "egress.yaml", "--method", "POST"]).stdout;
    let example = human.lines().find_map(|line| line.strip_prefix("  example    ")).unwrap();
    assert_eq!(command, format!("sallyport explain egress.yaml {example}"));
    let words: Vec<&str> = command.split(' ').skip(1).map(|word| word.trim_matches('\'')).collect();
    let explained = sandbox.run(&words);
    assert!(explained.stdout.contains("\nverdict   allowed by `partner`\n"), "{command}: {explained:?}");
    // And it can be asked about.
    let asked = sandbox.run(&["query", "egress.yaml", "--as", "spiffe://partner.example/a"]);
    assert!(asked.stdout.contains("`partner` ("), "{asked:?}");
}

#[test]
fn programs_get_an_object() {
    let json: Value = serde_json::from_str(&asked(&["--as", "httpbin/writer", "--format", "json"])).unwrap();
    let grant = &json["policies"][0]["grants"][0];
    assert_eq!((grant["rule"].as_str(), grant["line"].as_u64()), (Some("writers"), Some(27)));
    assert_eq!(grant["witness"]["request"], "GET /put -H 'x-role: trusted'");
    assert_eq!(json["version"], 1);
    let json: Value = serde_json::from_str(&asked(&["--unreachable", "--format", "json"])).unwrap();
    let rule = &json["policies"][0]["unreachable"][0];
    assert_eq!((rule["rule"].as_str(), rule["why"].as_str()), (Some("status"), Some("nothing")));
}

#[test]
fn a_question_that_is_not_valid_is_a_usage_error() {
    let sandbox = Sandbox::with(&[("egress.yaml", &several())]);
    for (arguments, message) in [
        (&["--path", "orders"][..], "error: `--path`: the path `orders` does not begin with `/`\n"),
        (&["--path", "/x?y=1"], "error: `--path`: the path `/x?y=1` has a query\n"),
        (&["--method", "get"], "error: `--method`: the method `get` is in lower case\n"),
        (&["--host", "a b"], "error: `--host`: `a b` is not a host\n"),
        (&["--as", "web"], "error: `--as web` is not a caller\n"),
        (&["--as", "a b/c"], "error: `--as`: `cluster.local/ns/a b/sa/c` is not a principal\n"),
        (&["-H", "x-role"], "error: `-H x-role` is not a header\n"),
        (&["-H", "x role: a"], "error: `-H`: "),
        (&["--unreachable", "--method", "GET"], "error: the argument '--unreachable' cannot be used with"),
    ] {
        let ended = sandbox.run(&[&["query", "egress.yaml"], arguments].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(64), ""), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.starts_with(message), "{arguments:?}: {}", ended.stderr);
    }
}

#[test]
fn a_file_with_errors_has_no_answer() {
    let mesh =
        "apiVersion: sallyport.dev/v1alpha1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {istio: {version: \"1.30\"}}\n";
    let sandbox = Sandbox::with(&[("bad.yaml", &bad()), ("mesh.yaml", mesh)]);
    let ended = sandbox.run(&["query", "bad.yaml"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("bad.yaml:"), "{}", ended.stderr);
    let ended = sandbox.run(&["query", "missing.yaml"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""));
    let ended = sandbox.run(&["query", "mesh.yaml"]);
    assert!(ended.code != Some(0) && ended.stdout.is_empty(), "{ended:?}");
}
