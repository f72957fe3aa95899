//! Manifests as they are found in the wild: the pairs of examples of each lint are in `lints.rs`.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a broken assumption ends the test"
)]

mod marks;
mod objects;

use objects::{entry, objects, route, server, word};
use proptest::prelude::*;
use sallyport_egress::check_with_manifests;
use sallyport_egress::diagnostic::SourceFile;
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn read(name: &str) -> SourceFile {
    let text = fs::read_to_string(folder().join(name)).expect("the file is there");
    SourceFile { name: name.to_owned(), text }
}

/// Line and code of what is found.
fn found(file: &SourceFile) -> Vec<(usize, String)> {
    let found = marks::found(std::slice::from_ref(file));
    found.into_iter().map(|mark| (mark.line, mark.code.to_string())).collect()
}

/// The gateway of 2020 that so many copied, and the policy that its readers wanted.
#[test]
fn every_trap_of_the_blog_is_named() {
    let blog = [read("manifests/blog-2020.yaml")];
    assert_eq!(marks::found(&blog), marks::marked(&blog));
}

/// In one namespace and with labels of their own, as a generator would write them.
#[test]
fn a_thousand_upstreams() {
    let one = ["SP2604", "SP2605", "SP2602", "SP2603", "SP2608", "SP2554"]
        .map(|code| read(&format!("lints/{code}-good.yaml")).text);
    let all: Vec<_> = (0..1_000)
        .map(|number| SourceFile {
            name: format!("{number}.yaml"),
            text: one.join("---\n").replace("httpbin", &format!("upstream-{number}")),
        })
        .collect();
    let start = std::time::Instant::now();
    let checked = check_with_manifests(&all);
    println!("the manifests of 1,000 upstreams: {:?}", start.elapsed());
    assert_eq!((checked.manifests, checked.diagnostics), (22_000, vec![]));
}

/// What is found in manifests, each code with the number of the one that it is about.
fn codes<T: AsRef<str>>(written: &[T]) -> Vec<String> {
    let file = objects(written);
    found(&file).into_iter().map(|(line, code)| format!("{} {code}", line.div_ceil(5))).collect()
}

/// Of files of which a part may be elsewhere.
#[test]
fn names_that_are_near_on_purpose_are_no_slips() {
    let rule = |host: &str| format!("DestinationRule apps r {{host: {host}}}");
    let web = || "Service apps web {selector: {app: web}, ports: [{port: 80, name: http}]}".to_owned();
    let pods = |label: &str| {
        format!(
            "Deployment apps g {{selector: {{matchLabels: {{gateway: {label}}}}}, template: {{metadata: {{labels: \
             {{gateway: {label}}}}}, spec: {{containers: [{{name: istio-proxy, image: auto}}]}}}}}}"
        )
    };
    let silent: [&[String]; 14] = [
        &[entry("apps", "api.eu.example.com", "."), rule("api.us.example.com")],
        &[entry("apps", "db.prod", "."), rule("db.prd")],
        &[web(), rule("web-b")],
        &[web(), rule("webs")],
        &[web(), route("apps", "a.example.com", "x/g", "web2")],
        &[server("apps", "web", "a.example"), route("b", "a.example", "apps/web2", "x.y.svc.cluster.local")],
        &[entry("team-a", "a.example", "team-b")],
        &[entry("apps-eu", "a.example", "apps-us"), entry("prod", "b.example", "prd")],
        &[entry("istio-ingress", "a.example", "istio-egress"), entry("web", "b.example", "webs")],
        &[entry("gateways", "a.example", "gatewasy")],
        &[server("apps", "gateway-b", "a.example"), pods("gateway-a")],
        &[server("apps", "ingressgateway-eu", "a.example"), pods("ingressgateway")],
        &[
            web(),
            "Knative apps orders {template: {}}".to_owned(),
            "Service apps ordres {ports: [{port: 80, name: http}]}".to_owned(),
            route("apps", "a.example", "x/g", "orders"),
        ],
        &[entry("apps", "x.example.com", "apps"), entry("b", "x.example.com", "c, d")],
    ];
    for written in silent {
        assert_eq!(codes(written), Vec::<String>::new(), "{written:?}");
    }
    let spoken: [(&[String], &str); 5] = [
        (&[server("gw", "pub", "a.example.com"), route("b", "a.example.org", "gw/pub", "x.y.svc")], "2 SP2627"),
        (&[server("gw", "partner", "a.example"), route("gw", "a.example", "parnter", "x.y.svc")], "2 SP2614"),
        (&[entry("egress", "a.example", "."), entry("apps", "b.example", "egres")], "2 SP2630"),
        // Of two hosts that several servers should have, one is missing.
        (
            &[
                server("gw", "pub", "a.example.com"),
                server("gw", "priv", "portal.internal"),
                route("b", "potral.internal, portal.internal", "gw/pub, gw/priv", "x.y.svc"),
            ],
            "3 SP2627",
        ),
        // The ServiceEntry alone has the host otherwise.
        (
            &[
                entry("gw", "editon.cnn.com", "."),
                server("gw", "pub", "edition.cnn.com"),
                route("gw", "edition.cnn.com", "gw/pub", "edition.cnn.com"),
            ],
            "1 SP2615",
        ),
    ];
    for (written, expected) in spoken {
        assert_eq!(codes(written), [expected], "{written:?}");
    }
}

