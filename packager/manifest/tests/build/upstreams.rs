//! Upstreams as they are: several addresses, hosts and ports, a `Host` of their own, paths with routes of their own.

use sallyport_egress::model::Egress;
use sallyport_egress::model::deploy::Install;
use sallyport_egress::{Code, check, decode};

use super::{build, built, filter, golden, mesh, plain_address, value, with};

fn egress(fields: &str) -> Egress {
    with_name("corp", fields)
}

/// The Egress of these fields of `spec`.
fn with_name(name: &str, fields: &str) -> Egress {
    let text = format!(
        "apiVersion: sallyport.dev/v1alpha1\nkind: Egress\nmetadata: {{name: {name}, namespace: egress-corp}}\n\
         spec:\n  host: {name}.legacy.internal\n{fields}"
    );
    let checked = check(&[decode("corp.yaml", text.as_bytes()).unwrap()]);
    // A standby is a file of its own.
    let others: Vec<_> = checked.diagnostics.iter().filter(|found| found.code != Code::StandbyNotFound).collect();
    assert!(others.is_empty(), "{others:?}");
    checked.egresses.into_iter().next().unwrap().value
}

const UPSTREAM: &str = "  upstream:
    host: api.corp.example
    port: 9443
    authority: app.corp.example:8443
    endpoints:
    - {address: 192.0.2.1, locality: eu-west-1/eu-west-1a, weight: 5}
    - {address: 192.0.2.2, port: 10443, locality: eu-west-1/eu-west-1b}
    - {address: '2001:db8::15'}
";

/// What the network lets through, where the gateway connects to, and its routes.
fn routing(egress: &Egress) -> std::collections::BTreeMap<String, String> {
    let mut files = built(egress, &mesh("1.31")).files;
    files.retain(|name, _| {
        ["10-identity.yaml", "40-gateway.yaml", "50-routes.yaml"].iter().any(|end| name.ends_with(end))
    });
    files
}

#[test]
fn several_addresses_and_a_host_of_its_own() {
    let egress = egress(UPSTREAM);
    golden("upstream", &routing(&egress));
    let by_gateway_api = Egress {
        spec: sallyport_egress::model::EgressSpec {
            gateway: sallyport_egress::model::Gateway { install: Install::GatewayApi, ..egress.spec.gateway.clone() },
            ..egress.spec.clone()
        },
        ..egress.clone()
    };
    golden("upstream-gateway-api", &routing(&by_gateway_api));
}

#[test]
fn names_are_resolved_and_addresses_are_not() {
    for (endpoints, resolution) in [
        ("", "resolution: DNS\n"),
        ("endpoints: [{address: a.corp.example}, {address: b.corp.example, weight: 2}]", "resolution: DNS\n"),
        ("endpoints: [{address: 192.0.2.1}, {address: '::1'}]", "resolution: STATIC\n"),
    ] {
        let egress = egress(&format!("  upstream:\n    host: api.corp.example\n    port: 443\n    {endpoints}\n"));
        let files = routing(&egress);
        let gateway = &files["egress-corp-corp/40-gateway.yaml"];
        assert!(gateway.contains(resolution), "{endpoints}: {gateway}");
        assert_eq!(gateway.contains("  endpoints:\n"), !endpoints.is_empty(), "{endpoints}");
    }
}

/// Probes and callers' requests name the upstream in the same way.
#[test]
fn probes_have_the_same_host() {
    let egress = egress(&format!("{UPSTREAM}  health: {{probe: {{path: /ready}}}}\n"));
    let plugin = &built(&egress, &mesh("1.31")).files["egress-corp-corp/20-plugin.yaml"];
    assert!(plugin.contains("host: app.corp.example:8443\n"), "{plugin}");
    assert!(plugin.contains("cluster: \"outbound|9443|probe|api.corp.example\"\n"), "{plugin}");
}

