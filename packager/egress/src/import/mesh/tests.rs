//! What the model says of a gateway in `egress`, whose Gateway object is in `objects`, and of callers in `shop`.

use super::*;
use crate::diagnostic::SourceFile;
use crate::import::import;
use crate::import::set::Set;

const PARTNER: &str = "Gateway objects partner {selector: {app: partner-egress}, servers: \
                       [{port: {number: 443, protocol: HTTPS}, hosts: [api.example.com], tls: {mode: ISTIO_MUTUAL}}]}";

/// Manifests, each written as `KIND NAMESPACE NAME SPEC`.
fn read(written: &[&str]) -> Vec<Manifest> {
    let documents = written.iter().map(|one| {
        let [kind, namespace, name, spec] = one.splitn(4, ' ').collect::<Vec<_>>()[..] else { panic!("{one}") };
        let version = match kind {
            "Service" => "v1",
            "IstioOperator" => "install.istio.io/v1alpha1",
            _ => "networking.istio.io/v1",
        };
        format!(
            "---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {spec}\n"
        )
    });
    let (manifests, problems) = import(0, &SourceFile { name: String::new(), text: documents.collect() });
    assert!(problems.is_empty() && manifests.len() == written.len(), "{written:?}");
    manifests
}

#[test]
fn a_gateway_runs_where_something_shows_its_pods() {
    let pods = "IstioOperator istio-system pods {components: {egressGateways: \
                [{name: partner-egress, namespace: egress, label: {app: partner-egress, team: t}}]}}";
    let route = |gateways: &str, to: &str| {
        format!(
            "VirtualService shop partner {{hosts: [api.example.com], gateways: [{gateways}], http: \
             [{{match: [{{gateways: [mesh]}}], route: [{{destination: {{host: {to}}}}}]}}]}}"
        )
    };
    let table = [
        (String::new(), None),
        (pods.to_owned(), Some("egress")),
        (pods.replace("app: partner-egress", "app: other"), None),
        ("Service egress out {selector: {app: partner-egress}}".to_owned(), Some("egress")),
        ("Service egress out {selector: {app: partner-egress, team: t}}".to_owned(), Some("egress")),
        ("Service egress out {selector: {app: other}}".to_owned(), None),
        // The Service has the name that the Gateway selects, or the callers' route leads to what serves the host.
        (route("mesh, objects/partner", "partner-egress.egress.svc.cluster.local"), Some("egress")),
        (route("mesh", "way-out.egress.svc.cluster.local"), Some("egress")),
        (route("mesh", "way-out"), Some("shop")),
        (route("mesh", "www.example.com"), None),
    ];
    for (shown, expected) in table {
        let written = [PARTNER, shown.as_str()];
        let manifests = read(if shown.is_empty() { &written[..1] } else { &written });
        let mesh = Set::new(&manifests).mesh;
        let homes = mesh.gateways.homes("objects/partner").map(|homes| homes.iter().copied().collect::<Vec<_>>());
        assert_eq!(homes, expected.map(|home| vec![home]), "{shown}");
        assert_eq!(mesh.gateways.run_in("egress"), expected == Some("egress"), "{shown}");
    }
}

#[test]
fn a_service_of_gateways_serves_their_hosts() {
    let manifests = read(&[PARTNER, "Service egress out {selector: {app: partner-egress}}", "Service egress db {}"]);
    let mesh = Set::new(&manifests).mesh;
    assert_eq!(mesh.gateways.served_at("out.egress.svc"), Some(&["api.example.com"][..]));
    assert_eq!(mesh.gateways.served_at("db.egress.svc"), None);
    let behind: Vec<_> = mesh.gateways.behind("out.egress.svc").map(Manifest::qualified).collect();
    assert_eq!(behind, ["objects/partner"]);
}

#[test]
fn a_route_is_followed_by_gateways_at_home_and_by_callers() {
    let service = "Service egress out {selector: {app: partner-egress}}";
    let table = [
        ("shop", "gateways: [objects/partner]", vec!["the gateway `objects/partner` (pods in `egress`)"]),
        ("objects", "gateways: [partner]", vec!["the gateway `objects/partner` (pods in `egress`)"]),
        ("shop", "gateways: [other]", vec![]),
        ("shop", "hosts: []", vec!["callers in `shop`"]),
        ("egress", "hosts: []", vec![]),
        (
            "shop",
            "gateways: [mesh, objects/partner]",
            vec!["callers in `shop`", "the gateway `objects/partner` (pods in `egress`)"],
        ),
    ];
    for (namespace, field, expected) in table {
        let route = format!(
            "VirtualService {namespace} r {{{field}, http: [{{route: [{{destination: {{host: a.example}}}}]}}]}}"
        );
        let manifests = read(&[PARTNER, service, &route]);
        let set = Set::new(&manifests);
        let followers: Vec<_> = set.mesh.followers(&set.routes[0]).iter().map(Follower::title).collect();
        assert_eq!(followers, expected, "{route}");
    }
}

#[test]
fn a_host_is_found_by_its_name_then_by_the_narrowest_pattern() {
    let manifests = read(&[
        "ServiceEntry egress exact {hosts: [a.b.example], addresses: [192.0.2.1]}",
        "ServiceEntry egress narrow {hosts: ['*.b.example']}",
        "ServiceEntry egress wide {hosts: ['*.example']}",
        "Service shop orders {selector: {app: orders}}",
    ]);
    let mesh = Set::new(&manifests).mesh;
    let table = [
        ("a.b.example", "exact"),
        ("c.b.example", "narrow"),
        ("b.example", "wide"),
        ("*.b.example", "narrow"),
        ("*.c.example", ""),
        ("orders.shop.svc", "orders"),
        ("orders.egress.svc", ""),
        ("192.0.2.1", ""),
    ];
    for (name, expected) in table {
        let found: Vec<_> = mesh.hosts(name).into_iter().map(|host| host.manifest.name.as_str()).collect();
        assert_eq!(found.join(" "), expected, "{name}");
    }
    assert_eq!(mesh.at_address("192.0.2.1").len(), 1);
    assert!(mesh.defines(Kind::Service, "shop") && !mesh.defines(Kind::Service, "egress"));
}

#[test]
fn a_rule_is_used_at_home_where_the_host_is_and_from_the_root() {
    let entry = "ServiceEntry egress api {hosts: [api.example.com]}";
    // The namespace of the rule, its `exportTo`, and whether callers in `shop` use it.
    let table = [
        ("shop", "['.']", true),
        ("egress", "['*']", true),
        ("egress", "['.']", false),
        ("egress", "[shop]", true),
        ("other", "['*']", false),
        (ROOT, "['*']", true),
        (ROOT, "['.']", false),
    ];
    for (namespace, export, expected) in table {
        let rule = format!("DestinationRule {namespace} api {{host: api.example.com, exportTo: {export}}}");
        let manifests = read(&[entry, &rule]);
        let mesh = Set::new(&manifests).mesh;
        assert_eq!(mesh.uses_rule("shop", &manifests[1], "api.example.com"), expected, "{rule}");
    }
}
