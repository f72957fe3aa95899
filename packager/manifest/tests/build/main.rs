//! Goldens of whole folders, and what holds for each of them. `SNAPSHOTS=overwrite` writes the goldens again.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a broken assumption ends the test")]

mod guard;
mod health;
mod mesh;
mod patch_messages;
mod patches;
mod serve;
mod upstreams;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sallyport_core::wire::{Reader, Rule, TracingMode, Wire};
use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::model::deploy::{
    ConnectionPool, Delivery, Expose, FilterImage, Install, Opa, OutlierDetection, Patch, Retries, Route,
};
use sallyport_egress::model::outbound::{Credential, Headers, SetHeader, Tracing};
use sallyport_egress::model::{AccessLog, Egress, IstioVersion, JwtProvider, Mesh, TlsMode};
use sallyport_egress::value::digest::Digest;
use sallyport_egress::{Code, FileKind, check, check_with_manifests, decode, recognise};
use serde_json::{Value, json};

use sallyport_manifest::{Build, BuildError, Options, PinnedFilter, Rollouts};
use snapbox::{Data, assert_data_eq};

/// A value that is right, from its text.
fn value<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

/// What a patch writes, from JSON.
fn patched_with<T: Wire>(json: &Value) -> T {
    Reader::parse(json.to_string().as_bytes()).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn httpbin() -> Egress {
    let bytes = fs::read(root().join("deploy/examples/httpbin/egress.yaml")).unwrap();
    let checked = check(&[decode("egress.yaml", &bytes).unwrap()]);
    assert!(checked.diagnostics.is_empty(), "{:?}", checked.diagnostics);
    checked.egresses.into_iter().next().unwrap().value
}

fn build(egresses: &[&Egress], mesh: &Mesh, filter: &PinnedFilter, argo: bool) -> Result<Build, Vec<BuildError>> {
    sallyport_manifest::build(egresses, mesh, filter, &Rollouts::default(), Options { argo, ..Options::default() })
}

fn filter() -> PinnedFilter {
    PinnedFilter { image: value("registry.example.com/sallyport/filter"), digest: Digest::from_bytes([0xab; 32]) }
}

fn mesh(version: &str) -> Mesh {
    Mesh { istio_version: IstioVersion::parse(version).unwrap(), ..Mesh::default() }
}

fn built(egress: &Egress, mesh: &Mesh) -> Build {
    build(&[egress], mesh, &filter(), false).unwrap()
}

fn with(change: impl FnOnce(&mut Egress)) -> Egress {
    let mut egress = httpbin();
    change(&mut egress);
    egress
}

fn golden(case: &str, files: &BTreeMap<String, String>) {
    let text: String = files.iter().map(|(name, text)| format!("##### {name}\n{text}")).collect();
    // A release changes no golden.
    let version = format!("sallyport.dev/version: \"{}\"", env!("CARGO_PKG_VERSION"));
    let text = text.replace(&version, "sallyport.dev/version: VERSION");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{case}.txt"));
    assert_data_eq!(text, Data::read_from(&path, None).raw());
}

/// Everything that an Egress can say, at once.
fn full(egress: &mut Egress) {
    let spec = &mut egress.spec;
    spec.expose = Some(Expose {
        host: value("httpbin.example.com"),
        aliases: Vec::new(),
        gateway: value("istio-system/ingressgateway"),
        credential_name: value("httpbin-cert"),
        https_redirect: true,
    });
    spec.upstream.port = 8443;
    spec.upstream.tls.mode = TlsMode::Mutual;
    spec.upstream.tls.ca_certificates = Some(value("/etc/sallyport/tls/ca.crt"));
    spec.upstream.tls.client_certificate = Some(value("/etc/sallyport/tls/tls.crt"));
    spec.upstream.tls.private_key = Some(value("/etc/sallyport/tls/tls.key"));
    let per_try_timeout = Some(value("2s"));
    let retries = Retries { attempts: 2, per_try_timeout, retry_on: value("connect-failure") };
    spec.route = Route { timeout: Some(value("10s")), retries: Some(retries), ..Route::default() };
    spec.route.connection_pool = Some(ConnectionPool {
        max_connections: Some(100),
        connect_timeout: Some(value("1s")),
        max_pending_requests: Some(50),
        ..ConnectionPool::default()
    });
    spec.route.outlier_detection = Some(OutlierDetection {
        consecutive5xx_errors: Some(5),
        interval: Some(value("10s")),
        ..OutlierDetection::default()
    });
    spec.authn.jwt = vec![JwtProvider {
        issuer: value("https://issuer.example.com"),
        audiences: vec![value("httpbin")],
        jwks: None,
        jwks_uri: Some(value("https://issuer.example.com/jwks")),
    }];
    let provider = Some(value("otel"));
    spec.tracing = Tracing { mode: TracingMode::Envoy, provider, sampling_per_mille: Some(10), ..Tracing::default() };
    spec.headers = Headers {
        keep: vec![value("x-user")],
        set: vec![SetHeader { name: value("x-caller"), value: value("%{caller.serviceAccount}") }],
        credential: Some(Credential {
            name: value("authorization"),
            prefix: value("Bearer "),
            secret_name: value("httpbin-token"),
            secret_key: value("token"),
        }),
        ..Headers::default()
    };
    spec.gateway.max_replicas = Some(5);
    spec.gateway.create_namespace = true;
    spec.gateway.num_trusted_proxies = 1;
    spec.gateway.opa = Some(Opa {
        image: value("openpolicyagent/opa:1.4.2-envoy"),
        policy_config_map: value("httpbin-policy"),
        path: value("envoy/authz/allow"),
    });
}

fn image_volume() -> Mesh {
    let pull_secret = Some(value("registry"));
    Mesh {
        filter: FilterImage { delivery: Delivery::ImageVolume, pull_secret, ..FilterImage::default() },
        ..Mesh::default()
    }
}

/// Every case that has a golden.
fn cases() -> Vec<(&'static str, Egress, Mesh)> {
    let installed = |install| with(|egress| egress.spec.gateway.install = install);
    let full_installed = |install| {
        with(|egress| {
            full(egress);
            egress.spec.gateway.install = install;
            if install == Install::GatewayApi {
                egress.spec.route.retries = None;
                egress.spec.health.probe = None;
            }
        })
    };
    vec![
        ("injected", httpbin(), mesh("1.31")),
        ("wasmplugin", httpbin(), mesh("1.29")),
        ("istiooperator", installed(Install::IstioOperator), mesh("1.31")),
        ("helm", installed(Install::Helm), mesh("1.31")),
        ("gateway-api", installed(Install::GatewayApi), mesh("1.31")),
        ("full", with(full), Mesh { access_log: AccessLog::Json, ..mesh("1.30") }),
        ("full-istiooperator", full_installed(Install::IstioOperator), image_volume()),
        ("full-helm", full_installed(Install::Helm), image_volume()),
        ("full-gateway-api", full_installed(Install::GatewayApi), image_volume()),
        ("image-volume", httpbin(), image_volume()),
        ("plain-address", with(plain_address), mesh("1.31")),
    ]
}

fn plain_address(egress: &mut Egress) {
    egress.spec.upstream.host = value("192.0.2.7");
    egress.spec.upstream.port = 8080;
    egress.spec.upstream.tls = sallyport_egress::model::UpstreamTls { mode: TlsMode::None, ..Default::default() };
}

#[test]
fn folders_are_as_the_goldens_say() {
    for (case, egress, mesh) in cases() {
        golden(case, &built(&egress, &mesh).files);
    }
    let argo = build(&[&httpbin()], &mesh("1.31"), &filter(), true).unwrap();
    golden("argo", &argo.files);
}

#[test]
fn no_field_is_null_and_nothing_is_deprecated() {
    for (case, egress, mesh) in cases() {
        for (file, text) in built(&egress, &mesh).files {
            assert!(!text.contains(": null"), "{case} {file}");
            assert!(!text.contains("kind: Sidecar"), "{case} {file}");
        }
    }
}

#[test]
fn the_lints_of_manifests_have_nothing_to_say() {
    for (case, mut egress, mesh) in cases() {
        // In the namespace of its callers a gateway with a certificate of its own is rightly spoken of.
        egress.namespace = value("egress-httpbin");
        let files = built(&egress, &mesh).files;
        let manifests = files.into_iter().filter(|(_, text)| recognise(text) == FileKind::Manifests);
        let sources: Vec<_> = manifests.map(|(name, text)| SourceFile { name, text }).collect();
        let checked = check_with_manifests(&sources);
        assert_eq!((checked.diagnostics, checked.manifests > 5), (vec![], true), "{case}");
    }
}

#[test]
fn the_plugin_comes_before_the_pods_and_the_routes_come_last() {
    for (case, egress, mesh) in cases() {
        let files = built(&egress, &mesh).files;
        let at = |kind: &str| files.iter().position(|(_, text)| text.contains(&format!("\nkind: {kind}\n")));
        let plugin = at("TrafficExtension").or_else(|| at("WasmPlugin")).unwrap();
        for later in ["Deployment", "Gateway", "VirtualService", "HTTPRoute"] {
            assert!(at(later).is_none_or(|position| plugin < position), "{case} {later}");
        }
        assert!(at("Gateway") <= at("VirtualService"), "{case}");
    }
}

#[test]
fn without_the_filters_mark_there_is_no_way_to_the_upstream() {
    for (case, egress, mesh) in cases() {
        let routes = &built(&egress, &mesh).files["egress-httpbin-httpbin/50-routes.yaml"];
        let to_upstream = routes.split("---\n").find(|text| text.contains("name: httpbin-upstream\n")).unwrap();
        let (marked, nowhere) = match egress.spec.gateway.install {
            Install::GatewayApi => (
                "      - name: x-sallyport-route\n        type: Exact\n        value: egress-httpbin/httpbin\n",
                "  - matches:\n    - path:\n        type: PathPrefix\n        value: /\n",
            ),
            _ => ("        x-sallyport-route:\n          exact: egress-httpbin/httpbin\n", "  - name: nowhere\n"),
        };
        assert!(to_upstream.contains(marked), "{case}: {to_upstream}");
        assert!(to_upstream.contains("        - x-sallyport-route\n"), "{case}: the upstream is told");
        // Without a route Envoy asks no external authorization.
        assert!(to_upstream.contains(nowhere), "{case}: OPA is not asked: {to_upstream}");
    }
}

#[test]
fn order_does_not_show() {
    let other = with(|egress| egress.name = value("other"));
    let (one, mesh) = (httpbin(), mesh("1.31"));
    let forth = build(&[&one, &other], &mesh, &filter(), false).unwrap();
    let back = build(&[&other, &one], &mesh, &filter(), false).unwrap();
    assert_eq!(forth, back);
}

fn code(egresses: &[&Egress]) -> Code {
    build(egresses, &mesh("1.31"), &filter(), false).unwrap_err()[0].code
}

#[test]
fn what_cannot_be_built_is_refused() {
    let patch =
        |kind: &str, json| Patch { kind: kind.to_owned(), name: None, merge: None, json: Some(patched_with(&json)) };
    let patched = |patch| with(|egress| egress.spec.patches = vec![patch]);
    assert_eq!(code(&[&patched(patch("Ingress", json!([])))]), Code::PatchNotApplied);
    assert_eq!(code(&[&patched(patch("Service", json!([{"op": "remove", "path": "/no"}])))]), Code::PatchNotApplied);
    assert_eq!(code(&[&with(|egress| egress.name = value(&"a".repeat(57)))]), Code::ResourceNames);
    let with_opa = |length| {
        with(|egress| {
            full(egress);
            egress.namespace = value("a");
            egress.name = value(&"b".repeat(length));
        })
    };
    let longest = 63 - "sallyport-opa-a-".len();
    assert!(build(&[&with_opa(longest)], &mesh("1.31"), &filter(), false).is_ok());
    assert_eq!(code(&[&with_opa(longest + 1)]), Code::ResourceNames);
    let named =
        |namespace: &str, name: &str| with(|egress| (egress.namespace, egress.name) = (value(namespace), value(name)));
    let egress = with(|egress| {
        full(egress);
        egress.spec.gateway.install = Install::GatewayApi;
    });
    assert_eq!(code(&[&egress]), Code::InstallMode);
    assert_eq!(code(&[&with(|egress| egress.spec.health.failover = vec![value("nobody")])]), Code::StandbyMissing);
    // No retries are what the Gateway API says, too.
    let none = Retries { attempts: 0, per_try_timeout: None, retry_on: value("connect-failure") };
    let egress = with(|egress| {
        egress.spec.gateway.install = Install::GatewayApi;
        egress.spec.route.retries = Some(none);
    });
    assert!(build(&[&egress], &mesh("1.31"), &filter(), false).is_ok());
    assert_eq!(code(&[&named("a-b", "c"), &named("a", "b-c")]), Code::ResourceNames);
}

#[test]
fn a_policy_above_1_mib_is_refused() {
    let large = with(|egress| {
        let first = egress.spec.authz.rules[0].clone();
        let rules = (0..20_000).map(|number| Rule { id: format!("rule-{number}"), ..first.clone() });
        egress.spec.authz.rules = rules.collect();
    });
    assert_eq!(code(&[&large]), Code::PolicyTooLarge);
}

#[test]
fn a_thousand_upstreams() {
    let egresses: Vec<_> = (0..1_000).map(|number| with_name(&httpbin(), number)).collect();
    let start = std::time::Instant::now();
    let build = build(&egresses.iter().collect::<Vec<_>>(), &mesh("1.31"), &filter(), false).unwrap();
    println!("{} files of 1,000 upstreams: {:?}", build.files.len(), start.elapsed());
    assert_eq!(build.files.len(), 7 * 1_000 + 2);
}

fn with_name(egress: &Egress, number: u32) -> Egress {
    Egress { name: value(&format!("upstream-{number}")), ..egress.clone() }
}