/// An address has no host rewrite in the Gateway API, and neither has a port.
#[test]
fn a_host_that_is_no_name_is_a_header_of_the_gateway_api() {
    let egress = with(|egress| {
        plain_address(egress);
        egress.spec.gateway.install = Install::GatewayApi;
    });
    let routes = &built(&egress, &mesh("1.31")).files["egress-httpbin-httpbin/50-routes.yaml"];
    assert!(routes.contains("- name: Host\n          value: \"192.0.2.7:8080\"\n"), "{routes}");
    let named = with(|egress| {
        plain_address(egress);
        egress.spec.gateway.install = Install::GatewayApi;
        egress.spec.upstream.authority = Some(value("plain.corp.example"));
    });
    let routes = &built(&named, &mesh("1.31")).files["egress-httpbin-httpbin/50-routes.yaml"];
    assert!(routes.contains("hostname: plain.corp.example\n") && !routes.contains("- name: Host\n"), "{routes}");
}

const MORE: &str = "  aliases: [corp.corp.internal]
  ports: [{port: 8081, upstreamPort: 9444}, {port: 9000, upstreamPort: 9443}]
  expose: {host: corp.example.com, aliases: [corp.example.org], credentialName: corp-cert}
";
const PATHS: &str = "  route:
    timeout: 5s
    paths:
    - {path: '/v1/{**}', rewrite: '/{**}'}
    - {path: '/v1/reports/{**}', timeout: 60s}
    - {path: /status, rewrite: /health}
";

#[test]
fn several_hosts_ports_and_paths() {
    let several = egress(&format!("{MORE}{UPSTREAM}{PATHS}"));
    let files = built(&several, &mesh("1.31")).files;
    golden("callers", &files);
    let by_gateway_api = egress(&format!("{MORE}{UPSTREAM}  gateway: {{install: gateway-api}}\n"));
    golden("callers-gateway-api", &routing(&by_gateway_api));
}

/// A standby has its own port, paths and host behind each of the callers' ports.
#[test]
fn a_standby_has_its_own_ports_and_paths() {
    let primary = with_name("corp", &format!("{MORE}{UPSTREAM}  health: {{passive: {{}}, failover: [spare]}}\n"));
    let spare = with_name(
        "spare",
        "  ports: [{port: 8081, upstreamPort: 80}, {port: 9000, upstreamPort: 443}]
  upstream: {host: spare.corp.example, port: 7443}
  route: {paths: [{path: /status, rewrite: /spare}]}
",
    );
    let build = build(&[&primary, &spare], &mesh("1.31"), &filter(), false).unwrap();
    let routes = &build.files["egress-corp-corp/50-routes.yaml"];
    for (name, gateway_port, upstream_port, authority) in [
        ("to-standby-spare", 443, 7443, "spare.corp.example:7443"),
        ("to-standby-spare-8081", 28081, 80, "spare.corp.example:80"),
        ("to-standby-spare-9000", 9000, 443, "spare.corp.example"),
    ] {
        for (suffix, uri) in [("", ""), (":/status", "      uri:\n        exact: /status\n")] {
            let leg = routes.split("  - name: ").find(|leg| leg.starts_with(&format!("{name}{suffix}\n"))).unwrap();
            assert!(leg.contains("exact: egress-corp/spare\n"), "{leg}");
            assert!(leg.contains(&format!("      port: {gateway_port}\n{uri}")), "{leg}");
            assert!(leg.contains(&format!("          number: {upstream_port}\n")), "{leg}");
            assert!(leg.contains(&format!("      authority: {authority}\n")), "{leg}");
        }
    }
}

#[test]
fn what_the_gateway_api_cannot_express_is_refused() {
    let by_gateway_api = |fields: &str| egress(&format!("{fields}  gateway: {{install: gateway-api}}\n"));
    let aliases: Vec<_> = (0..16).map(|number| format!("alias-{number}.internal")).collect();
    let with_aliases = |aliases: &[String]| by_gateway_api(&format!("  aliases: [{}]\n{UPSTREAM}", aliases.join(", ")));
    assert!(build(&[&with_aliases(&aliases[1..])], &mesh("1.31"), &filter(), false).is_ok());
    for egress in [with_aliases(&aliases), by_gateway_api(&format!("{UPSTREAM}{PATHS}"))] {
        let refusals = build(&[&egress], &mesh("1.31"), &filter(), false).unwrap_err();
        assert_eq!(refusals[0].code, Code::InstallMode, "{}", refusals[0].message);
    }
}