#[test]
fn routes_of_a_host_meet_where_both_are_seen() {
    let route = |namespace: &str, export: &str| {
        format!(
            "VirtualService {namespace} v {{hosts: [x.example.com], exportTo: [{export}], http: [{{route: \
             [{{destination: {{host: y.example.com}}}}]}}]}}"
        )
    };
    let table = [
        (["a", "b"], ["a", "b"], false),
        (["a", "b"], [".", "."], false),
        (["a", "b"], ["c, d", "e"], false),
        (["a", "b"], ["c, d", "d, e"], true),
        (["a", "b"], ["'*'", "e"], true),
        (["a", "b"], ["e, f", "'*'"], true),
        (["a", "b"], ["'*'", "."], false),
    ];
    for (namespaces, exports, expected) in table {
        let written = [route(namespaces[0], exports[0]), route(namespaces[1], exports[1])];
        let is_found = codes(&written).contains(&"2 SP2603".to_owned());
        assert_eq!(is_found, expected, "{exports:?}");
    }
}

/// A server for any host does not make every destination a gateway, and pods that are shown are not elsewhere.
#[test]
fn a_gateway_for_any_host_is_where_its_labels_are() {
    let shared = [
        "Gateway istio-system shared {selector: {app: istio-egressgateway, istio: egressgateway}, servers: [{port: {number: \
         443, name: tls, protocol: TLS}, hosts: ['*'], tls: {mode: ISTIO_MUTUAL}}]}",
        "Service istio-system istio-egressgateway {selector: {app: istio-egressgateway, istio: egressgateway}, ports: \
         [{port: 443, name: tls}]}",
    ];
    let others: [&[&str]; 2] = [
        &["VirtualService p ext {hosts: [ext], http: [{route: [{destination: {host: ext, port: {number: 443}}}], \
           rewrite: {authority: ext.example.com}}]}"],
        &[
            "DestinationRule gwapi mtls {host: cnn.gwapi.svc.cluster.local, trafficPolicy: {portLevelSettings: [{port: \
             {number: 443}, tls: {mode: ISTIO_MUTUAL, sni: gwapi.cnn.example}}]}}",
            "ServiceEntry team-a a {hosts: [x.a.example], exportTo: ['.', istio-system], resolution: DNS, ports: [{number: \
             443, name: tls, protocol: TLS}]}",
            "VirtualService team-a a {hosts: [x.a.example], gateways: [istio-system/shared], tcp: [{route: \
             [{destination: {host: x.a.example}}]}]}",
        ],
    ];
    for other in others {
        let written: Vec<_> = shared.iter().chain(other).collect();
        let codes: Vec<_> = codes(&written).into_iter().filter(|code| !code.starts_with("1 ")).collect();
        assert_eq!(codes, Vec::<String>::new(), "{other:?}");
    }
}

