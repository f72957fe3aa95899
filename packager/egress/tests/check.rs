//! Files that are right, files with many problems, and files together.

#![expect(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a broken assumption ends the test")]

use proptest::prelude::*;
use sallyport_core::policy::MAX_RULES;
use sallyport_egress::diagnostic::{Severity, SourceFile};
use sallyport_egress::model::{Egress, Mesh, TlsMode};
use sallyport_egress::{Checked, Template, check, decode, init_template, policy_source};
use std::fmt::Write as _;

const EXAMPLE: &str = include_str!("../../../deploy/examples/httpbin/egress.yaml");
const MINIMAL: &str = "\
apiVersion: sallyport.dev/v1alpha1
kind: Egress
metadata: {name: a, namespace: b}
spec:
  host: a.internal
  upstream: {host: a.example, port: 443}
";
const MESH: &str = "\
apiVersion: sallyport.dev/v1alpha1
kind: Mesh
metadata: {name: mesh}
spec: {}
";

fn file(name: &str, text: &str) -> SourceFile {
    SourceFile { name: name.to_owned(), text: text.to_owned() }
}

fn check_one(text: &str) -> Checked {
    check(&[file("egress.yaml", text)])
}

/// `LINE:COLUMN CODE` of every problem.
fn places(text: &str) -> Vec<String> {
    let file = file("egress.yaml", text);
    let place = |problem: &sallyport_egress::diagnostic::Diagnostic| {
        let at = file.position(problem.span.start);
        format!("{}:{} {}", at.line, at.column, problem.code)
    };
    check(std::slice::from_ref(&file)).diagnostics.iter().map(place).collect()
}

#[test]
fn the_example_is_right() {
    let checked = check_one(EXAMPLE);
    assert_eq!(checked.diagnostics, []);
    let egress = &checked.egresses[0].value;
    assert_eq!((egress.namespace.as_str(), egress.name.as_str()), ("egress-httpbin", "httpbin"));
    let ids: Vec<_> = egress.spec.authz.rules.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids, ["no-admin", "no-legacy-clients", "readers", "writers", "trusted-role"]);
    assert!(egress.spec.authz.disclose_rule);
}

#[test]
fn what_is_not_written_has_a_safe_default() {
    let checked = check(&[file("a.yaml", MINIMAL), file("mesh.yaml", MESH)]);
    assert_eq!(checked.diagnostics, []);
    let mesh = &checked.mesh.expect("a mesh").value;
    assert_eq!((mesh.istio_version.as_str(), mesh.trust_domain.as_str()), ("1.31", "cluster.local"));
    let egress = &checked.egresses[0].value;
    let tls = &egress.spec.upstream.tls;
    assert_eq!((tls.mode, tls.sni.as_deref()), (TlsMode::Simple, Some("a.example")));
    assert_eq!(tls.subject_alt_names, ["a.example"]);
    assert_eq!((egress.spec.gateway.replicas, egress.spec.gateway.num_trusted_proxies), (2, 0));
    let policy = policy_source(egress, mesh, &[]);
    assert_eq!(policy.upstream, "b/a");
    assert!(policy.rules.is_empty());
}

#[test]
fn an_upstream_address_is_no_server_name_but_must_be_in_the_certificate() {
    let checked = check_one(&MINIMAL.replace("a.example", "10.0.0.1"));
    let tls = &checked.egresses[0].value.spec.upstream.tls;
    assert_eq!(tls.sni, None);
    assert_eq!(tls.subject_alt_names, ["10.0.0.1"]);
    let checked = check_one(&MINIMAL.replace("443}", "80, tls: {mode: NONE}}"));
    let tls = &checked.egresses[0].value.spec.upstream.tls;
    assert_eq!((tls.sni.as_deref(), tls.subject_alt_names.len()), (None, 0));
}

#[test]
fn numbers_are_ports() {
    let rules = "  authz: {rules: [{id: a, action: DENY, to: [{operation: {ports: [8443, \"9443\"]}}]}]}\n";
    let checked = check_one(&format!("{MINIMAL}{rules}"));
    assert_eq!(checked.diagnostics, []);
    let to = checked.egresses[0].value.spec.authz.rules[0].to.as_ref().expect("an operation");
    assert_eq!(to[0].operation.ports.as_deref(), Some(&["8443".to_owned(), "9443".to_owned()][..]));
}

