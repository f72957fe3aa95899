//! What keeps a gateway from hurting the mesh around it: its namespace, its network, its files, and what is said of them.

use sallyport_core::wire::{Rule, Stage, TracingMode};
use sallyport_egress::model::deploy::{Install, Patch};
use sallyport_egress::model::{Egress, Mesh};
use sallyport_manifest::{Build, Place};
use serde_json::{Value, json};

use super::{Code, build, built, cases, filter, full, golden, httpbin, image_volume, mesh, patched_with, value, with};

const FOLDER: &str = "egress-httpbin-httpbin";

fn namespace_file(build: &Build) -> &str {
    &build.files["namespaces/egress-httpbin.yaml"]
}

fn created(name: &str, change: impl FnOnce(&mut Egress)) -> Egress {
    with(|egress| {
        egress.name = value(name);
        egress.spec.host = value(&format!("{name}.legacy.internal"));
        egress.spec.gateway.create_namespace = true;
        change(egress);
    })
}

fn labelled(label: &str) -> Patch {
    let merge = Some(patched_with(&json!({"metadata": {"labels": {(label): "yes"}}})));
    Patch { kind: "Namespace".to_owned(), name: None, merge, json: None }
}

#[test]
fn gateways_of_one_namespace_share_its_object() {
    let one = created("one", |egress| egress.spec.patches = vec![labelled("of-one")]);
    let two = created("two", |egress| egress.spec.patches = vec![labelled("of-two")]);
    // Without `createNamespace` it neither makes nor changes the namespace.
    let third = with(|egress| egress.name = value("three"));
    let built = build(&[&two, &third, &one], &mesh("1.31"), &filter(), true).unwrap();
    let holders: Vec<_> = built.files.iter().filter(|(_, text)| text.contains("kind: Namespace\n")).collect();
    assert_eq!(holders.len(), 1, "{holders:?}");
    for said in ["of-one: yes", "of-two: yes", "pod-security.kubernetes.io/enforce: restricted", "sync-wave: \"0\""] {
        assert!(namespace_file(&built).contains(&said.replace("yes", "\"yes\"")), "{said}: {}", namespace_file(&built));
    }
    assert!(built.files["namespaces/kustomization.yaml"].contains("- egress-httpbin.yaml\n"));
    golden("namespace-shared", &built.files);
}

#[test]
fn no_two_manifests_are_of_one_object() {
    let egresses = [created("one", full), created("two", |_| ())];
    let built = build(&egresses.iter().collect::<Vec<_>>(), &mesh("1.31"), &filter(), false).unwrap();
    let mut seen = Vec::new();
    for (file, text) in
        built.files.iter().filter(|(file, _)| !file.ends_with("kustomization.yaml") && !file.starts_with("mesh/"))
    {
        for document in text.split("---\n").filter(|document| document.contains("kind: ")) {
            let line =
                |key: &str| document.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().to_owned();
            let object = (line("kind: "), line("  namespace: "), line("  name: "));
            assert!(!seen.contains(&object), "{file}: {object:?}");
            seen.push(object);
        }
    }
    assert!(seen.len() > 20);
}

#[test]
fn without_the_setting_there_is_no_namespace() {
    assert!(!built(&httpbin(), &mesh("1.31")).files.keys().any(|file| file.starts_with("namespaces/")));
}

#[test]
fn every_object_says_which_version_made_it() {
    let version = format!("    sallyport.dev/version: \"{}\"\n", env!("CARGO_PKG_VERSION"));
    for (case, egress, mesh) in cases() {
        for (file, text) in built(&egress, &mesh).files {
            let is_object = |document: &&str| {
                document.contains("\n  name: ")
                    && !file.starts_with("mesh/")
                    && !file.contains("/30-istio")
                    && !file.contains("/30-helm")
            };
            for document in text.split("---\n").filter(is_object) {
                assert_eq!(document.matches(&version).count(), 1, "{case} {file}: {document}");
            }
        }
    }
}

