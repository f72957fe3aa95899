//! The Mesh's settings: what they change of the mesh, and of every gateway.

use std::collections::BTreeMap;

use sallyport_core::wire::{Reader, Wire};
use sallyport_egress::model::deploy::Install;
use sallyport_egress::model::{AccessLog, DnsCapture, Egress, Mesh, OutboundTraffic};
use sallyport_egress::value::labels::{Labels, is_own_name};
use sallyport_egress::{check, decode, yaml_value};
use serde_json::{Value, json};

use crate::{built, full, httpbin, root, value, with};

const INSTALLS: [Install; 4] = [Install::Injected, Install::IstioOperator, Install::Helm, Install::GatewayApi];

fn read<T: Wire>(json: &Value) -> T {
    Reader::parse(json.to_string().as_bytes()).unwrap()
}

/// The `meshConfig` of both forms, which is the same.
fn mesh_config(egress: &Egress, mesh: &Mesh) -> (Value, String) {
    let files = built(egress, mesh).files;
    let (operator, values) = (&files["mesh/istiooperator.yaml"], &files["mesh/values.yaml"]);
    let parsed = [operator, values].map(|text| to_json(text));
    assert_eq!(parsed[0]["spec"]["meshConfig"], parsed[1]["meshConfig"]);
    (parsed[1]["meshConfig"].clone(), operator.clone())
}

/// Our own YAML of one document, read by our own reader.
fn to_json(text: &str) -> Value {
    yaml_value(text).unwrap()
}

#[test]
fn the_mesh_is_told_no_more_than_it_must() {
    let public = with(|egress| egress.spec.host = value("httpbin.org"));
    assert_eq!(mesh_config(&public, &Mesh::default()).0, json!({}));
    // Callers find this host nowhere else.
    let (config, text) = mesh_config(&httpbin(), &Mesh::default());
    assert_eq!(config, json!({"defaultConfig": {"proxyMetadata": {"ISTIO_META_DNS_CAPTURE": "true"}}}));
    assert!(text.contains("# defaultConfig: "), "{text}");
    for (dns_capture, egress, is_on) in [(DnsCapture::Never, &httpbin(), false), (DnsCapture::Always, &public, true)] {
        let (config, _) = mesh_config(egress, &Mesh { dns_capture, ..Mesh::default() });
        assert_eq!(config.get("defaultConfig").is_some(), is_on, "{dns_capture}");
    }
}

#[test]
fn what_others_would_notice_is_asked_for_and_said() {
    let outbound_traffic_policy = OutboundTraffic::RegistryOnly;
    let theirs = json!({"name": "otel", "opentelemetry": {"service": "otel.example", "port": 4317}});
    let mesh = Mesh {
        outbound_traffic_policy,
        trust_domain: "example.com".to_owned(),
        access_log: AccessLog::Json,
        extension_providers: vec![read(&theirs)],
        ..Mesh::default()
    };
    let (config, text) = mesh_config(&with(full), &mesh);
    assert_eq!(config["outboundTrafficPolicy"], json!({"mode": "REGISTRY_ONLY"}));
    assert_eq!(config["trustDomain"], "example.com");
    let names: Vec<_> = config["extensionProviders"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["otel", "sallyport-opa-egress-httpbin-httpbin", "sallyport-access-log"]);
    for comment in ["# outboundTrafficPolicy: ", "# extensionProviders: ", "#   istioctl install -f YOURS.yaml"] {
        assert!(text.contains(comment), "no {comment} in\n{text}");
    }
}

