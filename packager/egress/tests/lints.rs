//! Every lint: a bad example that it speaks of, in its place, and a good one of which nothing is said.

use sallyport_egress::diagnostic::{Severity, SourceFile};
use sallyport_egress::{check, explain, lint};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// An Egress with this `spec`, in flow style; `spec` may leave out `host` and `upstream`.
fn egress(name: &str, spec: &str) -> SourceFile {
    let mut text = format!(
        "apiVersion: sallyport.dev/v1alpha1\nkind: Egress\nmetadata: {{name: {name}, namespace: egress}}\nspec:\n"
    );
    if !spec.contains("host: same.internal") {
        text.push_str(&format!("  host: {name}.internal\n"));
    }
    if !spec.contains("upstream:") {
        text.push_str("  upstream: {host: a.example, port: 443}\n");
    }
    text.push_str(spec);
    SourceFile { name: format!("{name}.yaml"), text }
}

fn mesh(version: &str) -> SourceFile {
    let text = format!(
        "apiVersion: sallyport.dev/v1alpha1\nkind: Mesh\nmetadata: {{name: mesh}}\nspec:\n  istioVersion: \"{version}\"\n"
    );
    SourceFile { name: "mesh.yaml".to_owned(), text }
}

fn rules(rules: &str) -> SourceFile {
    egress("a", &format!("  authz: {{rules: [{rules}]}}\n"))
}

fn spec(lines: &[&str]) -> SourceFile {
    let lines: String = lines.iter().map(|line| format!("  {line}\n")).collect();
    egress("a", &lines)
}