#[test]
fn a_canary_of_a_gateway_is_the_same_gateway() {
    let pods = |name: &str, more: &str| {
        format!(
            "Deployment istio-system {name} {{selector: {{matchLabels: {{istio: egressgateway}}}}, template: {{metadata: \
             {{labels: {{app: istio-egressgateway, istio: egressgateway, {more}}}}}, spec: {{containers: [{{name: \
             istio-proxy, image: auto}}]}}}}}}"
        )
    };
    let gateway = "Gateway istio-system g {selector: {istio: egressgateway}, servers: [{port: {number: 443, name: tls, \
                   protocol: TLS}, hosts: [a.example], tls: {mode: PASSTHROUGH}}]}";
    let service =
        "Service istio-system istio-egressgateway {selector: {istio: egressgateway}, ports: [{port: 443, name: tls}]}";
    let is_shared = |written: &[String]| codes(written).iter().any(|code| code.ends_with("SP2571"));
    let canary = |label: &str| {
        vec![
            pods("istio-egressgateway", "istio.io/rev: stable"),
            pods("istio-egressgateway-canary", label),
            gateway.to_owned(),
        ]
    };
    assert!(!is_shared(&canary("istio.io/rev: canary")));
    assert!(is_shared(&canary("team: other")));
    let led = [canary("team: other"), vec![service.to_owned()]].concat();
    assert!(!is_shared(&led));
}

/// What is checked in a time that grows with the number of objects, not with its square.
#[test]
fn thousands_of_objects_take_no_time() {
    let near = |number| format!("{}x{}", &word(number)[..5], &word(number)[6..]);
    let many = |count, one: &dyn Fn(usize) -> Vec<String>| objects(&(0..count).flat_map(one).collect::<Vec<_>>());
    let joined = |count: usize, one: &dyn Fn(usize) -> String| (0..count).map(one).collect::<Vec<_>>().join(", ");
    let host = |number| format!("h{}.example.com", word(number));
    let servers = |count: usize| {
        let server = |at: usize| {
            format!(
                "{{port: {{number: {}, name: p{at}, protocol: TLS}}, hosts: [{}], tls: {{mode: PASSTHROUGH}}}}",
                at + 1,
                host(at)
            )
        };
        let tls = |at: usize| {
            format!(
                "{{match: [{{port: {}, sniHosts: [{}]}}], route: [{{destination: {{host: s{}}}}}]}}",
                at + 1,
                host(at),
                host(at)
            )
        };
        objects(&[
            format!("Gateway apps v {{selector: {{a: b}}, servers: [{}]}}", joined(count, &server)),
            format!(
                "VirtualService apps v {{hosts: [{}], gateways: [v], tls: [{}]}}",
                joined(count, &host),
                joined(count, &tls)
            ),
        ])
    };
    let unserved = |count: usize| {
        let served = server("gw", "pub", &joined(count, &host));
        let mut written = vec![served];
        written.extend((0..count).map(|at| {
            route("b", &format!("h{}.example.com", near(at)), "gw/pub", "x.y.svc").replace("v-b", &format!("v{at}"))
        }));
        objects(&written)
    };
    let entries = |count: usize| {
        many(count, &|at| {
            let namespace = format!("n{}", word(at));
            vec![
                entry(&namespace, &host(at), &format!("n{}", near(at))),
                format!("DestinationRule {namespace} r {{host: h{}.example.com}}", near(at)),
            ]
        })
    };
    let one_entry = |count: usize| {
        let port = |at: usize| format!("{{number: {}, name: p{at}, protocol: TLS}}", at + 1);
        objects(&[format!(
            "ServiceEntry apps v {{hosts: [{}], exportTo: [{}], resolution: DNS, ports: [{}]}}",
            joined(count, &host),
            joined(count, &word),
            joined(count, &port)
        )])
    };
    let gateways = |count: usize| {
        many(count, &|at| {
            vec![
                server("apps", &word(at), "'*'"),
                format!("Service apps s{} {{selector: {{gateway: {}}}, ports: [{{port: 443}}]}}", word(at), near(at)),
                route("apps", &host(at), &near(at), &near(at)).replace("v-apps", &word(at)),
            ]
        })
    };
    let generators: [(&str, &dyn Fn(usize) -> SourceFile); 5] = [
        ("servers", &servers),
        ("unserved", &unserved),
        ("entries", &entries),
        ("one entry", &one_entry),
        ("gateways", &gateways),
    ];
    for (name, generator) in generators {
        let took = |count: usize, tries: usize| {
            let file = [generator(count)];
            let times = (0..tries).map(|_| {
                let started = std::time::Instant::now();
                assert!(check_with_manifests(&file).manifests > 0);
                started.elapsed()
            });
            times.min().expect("a try")
        };
        // Eight times as many, which would take 64 times as long if all were compared with all. Other programs may take the
        // processor from one try, and not from each of three.
        let is_within = (0..3).any(|_| {
            let (few, many) = (took(250, 3), took(2_000, 2));
            println!("{name}: 250 in {few:?}, 2,000 in {many:?}");
            many < few * 32
        });
        assert!(is_within, "{name}");
    }
}