#[test]
fn a_version_alone_restarts_no_pod() {
    for (case, egress, mesh) in cases() {
        for (file, text) in built(&egress, &mesh).files.into_iter().filter(|(file, _)| file.contains("/30-")) {
            for template in text.split("---\n").filter_map(|document| document.split_once("  template:")) {
                assert!(!template.1.contains("sallyport.dev/version"), "{case} {file}");
            }
        }
    }
}

fn rule(json: &Value) -> Rule {
    patched_with(json)
}

fn identity_file(change: impl FnOnce(&mut Egress), mesh: &Mesh) -> (String, Vec<(String, String)>) {
    let built = built(&with(change), mesh);
    (built.files[&format!("{FOLDER}/10-identity.yaml")].clone(), built.open_to_all)
}

/// The namespaces from which callers may connect; none for all.
fn callers(rules: &[Value], change: impl FnOnce(&mut Egress)) -> Result<Vec<String>, String> {
    let (text, open) = identity_file(
        |egress| {
            egress.spec.authz.rules = rules.iter().map(rule).collect();
            change(egress);
        },
        &mesh("1.31"),
    );
    let values = text.split("          values:\n").nth(1);
    match (values, open.first()) {
        (Some(values), None) => Ok(values
            .lines()
            .map_while(|line| line.strip_prefix("          - "))
            .map(|name| name.trim_matches('"').to_owned())
            .collect()),
        (None, Some((egress, why))) => {
            assert_eq!(egress, "egress-httpbin/httpbin");
            assert!(
                text.contains(&format!("# Callers, from every namespace, because {}", why.split(' ').next().unwrap())),
                "{text}"
            );
            Err(why.clone())
        }
        other => panic!("{other:?}: {text}"),
    }
}

fn allow(from: &Value) -> Value {
    json!({"id": "r", "action": "ALLOW", "from": [{"source": from}]})
}

#[test]
fn callers_connect_from_the_namespaces_that_rules_name() {
    let names = |names: &[&str]| Ok(names.iter().map(|name| (*name).to_owned()).collect());
    let forwarder = |egress: &mut Egress| {
        egress.spec.authz.trusted_forwarders = vec!["cluster.local/ns/edge/sa/gateway".to_owned()];
    };
    for (from, found) in [
        (json!({"serviceAccounts": ["a/b", "c/d"]}), names(&["a", "c"])),
        (json!({"serviceAccounts": ["b"]}), names(&["egress-httpbin"])),
        (json!({"namespaces": ["a"], "methods": null}), names(&["a"])),
        (json!({"principals": ["cluster.local/ns/a/sa/*"]}), names(&["a"])),
        (json!({"principals": ["cluster.local/ns/a/sa/b"], "namespaces": ["*"]}), names(&["a"])),
    ] {
        let from: Value = from
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        assert_eq!(callers(&[allow(&from)], |_| ()), found, "{from}");
    }
    let denies = json!({"id": "d", "action": "DENY"});
    let by_condition = json!({"id": "c", "action": "ALLOW", "when": [{"key": "source.namespace", "values": ["a"]}]});
    assert_eq!(callers(&[denies, by_condition], |_| ()), names(&["a"]));
    let shadow = json!({"id": "s", "action": "ALLOW", "stage": "shadow", "from": [{"source": {"namespaces": ["b"]}}]});
    assert_eq!(callers(&[allow(&json!({"namespaces": ["a"]})), shadow], forwarder), names(&["a", "b", "edge"]));
    let exposed = |egress: &mut Egress| full(egress);
    assert_eq!(callers(&[allow(&json!({"namespaces": ["a"]}))], exposed), names(&["a", "istio-system"]));
}