#[test]
fn a_gateway_belongs_to_its_revision() {
    let revision = || Some(value("canary"));
    let istiod = sallyport_egress::model::Istiod { namespace: value("control"), ..Default::default() };
    let mesh = Mesh { revision: revision(), istiod, ..Mesh::default() };
    for (install, file, place) in [
        (Install::Injected, "30-deployment.yaml", "istio.io/rev: canary\n        sallyport.dev/"),
        (Install::IstioOperator, "30-istiooperator.yaml", "  revision: canary\n"),
        (Install::Helm, "30-helm-values.yaml", "\nrevision: canary\n"),
        (Install::GatewayApi, "30-deployment.yaml", "    istio.io/rev: canary\n"),
    ] {
        let egress = with(|egress| {
            egress.spec.gateway.install = install;
            egress.spec.gateway.create_namespace = true;
        });
        let files = built(&egress, &mesh).files;
        let folder = "egress-httpbin-httpbin";
        let text = &files[&format!("{folder}/{file}")];
        assert!(text.contains(place), "{install}: {text}");
        let namespace = &files["namespaces/egress-httpbin.yaml"];
        assert!(namespace.contains("istio.io/rev: canary") && !namespace.contains("istio-injection"), "{namespace}");
        assert!(
            files[&format!("{folder}/10-identity.yaml")].contains("kubernetes.io/metadata.name: control"),
            "{install}"
        );
        // Whatever has the label is read by that revision alone, and callers may belong to another.
        for (name, text) in files.iter().filter(|(name, _)| name.contains("40-") || name.contains("50-")) {
            assert!(!text.contains("istio.io/rev"), "{name}");
        }
        let operator = to_json(&files["mesh/istiooperator.yaml"]);
        assert_eq!(operator["metadata"]["namespace"], "control");
        assert_eq!(
            (&operator["spec"]["revision"], &operator["spec"]["namespace"]),
            (&json!("canary"), &json!("control"))
        );
        assert_eq!(operator["spec"]["values"]["global"]["istioNamespace"], "control");
        assert_eq!(to_json(&files["mesh/values.yaml"])["revision"], "canary");
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Labels {
    Labels(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

/// Every manifest of a build, as the lints read them.
fn documents(files: &BTreeMap<String, String>) -> Vec<(String, Value)> {
    let is_manifest =
        |name: &str| name.ends_with(".yaml") && !name.starts_with("mesh/") && !name.ends_with("kustomization.yaml");
    let texts = files.iter().filter(|(name, _)| is_manifest(name));
    let each = texts.flat_map(|(name, text)| {
        text.split("---\n")
            .filter(|part| part.lines().any(|line| !line.starts_with('#')))
            .map(|part| (name.clone(), to_json(part)))
    });
    each.collect()
}

#[test]
fn labels_and_annotations_are_on_every_object_and_replace_none() {
    let mesh = Mesh {
        labels: pairs(&[("team", "payments")]),
        annotations: pairs(&[("example.com/contact", "a@b")]),
        ..Mesh::default()
    };
    for install in INSTALLS {
        let egress = with(|egress| {
            full(egress);
            egress.spec.gateway.install = install;
            egress.spec.route = Default::default();
        });
        let plain = documents(&built(&egress, &Mesh::default()).files);
        let labelled = documents(&built(&egress, &mesh).files);
        for ((name, before), (_, after)) in plain.iter().zip(&labelled) {
            if before.get("metadata").is_none() || before["kind"] == "IstioOperator" {
                let text = after.to_string();
                assert!(
                    text.contains("\"team\":\"payments\"") || text.contains("labels.team\",\"value\":\"payments\""),
                    "{name}"
                );
                continue;
            }
            for (field, key, value) in [("labels", "team", "payments"), ("annotations", "example.com/contact", "a@b")] {
                let mut expected = before["metadata"][field].as_object().cloned().unwrap_or_default();
                // The list of names that users cannot choose has all that are written.
                assert!(expected.keys().all(|key| is_own_name(key)), "{name}: {expected:?}");
                expected.insert(key.to_owned(), value.into());
                assert_eq!(after["metadata"][field], Value::Object(expected), "{install}, {name}");
            }
            assert_eq!(before.pointer("/spec/selector"), after.pointer("/spec/selector"), "{name}");
        }
        let text: String = labelled.iter().map(|(_, value)| value.to_string()).collect();
        assert!(text.contains("example.com/contact"), "{install}");
    }
}

#[test]
fn the_examples_build_with_their_mesh() {
    let text = std::fs::read(root().join("deploy/examples/mesh.yaml")).unwrap();
    let checked = check(&[decode("mesh.yaml", &text).unwrap()]);
    assert!(checked.diagnostics.is_empty(), "{:?}", checked.diagnostics);
    let (config, _) = mesh_config(&httpbin(), &checked.mesh.unwrap().value);
    assert_eq!(config["outboundTrafficPolicy"]["mode"], "REGISTRY_ONLY");
}