/// Code, the text that is pointed at, the bad example and the good one.
fn examples() -> Vec<(&'static str, &'static str, Vec<SourceFile>, Vec<SourceFile>)> {
    let exposed = |host: &str| format!("  expose: {{host: {host}, credentialName: cert}}\n");
    const WRITER: &str =
        "{id: w, action: ALLOW, from: [{source: {serviceAccounts: [b/c]}}], to: [{operation: {methods: [POST]}}]}";
    const READER: &str =
        "{id: r, action: ALLOW, from: [{source: {serviceAccounts: [b/c]}}], to: [{operation: {methods: [GET]}}]}";
    const DENY: &str = "{id: d, action: DENY, to: [{operation: {paths: [\"/admin/{**}\"]}}]}";
    const REMOTE: &str = "{id: far, action: DENY, from: [{source: {remoteIpBlocks: [10.0.0.0/8]}}]}";
    let authz = |more: &str, rule: &str| format!("authz: {{{more}rules: [{rule}]}}");
    let retries = |condition: &str| format!("route: {{retries: {{attempts: 1, retryOn: \"{condition}\"}}}}");
    let opa =
        |suffix: &str| format!("gateway: {{opa: {{image: \"openpolicyagent/opa{suffix}\", policyConfigMap: p}}}}");
    let jwt = "authn: {jwt: [{issuer: i, jwksUri: \"https://i.example/\"}]}";
    let proxies = |number: u8| format!("gateway: {{numTrustedProxies: {number}}}");
    let expose = "expose: {host: a.example.com, credentialName: cert}";
    let mutual = "upstream: {host: a.example, port: 443, tls: {mode: MUTUAL, clientCertificate: /c, privateKey: /k}}";
    const PROBE: &str = "health: {probe: {path: /up}}";
    const UP: &str =
        "{id: up, action: ALLOW, from: [{source: {principals: [\"*\"]}}], to: [{operation: {paths: [/up]}}]}";
    const NO_DEBUG: &str = "{id: d, action: DENY, when: [{key: \"request.query[debug]\", values: [\"*\"]}]}";
    const FOR_SOME: &str = "DENY, from: [{source: {notServiceAccounts: [b/c]}}]";
    let to = |names: &str| format!("  health: {{passive: {{}}, failover: [{names}]}}\n");
    let watched = |probe: &str| {
        format!("  health: {{probe: {{{probe}}}, hold: 30s}}\n  route: {{outlierDetection: {{interval: 5s}}}}\n")
    };
    let files = |host: &str, folder: &str| {
        format!("  upstream: {{host: {host}.example, port: 443, tls: {{caCertificates: /{folder}/ca.crt}}}}\n")
    };
    let one = |file: SourceFile| vec![file];
    vec![
        (
            "SP2001",
            "same.internal",
            vec![egress("a", "  host: same.internal\n"), egress("b", "  host: same.internal\n")],
            vec![egress("a", ""), egress("b", "")],
        ),
        (
            "SP2002",
            "x.example.com",
            vec![egress("a", &exposed("x.example.com")), egress("b", &exposed("x.example.com"))],
            vec![egress("a", &exposed("x.example.com")), egress("b", &exposed("y.example.com"))],
        ),
        (
            "SP2003",
            "a.example",
            vec![egress("a", ""), egress("b", "  upstream: {host: a.example, port: 443, tls: {sni: b.example}}\n")],
            vec![egress("a", ""), egress("b", "  upstream: {host: a.example, port: 8443}\n")],
        ),
        (
            "SP2003",
            "a.example",
            vec![
                egress("a", &watched("path: /up")),
                egress("b", &watched("path: /up").replace("probe: {path: /up}, ", "")),
            ],
            vec![egress("a", &watched("path: /up")), egress("b", &watched("path: /health"))],
        ),
        ("SP2004", "c", vec![egress("a", &to("b, c")), egress("b", "")], vec![egress("a", &to("b")), egress("b", "")]),
        (
            "SP2005",
            "c",
            vec![egress("a", &to("b")), egress("b", &to("c")), egress("c", &to("b"))],
            vec![egress("a", &to("b")), egress("b", &to("c")), egress("c", "")],
        ),
        ("SP2005", "a", one(egress("a", &to("a"))), vec![egress("a", &to("b")), egress("b", "")]),
        (
            "SP2006",
            "b",
            vec![egress("a", &to("b, b")), egress("b", "")],
            vec![egress("a", &to("b, c")), egress("b", ""), egress("c", "")],
        ),
        (
            "SP2007",
            "b",
            vec![egress("a", &format!("{}{}", to("b"), files("a", "ca"))), egress("b", &files("b", "ca"))],
            vec![egress("a", &format!("{}{}", to("b"), files("a", "ca/a"))), egress("b", &files("b", "ca/b"))],
        ),
        ("SP2101", "all", one(rules("{id: all, action: ALLOW, to: [{operation: {paths: [/a]}}]}")), one(rules(READER))),
        (
            "SP2101",
            "all",
            one(rules("{id: all, action: ALLOW, from: [{source: {ipBlocks: [10.0.0.1]}}]}")),
            one(rules("{id: all, action: ALLOW, when: [{key: source.principal, values: [\"*\"]}]}")),
        ),
        (
            "SP2102",
            "",
            one(rules(&READER.replace("methods", "notPaths").replace("GET", "/admin"))),
            one(rules(&READER.replace("methods: [GET]", "methods: [GET], notPaths: [/admin]"))),
        ),
        (
            "SP2103",
            "other",
            one(rules(&format!("{READER}, {}", READER.replace("id: r", "id: other")))),
            one(rules(&format!("{READER}, {WRITER}"))),
        ),
        (
            "SP2104",
            "d",
            one(spec(&[&authz("tolerate: [escapedSlash], ", DENY)])),
            one(spec(&[&authz("tolerate: [escapedSlash], ", READER)])),
        ),
        (
            "SP2105",
            "far",
            one(spec(&[expose, &authz("", REMOTE)])),
            one(spec(&[expose, &proxies(1), &authz("", REMOTE)])),
        ),
        ("SP2105", "far", one(spec(&[&proxies(1), &authz("", REMOTE)])), one(spec(&[&authz("", REMOTE)]))),
        (
            "SP2106",
            "true",
            one(spec(&[expose, &authz("discloseRule: true, ", READER)])),
            one(spec(&[&authz("discloseRule: true, ", READER)])),
        ),
        (
            "SP2107",
            "",
            one(rules(&READER.replace("methods: [GET]", "hosts: [a.example.com, \"*.example.com\"]"))),
            one(rules(&READER.replace("methods: [GET]", "hosts: [other.internal, \"A.Internal:*\"]"))),
        ),
        ("SP2108", "/a/../up", one(spec(&["health: {probe: {path: /a/../up}}"])), one(spec(&[PROBE]))),
        (
            "SP2109",
            "/up?debug=1",
            one(spec(&["health: {probe: {path: \"/up?debug=1\"}}", &authz("", NO_DEBUG)])),
            one(spec(&["health: {probe: {path: \"/up?debug=1\"}}", &authz("", &NO_DEBUG.replace("DENY", FOR_SOME))])),
        ),
        (
            "SP2110",
            "up",
            one(spec(&[PROBE, &authz("", UP)])),
            one(spec(&[PROBE, &authz("", &UP.replace("[/up]", "[/up, /down]"))])),
        ),
        (
            "SP2201",
            "443",
            one(spec(&["upstream: {host: a.example, port: 443, tls: {mode: NONE}}"])),
            one(spec(&["upstream: {host: a.example, port: 8080, tls: {mode: NONE}}"])),
        ),
        (
            "SP2201",
            "80",
            one(spec(&["upstream: {host: a.example, port: 80}"])),
            one(spec(&["upstream: {host: a.example, port: 8443}"])),
        ),
        (
            "SP2202",
            "NONE",
            one(spec(&["upstream: {host: a.example, port: 8080, tls: {mode: NONE}}", jwt])),
            one(spec(&[jwt])),
        ),
        (
            "SP2203",
            "",
            one(spec(&["upstream: {host: a.example, port: 443, tls: {subjectAltNames: [b.example]}}"])),
            one(spec(&["upstream: {host: a.example, port: 443, tls: {subjectAltNames: [b.example, a.example]}}"])),
        ),
        (
            "SP2204",
            "",
            one(spec(&[mutual, &authz("", &READER.replace("b/c", "egress/c"))])),
            one(spec(&[mutual, &authz("", READER)])),
        ),
        (
            "SP2204",
            "",
            one(spec(&[mutual, &authz("", &READER.replace("b/c", "c"))])),
            one(spec(&[&authz("", &READER.replace("b/c", "c"))])),
        ),
        (
            "SP2301",
            "connect-failure,5xx",
            one(spec(&[&retries("connect-failure,5xx"), &authz("", WRITER)])),
            one(spec(&[&retries("connect-failure,5xx"), &authz("", READER)])),
        ),
        (
            "SP2302",
            "openpolicyagent/opa:1.9.0-envoy",
            one(spec(&[&opa(":1.9.0-envoy")])),
            one(spec(&[&opa(&format!("@sha256:{}", "0a".repeat(32)))])),
        ),
        (
            "SP2303",
            "NetworkPolicy",
            one(spec(&["patches: [{kind: NetworkPolicy, merge: {spec: {ingress: []}}}]"])),
            one(spec(&["patches: [{kind: Deployment, merge: {metadata: {labels: {team: a}}}}]"])),
        ),
        (
            "SP2304",
            "connect-failure,503",
            one(spec(&[PROBE, &retries("connect-failure,503"), &authz("", READER)])),
            one(spec(&[PROBE, &retries("connect-failure,retriable-4xx"), &authz("", READER)])),
        ),
        (
            "SP2305",
            "500ms",
            one(spec(&[PROBE, "route: {timeout: 500ms}"])),
            one(spec(&["health: {probe: {path: /up, interval: 500ms}}", "route: {timeout: 500ms}"])),
        ),
        (
            "SP2306",
            "1m",
            one(spec(&["health: {passive: {}, hold: 30s}", "route: {outlierDetection: {baseEjectionTime: 1m}}"])),
            one(spec(&["health: {passive: {}, hold: 30s}", "route: {outlierDetection: {interval: 5s}}"])),
        ),
        (
            "SP2307",
            "",
            vec![egress("a", "  health: {failover: [b]}\n"), egress("b", "")],
            vec![egress("a", &to("b")), egress("b", "")],
        ),
        (
            "SP2308",
            "upstream",
            one(spec(&["health: {readiness: upstream}"])),
            one(spec(&["health: {readiness: upstream, passive: {}}"])),
        ),
        ("SP2309", "forceOpen", one(spec(&["health: {override: forceOpen}"])), one(spec(&[PROBE]))),
        (
            "SP2310",
            "Deployment",
            one(spec(&[
                "patches: [{kind: Deployment, merge: {spec: {template: {metadata: {annotations: {proxy.istio.io/config: x}}}}}}]",
            ])),
            one(spec(&["patches: [{kind: Deployment, merge: {metadata: {annotations: {team: a}}}}]"])),
        ),
        ("SP2401", "1.29", one(mesh("1.29")), one(mesh("1.30"))),
        (
            "SP2205",
            "off",
            one(spec(&["headers: {hygiene: off}"])),
            one(spec(&["headers: {hygiene: off, remove: [x-forwarded-client-cert]}"])),
        ),
        (
            "SP2205",
            "x-forwarded-client-cert",
            one(spec(&["headers: {keep: [x-forwarded-client-cert]}"])),
            one(spec(&["headers: {keep: [x-forwarded-for]}"])),
        ),
        (
            "SP2206",
            "",
            one(spec(&[
                "headers: {credential: {name: x-key, secretName: s}}",
                "upstream: {host: a.example, port: 80, tls: {mode: NONE}}",
            ])),
            one(spec(&["headers: {credential: {name: x-key, secretName: s}}"])),
        ),
        (
            "SP2207",
            "r.1",
            one(rules(&format!("{}, {}", READER.replace("id: r", "id: r-1"), WRITER.replace("id: w", "id: r.1")))),
            one(rules(&format!("{}, {}", READER.replace("id: r", "id: r-1"), WRITER.replace("id: w", "id: r-11")))),
        ),
        (
            "SP2402",
            "strip",
            vec![mesh("1.29"), spec(&["tracing: {mode: strip}"])],
            vec![mesh("1.29"), spec(&["tracing: {mode: standalone}"])],
        ),
    ]
}