#[test]
fn callers_connect_from_anywhere_where_rules_name_no_namespace() {
    let unnamed = || Err("the rule `r` does not name its callers' namespaces".to_owned());
    for from in [
        json!({"ipBlocks": ["10.0.0.0/8"]}),
        json!({"namespaces": ["team-*"]}),
        json!({"principals": ["*"]}),
        json!({"principals": ["other.example/ns/a/sa/b"]}),
        json!({"principals": ["cluster.local/ns/team-*"]}),
        json!({"notNamespaces": ["a"]}),
        json!({"requestPrincipals": ["*"]}),
    ] {
        assert_eq!(callers(&[allow(&from)], |_| ()), unnamed(), "{from}");
    }
    let everyone = json!({"id": "r", "action": "ALLOW"});
    assert_eq!(callers(&[allow(&json!({"namespaces": ["a"]})), everyone], |_| ()), unnamed());
    assert_eq!(callers(&[], |_| ()), Err("no rule allows a caller".to_owned()));
    let shadow = |egress: &mut Egress| egress.spec.rollout.stage = Stage::Shadow;
    let why = "with `rollout.stage: shadow` requests of any caller pass".to_owned();
    assert_eq!(callers(&[allow(&json!({"namespaces": ["a"]}))], shadow), Err(why));
    let foreign = |egress: &mut Egress| egress.spec.authz.trusted_forwarders = vec!["other/ns/a/sa/b".to_owned()];
    let why = "a trusted forwarder is not in this mesh".to_owned();
    assert_eq!(callers(&[allow(&json!({"namespaces": ["a"]}))], foreign), Err(why));
}

#[test]
fn the_network_allows_what_the_file_asks_for() {
    let (text, _) = identity_file(
        |egress| {
            full(egress);
            egress.spec.authn.jwt[0].jwks_uri = Some(value("https://login.example.com:9443/keys"));
        },
        &Mesh {
            filter: super::FilterImage { image: value("registry.example.com:5000/a/b"), ..Default::default() },
            ..mesh("1.31")
        },
    );
    for (reason, port) in [
        ("# DNS.", 53),
        ("# istiod: configuration and certificates.", 15012),
        ("# The registry with the filter's image.", 443),
        ("# The upstream, httpbin.org.", 8443),
        ("# The key set of login.example.com.", 9443),
        ("# The tracer, on the ports of OTLP and Zipkin.", 4317),
    ] {
        let rule = text.split(reason).nth(1).unwrap_or_else(|| panic!("{reason}: {text}"));
        assert!(
            rule.split("  - ports:").take(2).any(|rule| rule.contains(&format!("- port: {port}\n"))),
            "{reason}: {rule}"
        );
    }
    assert!(text.contains("- port: 8282\n"), "the kubelet's probe of OPA: {text}");
}

#[test]
fn the_network_leads_to_the_tracer_of_the_mesh() {
    let otel = json!({"name": "otel", "opentelemetry": {"service": "otel.example", "port": 14317}});
    let zipkin = json!({"name": "zipkin", "zipkin": {"service": "zipkin.example", "port": 19411}});
    let log = json!({"name": "log", "envoyOtelAls": {"service": "log.example", "port": 4444}});
    for (named, of_mesh, reason, ports) in [
        (true, vec![otel.clone(), zipkin.clone()], "# The tracer `otel`.", vec![14317]),
        (true, vec![zipkin.clone(), log.clone()], "# The tracer, on", vec![4317, 4318, 9411, 19411]),
        (false, vec![otel, zipkin, log], "# The tracer, on", vec![4317, 4318, 9411, 14317, 19411]),
    ] {
        let (text, _) = identity_file(
            |egress| {
                egress.spec.tracing.mode = TracingMode::Envoy;
                egress.spec.tracing.provider = named.then(|| value("otel"));
            },
            &Mesh { extension_providers: of_mesh.iter().map(patched_with).collect(), ..mesh("1.31") },
        );
        let rule = text.split(reason).nth(1).unwrap_or_else(|| panic!("{reason}: {text}"));
        let rule = rule.split("  - ports:").nth(1).unwrap_or_default();
        let rule = rule.split("\n  ingress:").next().unwrap_or_default();
        let found: Vec<u16> =
            rule.lines().filter_map(|line| line.trim().strip_prefix("- port: ")?.parse().ok()).collect();
        assert_eq!(found, ports, "{text}");
    }
}