#[test]
fn all_problems_come_out_of_one_run() {
    let text = "\
apiVersion: sallyport.dev/v1
kind: Egress
metadata: {name: A, namespace: b}
spec:
  host: https://a.internal
  upstream: {host: a.example, port: 0, tls: {mode: NONE, sni: a.example}}
  authz:
    rules:
    - id: one
      action: allow
      to: [{operation: {path: [/a]}}]
    - id: two
      action: ALLOW
      to: [{operation: {paths: [a]}}]
    - id: three
      action: DENY
      from: [{source: {}}]
    - id: two
      action: DENY
      to: [{operation: {paths: [/b, \"/{**}/{*}\"]}}]
  gateway: {replicas: 0}
";
    let expected = [
        "1:13 SP0201",
        "3:18 SP0301",
        "5:9 SP0302",
        "6:37 SP0210",
        "6:58 SP0305",
        "10:15 SP0209",
        "11:25 SP0203",
        "14:33 SP1301",
        "17:23 SP1103",
        "18:11 SP1102",
        "20:37 SP1302",
        "21:23 SP0210",
    ];
    assert_eq!(places(text), expected);
    assert!(check_one(text).egresses.is_empty());
}

#[test]
fn a_rule_that_is_left_out_does_not_shift_the_others() {
    let rules = "  authz:
    trustedForwarders: [1, cluster.local/ns/a/sa/*]
    rules:
    - {id: a, action: NEVER, to: [{operation: {paths: [/a]}}]}
    - {id: b, action: ALLOW, to: [{operation: {paths: [b]}}]}
    - {id: c, action: DENY, to: [{operation: {verb: [GET]}}]}
    - {id: b, action: ALLOW, to: [{operation: {paths: [/d]}}]}
";
    let text = format!("{MINIMAL}{rules}");
    assert_eq!(
        places(&text),
        ["8:25 SP0208", "8:28 SP1201", "10:23 SP0209", "11:56 SP1301", "12:47 SP0203", "13:12 SP1102"]
    );
}

#[test]
fn columns_count_characters() {
    let text = MINIMAL.replace("spec:", "# für 😀\nspec:  # é");
    let text = text.replace("{host: a.example, port: 443}", "{\"höst\": \"ü😀\", host: a.example, port: 443, port: 1}");
    assert_eq!(places(&text), ["7:14 SP0203", "7:56 SP0108"]);
    let problem = &check_one(&text).diagnostics[0];
    assert_eq!(&text[problem.span.start..problem.span.end], "\"höst\"");
    assert_eq!(problem.help.as_deref(), Some("did you mean `host`?"));
}

/// The parser's own place of a list that is not indented is behind its first dash.
#[test]
fn a_list_begins_at_its_first_dash() {
    assert_eq!(places(&MINIMAL.replace("host: a.internal", "host:\n  - a\n  - b")), ["6:3 SP0206"]);
    assert_eq!(places(&MINIMAL.replace("host: a.internal", "host:\n    - a")), ["6:5 SP0206"]);
    assert_eq!(places(&MINIMAL.replace("host: a.internal", "host: [a]")), ["5:9 SP0206"]);
}

#[test]
fn an_escape_cannot_break_a_message_into_lines() {
    let rules = "  authz: {rules: [{id: \"a\\nb\", action: DENY, to: [{operation: {paths: [\"x\\n`y\"]}}]}]}\n";
    let checked = check_one(&format!("{MINIMAL}{rules}"));
    assert_eq!(checked.diagnostics.len(), 2);
    assert!(checked.diagnostics.iter().all(|problem| !problem.message.contains('\n')));
}

#[test]
fn warnings_do_not_refuse() {
    let rules = "  authz: {rules: [{id: a, action: DENY, from: [{source: {notRequestPrincipals: [\"*\"]}}]}]}\n";
    let checked = check_one(&format!("{MINIMAL}{rules}"));
    let severities: Vec<_> =
        checked.diagnostics.iter().map(|problem| (problem.code.as_str(), problem.severity)).collect();
    assert_eq!(severities, [("SP0406", Severity::Warning)]);
    assert_eq!(checked.egresses.len(), 1);
}

#[test]
fn files_are_checked_together() {
    let other = MINIMAL.replace("name: a,", "name: c,").replace("a.internal", "c.internal");
    let files = [
        file("a.yaml", MINIMAL),
        file("m.yaml", MESH),
        file("b.yaml", MINIMAL),
        file("c.yaml", &other),
        file("n.yaml", MESH),
    ];
    let checked = check(&files);
    let messages: Vec<_> = checked
        .diagnostics
        .iter()
        .map(|problem| (problem.file, problem.code.as_str(), problem.message.as_str()))
        .collect();
    assert_eq!(
        messages,
        [
            (2, "SP0502", "the Egress `b/a` is written twice; the first is at `a.yaml:3:18`"),
            (4, "SP0501", "a second Mesh; the first is at `m.yaml:1:1`"),
        ]
    );
    let found: Vec<_> = checked.egresses.iter().map(|egress| (egress.file, egress.value.name.as_str())).collect();
    assert_eq!(found, [(0, "a"), (3, "c")]);
}

#[test]
fn a_mesh_with_a_problem_is_told_once() {
    let mesh = MESH.replace("{}", "{trustDomain: A B}");
    let checked = check(&[
        file("m.yaml", &mesh),
        file("a.yaml", MINIMAL),
        file("b.yaml", &MINIMAL.replace("name: a", "name: b").replace("a.internal", "b.internal")),
    ]);
    let codes: Vec<_> = checked.diagnostics.iter().map(|problem| (problem.file, problem.code.as_str())).collect();
    assert_eq!(codes, [(0, "SP1204")]);
    assert!(checked.mesh.is_none());
    assert_eq!(checked.egresses.len(), 2);
}

#[test]
fn limits_hold() {
    let large = format!("{MINIMAL}{}", "#".repeat(8 * 1024 * 1024));
    assert_eq!(places(&large), ["1:1 SP0001"]);
    // The file has 21 keys and values without them, `authz` and its list.
    let many = |more: usize| format!("{MINIMAL}  authz: [{}]\n", "a,".repeat(MAX_RULES * 32 - 23 + more));
    let too_many = |text: &str| places(text).iter().filter(|place| place.ends_with("SP0110")).count();
    assert_eq!((too_many(&many(0)), too_many(&many(1))), (0, 1));
    for deep in ["[".repeat(100_000), "- ".repeat(10_000), "{a: ".repeat(10_000), "? ".repeat(10_000)] {
        let codes = places(&deep);
        assert_eq!(codes.len(), 1, "{codes:?}");
        assert!(codes[0].ends_with("SP0109"), "{codes:?}");
    }
}

#[test]
fn ten_thousand_rules_are_read() {
    let mut text = format!("{MINIMAL}  authz:\n    rules:\n");
    for rule in 0..10_000 {
        write!(
            text,
            "    - id: r{rule}\n      action: ALLOW\n      from: [{{source: {{serviceAccounts: [ns{rule}/sa]}}}}]\n      \
             to: [{{operation: {{methods: [GET], paths: [\"/p{rule}/{{*}}\"]}}}}]\n"
        )
        .expect("a string");
    }
    let checked = check_one(&text);
    assert_eq!(checked.diagnostics, []);
    assert_eq!(checked.egresses[0].value.spec.authz.rules.len(), 10_000);
}

/// A route of a standby shows the standby's credential and removes what its file says, so the filter knows those names, too.
#[test]
fn the_policy_has_the_names_that_routes_set_and_remove() {
    let with = |name: &str, headers: &str| {
        let own =
            MINIMAL.replace("name: a", &format!("name: {name}")).replace("a.internal", &format!("{name}.internal"));
        format!("{own}  headers: {{{headers}}}\n")
    };
    let checked = check(&[
        file("a.yaml", &with("a", "remove: [x-own], credential: {name: x-api-key, secretName: s}")),
        file("b.yaml", &with("b", "remove: [x-secret, x-own], credential: {name: authorization, secretName: t}")),
        file("c.yaml", &with("c", "credential: {name: x-api-key, secretName: u}")),
    ]);
    assert_eq!(checked.diagnostics, []);
    let [a, b, c] = &checked.egresses[..] else { panic!("three files") };
    let names = |standbys: &[&Egress]| {
        let headers = policy_source(&a.value, &Mesh::default(), standbys).headers;
        (headers.remove, headers.routed)
    };
    let own = vec!["x-own".to_owned()];
    assert_eq!(names(&[]), (own.clone(), vec!["x-api-key".to_owned()]));
    let all = ["authorization", "x-api-key", "x-own", "x-secret"].map(str::to_owned).to_vec();
    assert_eq!(names(&[&b.value, &c.value]), (own, all));
}

/// The file's own limits leave room for as many rules as a policy may have, and one more is refused as one too many.
#[test]
fn the_most_rules_are_read_and_one_more_is_not() {
    let mut text = format!("{MINIMAL}  authz:\n    rules:\n");
    let rule = |text: &mut String, rule: usize| {
        writeln!(
            text,
            "    - {{id: r{rule}, action: ALLOW, from: [{{source: {{serviceAccounts: [ns/sa]}}}}], \
             to: [{{operation: {{methods: [GET], paths: [/p/{rule}]}}}}]}}"
        )
        .expect("a string");
    };
    (0..MAX_RULES).for_each(|number| rule(&mut text, number));
    let checked = check_one(&text);
    assert_eq!(checked.diagnostics, []);
    assert_eq!(checked.egresses[0].value.spec.authz.rules.len(), MAX_RULES);
    rule(&mut text, MAX_RULES);
    let problems = check_one(&text).diagnostics;
    let found: Vec<_> = problems.iter().map(|problem| (problem.code.as_str(), problem.message.as_str())).collect();
    assert_eq!(found, [("SP1004", "the policy has 50001 rules, but at most 50000 are allowed")]);
}

#[test]
fn the_template_passes() {
    for upstream_host in ["httpbin.org", "10.0.0.1", "::1"] {
        let template = Template {
            schema: "egress.schema.json",
            name: "on",
            namespace: "1e3",
            host: "httpbin.legacy.internal",
            upstream_host,
            upstream_port: 443,
        };
        let text = init_template(&template);
        assert!(text.starts_with("# yaml-language-server: $schema=egress.schema.json\n"));
        let checked = check_one(&text);
        assert_eq!(checked.diagnostics, [], "{text}");
        assert_eq!(checked.egresses[0].value.spec.upstream.host, upstream_host);
        assert_eq!(
            (checked.egresses[0].value.name.as_str(), checked.egresses[0].value.namespace.as_str()),
            ("on", "1e3")
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let file = decode("a", &bytes).unwrap_or_else(|undecodable| undecodable.file.clone());
        spans_lie_in(&file);
    }

    #[test]
    fn no_yaml_breaks_the_reader(text in "([\\[\\]{}:,&*!|>'\"%@`#?\\-<~ \n\t\r.é😀a0\u{0}\u{feff}]|---|: |- |\n  |kind: |spec: ){0,120}") {
        spans_lie_in(&file("a", &text));
    }

    #[test]
    fn no_change_of_a_good_file_breaks_the_reader(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 0usize..12, "[\\[\\]{}:,&*!|>'\"#?\\- \n\té😀a0\u{85}]{0,4}"), 1..6)
    ) {
        let mut characters: Vec<char> = EXAMPLE.chars().collect();
        for (at, removed, inserted) in changes {
            let at = at.index(characters.len());
            let end = (at + removed).min(characters.len());
            characters.splice(at..end, inserted.chars());
        }
        spans_lie_in(&file("a", &characters.into_iter().collect::<String>()));
    }

    /// Whatever the values are, each stays the value of its own field.
    #[test]
    fn nothing_escapes_from_the_template(name in any::<String>(), host in any::<String>(), schema in any::<String>()) {
        let template =
            Template { schema: &schema, name: &name, namespace: "n", host: &host, upstream_host: "a.b", upstream_port: 1 };
        let checked = check_one(&init_template(&template));
        let known = ["SP0005", "SP0211", "SP0301", "SP0302"];
        for problem in checked.diagnostics {
            prop_assert!(known.contains(&problem.code.as_str()), "{problem:?}");
        }
    }
}

fn spans_lie_in(file: &SourceFile) {
    let checked = check(std::slice::from_ref(file));
    for problem in &checked.diagnostics {
        assert!(file.text.get(problem.span.start..problem.span.end).is_some(), "{problem:?}");
        assert_ne!(problem.code, "SP0299", "{problem:?}");
        for (span, _) in &problem.related {
            assert!(file.text.get(span.start..span.end).is_some(), "{problem:?}");
        }
    }
    assert!(!checked.egresses.is_empty() || checked.mesh.is_some() || !checked.diagnostics.is_empty());
}

#[test]
fn what_a_patch_says_is_kept_as_json() {
    let deployment = "  patches: [{kind: Deployment, merge: {spec: {a: null, b: [1, -2.5, true, \"3\", text]}}}, \
                      {kind: Service, name: a, json: [{op: add, path: /spec/x~1y, value: null}]}]\n";
    let checked = check_one(&format!("{MINIMAL}{deployment}"));
    assert_eq!(checked.diagnostics, []);
    let patches = &checked.egresses[0].value.spec.patches;
    let merge = serde_json::json!({"spec": {"a": null, "b": [1, -2.5, true, "3", "text"]}});
    assert_eq!((patches[0].merge.as_deref(), &patches[0].json), (Some(&merge), &None));
    let operations = serde_json::json!([{"op": "add", "path": "/spec/x~1y", "value": null}]);
    assert_eq!((patches[1].name.as_deref(), patches[1].operations()), (Some("a"), Some(operations)));
}

#[test]
fn a_deployment_is_read() {
    let deployment = "  expose: {host: a.example.com, credentialName: a-cert}
  route:
    timeout: 10s
    retries: {attempts: 2, perTryTimeout: 3s}
    connectionPool: {maxConnections: 10, connectTimeout: 3s}
    outlierDetection: {consecutive5xxErrors: 5, maxEjectionPercent: 100}
  gateway: {maxReplicas: 4, install: gateway-api, resources: {cpu: 1}, drainSeconds: 60}
";
    let mesh =
        MESH.replace("{}", "{filter: {image: \"localhost:5000/filter\", pullSecret: pull, delivery: image-volume}}");
    let checked = check(&[file("a.yaml", &format!("{MINIMAL}{deployment}")), file("mesh.yaml", &mesh)]);
    assert_eq!(checked.diagnostics, []);
    let spec = &checked.egresses[0].value.spec;
    let expose = spec.expose.as_ref().expect("a way in");
    assert_eq!((expose.gateway.as_str(), expose.https_redirect), ("istio-system/ingressgateway", true));
    let retries = spec.route.retries.as_ref().expect("retries");
    assert_eq!((retries.attempts, retries.retry_on.as_str()), (2, "connect-failure,refused-stream"));
    let gateway = &spec.gateway;
    assert_eq!((gateway.replicas, gateway.max_replicas, gateway.concurrency), (2, Some(4), 2));
    assert_eq!((gateway.resources.cpu.as_str(), gateway.resources.memory.as_str()), ("1", "256Mi"));
    assert_eq!(checked.mesh.expect("a mesh").value.filter.image, "localhost:5000/filter");
}

/// Those of a Mesh with these lines below `spec`, and `MINIMAL` with those.
fn with_defaults(mesh: &str, egress: &str) -> (Vec<String>, Option<Egress>) {
    let mesh = MESH.replace("spec: {}\n", &format!("spec:\n{mesh}"));
    let checked = check(&[file("egress.yaml", &format!("{MINIMAL}{egress}")), file("mesh.yaml", &mesh)]);
    let problems = checked.diagnostics.iter().map(|problem| format!("{} {}", problem.file, problem.message));
    (problems.collect(), checked.egresses.into_iter().next().map(|egress| egress.value))
}

#[test]
fn an_egress_takes_the_meshs_defaults_field_by_field() {
    let mesh = "  istiod: {namespace: control}
  defaults:
    gateway: {replicas: 3, resources: {cpu: 200m, memory: 1Gi}, numTrustedProxies: 2}
    headers: {hygiene: \"off\"}
    tracing: {mode: envoy, provider: otel, requestId: new}
";
    let (problems, egress) = with_defaults(mesh, "");
    // A lint speaks of what holds, whoever has written it.
    assert_eq!(problems, ["0 the upstream receives the caller's certificate chain"]);
    let spec = egress.expect("it is sound").spec;
    assert_eq!((spec.gateway.replicas, spec.gateway.concurrency), (3, 2));
    assert_eq!((&*spec.gateway.resources.cpu, &*spec.gateway.resources.memory), ("200m", "1Gi"));
    assert_eq!(spec.tracing.provider.as_deref(), Some("otel"));

    let own = "  expose: {host: a.example.com, credentialName: a}
  gateway: {replicas: 1, resources: {memory: 128Mi}}
  headers: {hygiene: strict}
  tracing: {mode: strip}
";
    let (problems, egress) = with_defaults(mesh, own);
    assert_eq!(problems, [] as [&str; 0]);
    let spec = egress.expect("it is sound").spec;
    assert_eq!((&*spec.gateway.resources.cpu, &*spec.gateway.resources.memory), ("200m", "128Mi"));
    assert_eq!((spec.gateway.replicas, spec.gateway.num_trusted_proxies), (1, 2));
    assert_eq!(spec.expose.expect("it is written").gateway.as_str(), "control/ingressgateway");
    // What belongs to another mode is not taken, the rest is.
    assert_eq!(spec.tracing.provider, None);
    assert_eq!(format!("{:?}", spec.tracing.request_id), "New");
}

#[test]
fn a_default_is_wrong_where_it_is_written() {
    // What an Egress relies on is no error of its own because the Mesh has one elsewhere.
    let (problems, _) =
        with_defaults("  nonsense: 1\n  defaults: {tracing: {mode: envoy}}\n", "  tracing: {samplingPerMille: 5}\n");
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].starts_with("1 unknown field"), "{problems:?}");
    // Each number is right by itself.
    let (problems, _) = with_defaults("  defaults: {gateway: {maxReplicas: 3}}\n", "  gateway: {replicas: 4}\n");
    assert_eq!(problems, ["0 `maxReplicas` (3) is less than `replicas` (4)"]);
    let (problems, _) = with_defaults("  defaults: {gateway: {replicas: 4}}\n", "  gateway: {maxReplicas: 3}\n");
    assert_eq!(problems, ["0 `maxReplicas` (3) is less than `replicas` (4)"]);
}

#[test]
fn patches_of_the_mesh_are_linted() {
    let (problems, _) = with_defaults("  patches: [{kind: NetworkPolicy, merge: {spec: {ingress: []}}}]\n", "");
    assert_eq!(problems, ["1 the patch changes `/spec/ingress` of `NetworkPolicy`, which the policy relies on"]);
    let (problems, _) = with_defaults("  patches: [{kind: \"*\", merge: {spec: {}}}]\n", "");
    assert_eq!(problems, ["1 the patch changes `/spec` of every manifest, which the policy relies on"]);
    let labels = "  patches: [{kind: \"*\", json: [{op: add, path: /metadata/labels/a, value: b}]}]\n";
    assert_eq!(with_defaults(labels, "").0, [] as [&str; 0]);
}

#[test]
fn a_host_needs_an_address_unless_it_has_one() {
    for (host, needs) in
        [("a.internal", true), ("a.example", false), ("a.b.svc", false), ("a.b.svc.cluster.local", false)]
    {
        let checked = check_one(&MINIMAL.replace("host: a.internal", &format!("host: {host}")));
        assert_eq!(checked.egresses[0].value.host_needs_address(), needs, "{host}");
    }
    // With endpoints, the upstream's name need not be in DNS.
    let own = MINIMAL.replace("host: a.internal", "host: a.example");
    let fixed = own.replace("port: 443", "port: 443, endpoints: [{address: 192.0.2.1}]");
    assert!(check_one(&fixed).egresses[0].value.host_needs_address());
}

#[test]
fn lists_that_become_routes_have_an_end() {
    let file = |fields: &str| {
        let text = format!(
            "apiVersion: sallyport.dev/v1alpha1\nkind: Egress\nmetadata: {{name: a, namespace: egress-a}}\n\
             spec:\n  host: a.internal\n{fields}"
        );
        check(&[decode("a.yaml", text.as_bytes()).expect("UTF-8")]).diagnostics
    };
    let list = |number: u32, item: fn(u32) -> String| (0..number).map(item).collect::<Vec<_>>().join(", ");
    let upstream = "  upstream: {host: a.example, port: 443}\n";
    let aliases = |number| format!("{upstream}  aliases: [{}]\n", list(number, |at| format!("a{at}.internal")));
    let port = |at| format!("{{port: {}, upstreamPort: 8443}}", 2000 + at);
    let ports = |number| format!("{upstream}  ports: [{}]\n", list(number, port));
    let path = |at| format!("{{path: /a{at}, timeout: 1s}}");
    let paths = |number| format!("{upstream}  route: {{paths: [{}]}}\n", list(number, path));
    let address = |at| format!("{{address: 10.0.{}.{}}}", at / 200, at % 200);
    let endpoints =
        |number| format!("  upstream: {{host: a.example, port: 443, endpoints: [{}]}}\n", list(number, address));
    for (good, bad, code) in [
        (aliases(64), aliases(65), "SP0343"),
        (ports(8), ports(9), "SP0344"),
        (paths(32), paths(33), "SP0345"),
        (endpoints(256), endpoints(257), "SP0342"),
    ] {
        assert_eq!(file(&good), []);
        let problems = file(&bad);
        assert!(problems.len() == 1 && problems[0].code == code, "{problems:?}");
    }
}

/// Istio reads their keys in both spellings.
#[test]
fn extension_providers_are_what_istio_has() {
    for entry in [
        "envoyExtAuthzHttp: {service: a.b, port: 1}",
        "envoy_ext_authz_grpc: {service: a.b, port: 1}",
        "prometheus: {}",
        "stackdriver: {}",
        "envoyFileAccessLog: {path: /dev/stdout}",
        "envoy_otel_als: {service: a.b, port: 1}",
        "sds: {name: a, service: a.b, port: 1}",
    ] {
        let text = MESH.replace("spec: {}", &format!("spec: {{extensionProviders: [{{name: one, {entry}}}]}}"));
        assert_eq!(check_one(&text).diagnostics, [], "{entry}");
    }
}

#[test]
fn a_rule_for_callers_port_gets_that_of_the_gateway() {
    for (port, help) in [
        ("80", "write `\"8443\"`: that is where the gateway listens for callers' port 80"),
        ("81", "write `\"20081\"`: that is where the gateway listens for callers' port 81"),
        ("443", "write the gateway's port, not the upstream's or that of the caller's URL, or remove it"),
    ] {
        let rule = format!(
            "{{id: r, action: ALLOW, from: [{{source: {{serviceAccounts: [b/c]}}}}], to: [{{operation: {{ports: [\"{port}\"]}}}}]}}"
        );
        let ports = "ports: [{port: 81, upstreamPort: 8081}]";
        let text = MINIMAL.replace("spec:\n", &format!("spec:\n  {ports}\n  authz: {{rules: [{rule}]}}\n"));
        let problems = check_one(&text).diagnostics;
        assert_eq!(problems.len(), 1, "{problems:?}");
        let message = format!("the rule `r` is for the port `{port}`, but requests arrive at `8443` or `20081`");
        assert_eq!((problems[0].message.as_str(), problems[0].help.as_deref()), (message.as_str(), Some(help)));
    }
}
