use std::path::{Path, PathBuf};

use super::*;
use crate::local::example::tests::{egress_with, rules};
use crate::local::files::Layout;
use crate::local::resources::{Kind, Resources};
use sallyport_egress::model::Mesh;
use sallyport_egress::model::{JwtProvider, TlsMode};
use snapbox::{Data, assert_data_eq};

/// The Egress of the documentation.
pub(crate) fn example() -> Egress {
    egress_with(rules(
        r#"[{"id":"readers","action":"ALLOW","from":[{"source":{"serviceAccounts":["httpbin/sleep"]}}],
             "to":[{"operation":{"methods":["GET","HEAD"],"paths":["/get","/status/{*}"]}}]}]"#,
    ))
}

/// Calls `then` with what a session would have for this Egress.
pub(crate) fn with_inputs<T>(egress: &Egress, then: impl FnOnce(EnvoyInputs<'_>) -> T) -> T {
    let layout = Layout::new(PathBuf::from("/run/sallyport"));
    let trust = Trust { upstream: Some("/etc/ssl/ca.pem".into()), jwks: Some("/etc/ssl/ca.pem".into()), client: None };
    then(EnvoyInputs { egress, mesh: &Mesh::default(), layout: &layout, port: 8443, connect_to: None, trust: &trust })
}

/// Compares a document with a file beside this one; `SNAPSHOTS=overwrite` writes it.
fn golden(name: &str, value: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/local/bootstrap/golden").join(name);
    assert_data_eq!(format!("{value:#}\n"), Data::read_from(&path, Some(snapbox::data::DataFormat::Text)).raw());
}

fn document(egress: &Egress, kind: Kind) -> Value {
    let text = with_inputs(egress, |inputs| Resources::new(inputs).unwrap().document(kind, 1));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn envoy_gets_what_a_gateway_has() {
    let egress = example();
    golden("bootstrap.json", &with_inputs(&egress, |inputs| bootstrap(&egress, inputs.layout, 0)));
    golden("clusters.json", &document(&egress, Kind::Clusters));
    golden("plugin.json", &document(&egress, Kind::Plugin));
    golden("listener.json", &document(&egress, Kind::Listener));
}

#[test]
fn tokens_are_verified_as_istio_does() {
    let mut egress = example();
    let provider = |issuer: &str, jwks: Option<&str>, uri: Option<&str>| JwtProvider {
        issuer: issuer.parse().unwrap(),
        audiences: vec!["gate".into()],
        jwks: jwks.map(|jwks| jwks.parse().unwrap()),
        jwks_uri: uri.map(|uri| uri.parse().unwrap()),
    };
    egress.spec.authn.jwt = vec![provider("a", None, None)];
    let one = document(&egress, Kind::Listener);
    let filter = &one["resources"][0]["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"][0];
    golden("jwt_one.json", filter);
    egress.spec.authn.jwt.push(provider("b", None, Some("https://id.example/keys")));
    let two = document(&egress, Kind::Listener);
    let filter = &two["resources"][0]["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"][0];
    golden("jwt_two.json", filter);
    let names: Vec<_> = document(&egress, Kind::Clusters)["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cluster| cluster["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["outbound|443||httpbin.org", "jwks_outbound|443||id.example"]);
}

#[test]
fn an_upstream_is_reached_by_name_or_address() {
    let cluster = |egress: &Egress, connect_to: Option<&HostPort>| {
        with_inputs(egress, |inputs| clusters(EnvoyInputs { connect_to, ..inputs }).remove(0))
    };
    let context = |cluster: &Value| cluster["transport_socket"]["typed_config"].clone();
    let names = "/common_tls_context/validation_context/match_typed_subject_alt_names/0";
    let mut egress = example();
    let elsewhere = HostPort { host: "127.0.0.1".into(), port: 9443 };
    let moved = cluster(&egress, Some(&elsewhere));
    assert_eq!((&moved["type"], &context(&moved)["sni"]), (&json!("STATIC"), &json!("httpbin.org")));
    egress.spec.upstream.host = "192.0.2.7".parse().unwrap();
    egress.spec.upstream.tls.sni = None;
    egress.spec.upstream.tls.subject_alt_names = vec!["192.0.2.7".parse().unwrap()];
    let by_address = cluster(&egress, None);
    assert_eq!(by_address["type"], "STATIC");
    assert_eq!(context(&by_address)["sni"], Value::Null);
    assert_eq!(context(&by_address).pointer(names).unwrap()["san_type"], "IP_ADDRESS");
    egress.spec.upstream.tls.subject_alt_names = vec!["spiffe://a/ns/b/sa/c".parse().unwrap()];
    assert_eq!(context(&cluster(&egress, None)).pointer(names).unwrap()["san_type"], "URI");
    egress.spec.upstream.tls.mode = TlsMode::None;
    assert_eq!(cluster(&egress, None)["transport_socket"], Value::Null);
}

#[test]
fn a_forwarder_makes_the_header_of_the_caller_pass() {
    let mut egress = example();
    let details = |egress: &Egress| {
        let listener = document(egress, Kind::Listener);
        let manager = &listener["resources"][0]["filter_chains"][0]["filters"][0]["typed_config"];
        manager["forward_client_cert_details"].clone()
    };
    assert_eq!(details(&egress), "SANITIZE_SET");
    egress.spec.authz.trusted_forwarders = vec!["cluster.local/ns/istio-system/sa/ingress".into()];
    assert_eq!(details(&egress), "APPEND_FORWARD");
}
