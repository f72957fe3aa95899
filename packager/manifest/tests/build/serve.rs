//! What Envoy gets: the objects of a gateway, translated. Against a real istiod it is compared in `cluster_differential`.

use sallyport_manifest::{HostPort, Rollouts, Served, Surroundings, plans};

use super::*;

pub(crate) fn served(egresses: &[&Egress], mesh: &Mesh) -> Served {
    let filter = filter();
    let plans = plans(egresses, mesh, &filter, &Rollouts::default());
    let name = &egresses[0].name;
    let plan = plans.iter().find(|plan| plan.egress.name == *name).unwrap();
    sallyport_manifest::serve(plan, &plans).unwrap()
}

fn json_of(served: &Served) -> Value {
    let Served { listeners, routes, clusters, endpoints, extensions, not_served, .. } = served;
    json!({
        "listeners": listeners, "routes": routes, "clusters": clusters, "endpoints": endpoints,
        "extensions": extensions, "not_served": not_served,
    })
}

fn served_golden(case: &str, value: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/serve").join(format!("{case}.json"));
    assert_data_eq!(format!("{value:#}\n"), Data::read_from(&path, Some(snapbox::data::DataFormat::Text)).raw());
}

#[test]
fn envoy_gets_what_the_goldens_say() {
    for (case, egress, mesh) in cases() {
        if ["wasmplugin", "gateway-api", "full", "plain-address"].contains(&case) {
            served_golden(case, &json_of(&served(&[&egress], &mesh)));
        }
    }
}

#[test]
fn every_field_that_is_emitted_is_served() {
    for (case, egress, mesh) in cases() {
        let spans = ["Telemetry/httpbin-egress: spec.tracing".to_owned()];
        let expected: &[String] = if case.starts_with("full") { &spans } else { &[] };
        assert_eq!(served(&[&egress], &mesh).not_served, expected, "{case}");
    }
}

/// What a machine adds: ports, files and addresses, and nothing else.
#[test]
fn on_this_machine_ports_files_and_addresses_differ() {
    let egress = with(full);
    let served = served(&[&egress], &mesh("1.31"));
    let files = served.certificate_files();
    let pair = ("/etc/sallyport/tls/tls.crt".to_owned(), "/etc/sallyport/tls/tls.key".to_owned());
    assert_eq!((files.pairs, files.authorities), ([pair].into(), ["/etc/sallyport/tls/ca.crt".to_owned()].into()));
    let folders: Vec<_> = served.folders.iter().map(|folder| (folder.path.as_str(), folder.secret.as_str())).collect();
    assert_eq!(folders, [("/etc/sallyport/tls", "httpbin-upstream-tls")]);
    let variable = &served.variables[0];
    assert_eq!((variable.secret.as_str(), variable.key.as_str()), ("httpbin-token", "token"));
    assert_eq!(served.authorization(), Some(HostPort { host: "127.0.0.1".to_owned(), port: 9191 }));
    assert_eq!(served.ports(), [8443]);
    let text = |path: &str| path.to_owned();
    let here = served.on(&Surroundings {
        ports: [(8443, 28_443)].into(),
        own_certificate: (text("/here/own.pem"), text("/here/own.key")),
        authorities: text("/here/ca.pem"),
        system_authorities: text("/here/system.pem"),
        upstream_authorities: None,
        files: [(text("/etc/sallyport/tls/ca.crt"), text("/here/upstream-ca.pem"))].into(),
        digests: [(text("/here/upstream-ca.pem"), text("d1")), (text("/here/unused.pem"), text("d2"))].into(),
        connect: [(text("httpbin.org"), HostPort { host: text("127.0.0.1"), port: 9443 })].into(),
        authorization: Some(HostPort { host: text("127.0.0.1"), port: 9192 }),
        plugins: [(
            text("extensions.istio.io/trafficextension/egress-httpbin.httpbin-egress"),
            text("/here/ecds/a.json"),
        )]
        .into(),
        module: text("/here/filter.wasm"),
        module_digest: Some(text("sha256:00")),
        access_log: text("/here/access.log"),
        failure_log: Some(text("/here/failures.log")),
    });
    let address = |host: &str, port| HostPort { host: host.to_owned(), port };
    assert_eq!(here.addresses("httpbin.org"), [address("127.0.0.1", 9443)]);
    served_golden("full-here", &json_of(&here));
}