#[test]
fn yaml_that_cannot_be_read_has_a_place_and_hides_nothing_before_it() {
    let text = "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nspec: {hosts: [\"*\"]}\n---\nkind: [\n";
    let file = SourceFile { name: "a.yaml".to_owned(), text: text.to_owned() };
    assert_eq!(found(&file), [(3, "SP2544".to_owned()), (5, "SP0101".to_owned())]);
}

#[test]
fn lists_and_aliases_are_read_as_kubernetes_does() {
    let entry = "apiVersion: networking.istio.io/v1\n  kind: ServiceEntry\n  spec: {hosts: [\"*\"]}\n";
    let file = |text: String| SourceFile { name: "a.yaml".to_owned(), text };
    let list = file(format!("apiVersion: v1\nkind: List\nitems:\n- {entry}- kind: Service\n"));
    assert_eq!(found(&list), [(6, "SP2544".to_owned())]);
    let shared = "all: &all\n  - \"*\"\n---\n";
    let alias = file(format!("{shared}{}", entry.replace("\n  ", "\n").replace("[\"*\"]", "&any [\"*\"], more: *any")));
    assert_eq!(found(&alias), [(6, "SP2544".to_owned()), (6, "SP2574".to_owned())]);
}

#[test]
fn a_manifest_is_read_however_it_is_shaped() {
    let kinds = ["networking.istio.io/v1 Gateway", "networking.istio.io/v1 VirtualService"];
    let others = ["networking.istio.io/v1 DestinationRule", "networking.istio.io/v1 ServiceEntry"];
    let more = ["extensions.istio.io/v1alpha1 WasmPlugin", "security.istio.io/v1 AuthorizationPolicy"];
    let shapes = [
        "",
        "[]",
        "{}",
        "x",
        "{selector: [a], servers: {a: b}, hosts: a, http: [[], x, {route: [1, {destination: x}]}]}",
    ];
    for kind in kinds.iter().chain(&others).chain(&more) {
        let (api_version, kind) = kind.split_once(' ').expect("two words");
        for spec in shapes {
            let text = format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {spec}\nspec: {spec}\n");
            let checked = check_with_manifests(&[SourceFile { name: "a.yaml".to_owned(), text }]);
            assert_eq!(checked.manifests, 1, "{kind} {spec}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_yaml_breaks_the_reader(text in "([\\[\\]{}:,&*!|>'\"%@`#?\\-<~ \n\t\r.é😀a0\u{0}\u{feff}]|---|: |- |\n  |&a |\\*a |<<: ){0,120}") {
        spans_lie_in(format!("apiVersion: networking.istio.io/v1\nkind: Gateway\nspec: {text}"));
    }

    #[test]
    fn no_change_of_a_manifest_breaks_the_reader(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 0usize..12, "[\\[\\]{}:,&*!|>'\"#?\\- \n\té😀a0]{0,4}"), 1..6)
    ) {
        let mut characters: Vec<char> = read("manifests/blog-2020.yaml").text.chars().collect();
        for (at, removed, inserted) in changes {
            let at = at.index(characters.len());
            let end = (at + removed).min(characters.len());
            characters.splice(at..end, inserted.chars());
        }
        spans_lie_in(characters.into_iter().collect());
    }
}

fn spans_lie_in(text: String) {
    let file = SourceFile { name: "a.yaml".to_owned(), text };
    for problem in check_with_manifests(std::slice::from_ref(&file)).diagnostics {
        assert!(file.text.get(problem.span.start..problem.span.end).is_some(), "{problem:?}");
    }
}