#[test]
fn a_comment_is_about_what_is_there() {
    let replicas = "# No `replicas`:";
    let deployment = |change: &dyn Fn(&mut Egress)| {
        built(&with(|egress| change(egress)), &mesh("1.31")).files[&format!("{FOLDER}/30-deployment.yaml")].clone()
    };
    assert!(!deployment(&|_| ()).contains(replicas));
    let scaled = |egress: &mut Egress| egress.spec.gateway.max_replicas = Some(5);
    assert!(deployment(&scaled).contains(replicas));
    let patched = |egress: &mut Egress| {
        scaled(egress);
        let merge = Some(patched_with(&json!({"spec": {"replicas": 3}})));
        egress.spec.patches = vec![Patch { kind: "Deployment".to_owned(), name: None, merge, json: None }];
    };
    assert!(!deployment(&patched).contains(replicas), "{}", deployment(&patched));
}

#[test]
fn files_that_the_pods_could_not_have_are_refused() {
    for (path, problem) in [
        ("ca.crt", "is a relative path, which only `sallyport run` can read"),
        ("certs/ca.crt", "is a relative path, which only `sallyport run` can read"),
        ("/ca.crt", "is in `/`, where no Secret can be mounted"),
        ("/etc/ca.crt", "is in `/etc`, where no Secret can be mounted"),
        ("/var/run/secrets/istio/ca.crt", "is in `/var/run/secrets/istio`, where no Secret can be mounted"),
        ("/opt/sallyport/ca.crt", "is in `/opt/sallyport`, where the filter's image is mounted"),
    ] {
        let egress = with(|egress| egress.spec.upstream.tls.ca_certificates = Some(value(path)));
        let errors = build(&[&egress], &image_volume(), &filter(), false).unwrap_err();
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].code, Code::CertificatePath);
        let message = format!("the Egress `egress-httpbin/httpbin`: `upstream.tls.caCertificates` {problem}");
        assert_eq!(errors[0].message, message);
        let help = "write `/etc/sallyport/upstream/ca.crt`, and put the file into the Secret `httpbin-upstream-tls` as `ca.crt`";
        assert_eq!(errors[0].help.as_deref(), Some(help));
        let Place::Egress { path, .. } = errors[0].place.as_ref() else { panic!("{errors:?}") };
        assert_eq!(path, "spec.upstream.tls.caCertificates");
    }
}

#[test]
fn a_rollout_is_as_the_file_says_in_every_install_mode() {
    for install in [Install::Injected, Install::IstioOperator, Install::Helm, Install::GatewayApi] {
        let egress = with(|egress| {
            (egress.spec.gateway.max_surge, egress.spec.gateway.max_unavailable) = (0, 1);
            egress.spec.gateway.install = install;
        });
        let files = built(&egress, &mesh("1.31")).files;
        let said = files.iter().any(|(file, text)| {
            file.contains("/30-") && text.contains("maxSurge: 0\n") && text.contains("maxUnavailable: 1\n")
        });
        assert!(said, "{install:?}");
        assert!(!files.values().any(|text| text.contains("# A new pod is ready before")), "{install:?}");
    }
}

#[test]
fn a_timeout_is_written_as_the_api_has_it() {
    let egress = with(|egress| {
        egress.spec.gateway.install = Install::GatewayApi;
        egress.spec.route.timeout = Some(value("1.5s"));
    });
    let routes = &built(&egress, &mesh("1.31")).files[&format!("{FOLDER}/50-routes.yaml")];
    assert!(routes.contains("request: \"1s500ms\"\n"), "{routes}");
}