#[test]
fn every_lint_speaks_of_its_bad_example_alone() {
    let mut shown = BTreeSet::new();
    for (code, at, bad, good) in examples() {
        // Of an old version there are two things to say, and only one is the example's.
        let found = |files: &[SourceFile]| {
            let mut found = check(files).diagnostics;
            found.retain(|found| code != "SP2402" || found.code != "SP2401");
            found
        };
        let (good, found) = (found(&good), found(&bad));
        let codes: Vec<_> = found.iter().map(|found| found.code).collect();
        assert_eq!(codes, [code], "{found:?}");
        let (file, span) = (&bad[found[0].file], found[0].span);
        assert_eq!(file.text[span.start..span.end].trim_matches('"'), at, "{code}");
        assert_eq!(good, [], "{code}");
        shown.insert(code);
    }
    // The others are about manifests, and have their examples in files.
    let of_files = lint::codes().filter(|code| *code < "SP2500");
    assert_eq!(shown.into_iter().collect::<Vec<_>>(), of_files.collect::<Vec<_>>());
}

#[test]
fn messages_keep_the_style_and_have_a_manual() {
    for (code, _, bad, _) in examples() {
        for found in check(&bad).diagnostics {
            for sentence in [&found.message, found.help.as_ref().expect("what would be right")] {
                assert!(!sentence.ends_with('.') && !sentence.starts_with(char::is_uppercase), "{sentence}");
                assert_eq!(sentence.matches('`').count() % 2, 0, "{sentence}");
            }
            assert!(explain(code).is_some_and(|manual| manual.contains("\n\n")), "{code}");
        }
    }
}

/// An Egress that an error speaks of is not built; one with a warning is.
#[test]
fn an_error_takes_the_egress_out() {
    for (code, _, bad, _) in examples() {
        let checked = check(&bad);
        let wrong = checked.diagnostics.iter().filter(|found| found.severity == Severity::Error).count();
        let egresses = bad.iter().filter(|file| file.name != "mesh.yaml").count();
        assert_eq!(checked.egresses.len(), egresses - wrong, "{code}");
    }
}

#[test]
fn the_examples_have_nothing_to_say_of() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/examples");
    let paths =
        ["mesh.yaml", "httpbin/egress.yaml", "ledger/egress.yaml", "partner/egress.yaml", "mainframe/egress.yaml"];
    let read = |name: &&str| SourceFile {
        name: (*name).to_owned(),
        text: fs::read_to_string(folder.join(name)).expect("the example"),
    };
    let checked = check(&paths.iter().map(read).collect::<Vec<_>>());
    assert_eq!(checked.diagnostics, []);
    assert_eq!((checked.egresses.len(), checked.mesh.is_some()), (4, true));
}
