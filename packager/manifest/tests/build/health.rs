//! What the manifests make of an upstream that is down: the kubelet's way in, and the way to standbys.

use sallyport_egress::model::health::{Health, Passive, Probe, Readiness};

use super::*;

const INSTALLS: [Install; 4] = [Install::Injected, Install::IstioOperator, Install::Helm, Install::GatewayApi];
const FOLDER: &str = "egress-httpbin-httpbin";

/// All of health at once, and the upstream's standby.
fn pair(install: Install) -> [Egress; 2] {
    let upstream = with(|egress| {
        egress.spec.gateway.install = install;
        egress.spec.route.timeout = Some(value("10s"));
        let probe = egress.spec.health.probe.take();
        egress.spec.health = Health {
            probe: probe.map(|probe| Probe { host: Some(value("httpbin")), ..probe }),
            passive: Some(Passive { failure_percent: Some(50), ..Passive::default() }),
            readiness: Readiness::Upstream,
            failover: vec![value("standby")],
            ..Health::default()
        };
    });
    let standby = with(|egress| {
        egress.name = value("standby");
        egress.spec.host = value("standby.legacy.internal");
        egress.spec.upstream.host = value("standby.example");
        egress.spec.upstream.port = 8443;
        egress.spec.upstream.tls.ca_certificates = Some(value("/etc/sallyport/standby/ca.crt"));
        egress.spec.route.timeout = Some(value("20s"));
    });
    [upstream, standby]
}

fn ejecting(egress: &mut Egress) {
    egress.spec.route.outlier_detection =
        Some(OutlierDetection { consecutive5xx_errors: Some(5), ..OutlierDetection::default() });
}

fn built_together(egresses: &[Egress; 2]) -> Build {
    build(&egresses.iter().collect::<Vec<_>>(), &mesh("1.31"), &filter(), false).unwrap()
}

/// The part of a file that is the object of this kind and name.
fn object(build: &Build, file: &str, kind: &str, name: &str) -> String {
    let text = &build.files[&format!("{FOLDER}/{file}")];
    let is_meant =
        |part: &&str| part.contains(&format!("\nkind: {kind}\n")) && part.contains(&format!("\n  name: {name}\n"));
    text.split("---\n").find(is_meant).unwrap_or_else(|| panic!("no {kind} {name}: {text}")).to_owned()
}

#[test]
fn a_pair_is_as_the_golden_says() {
    let mut egresses = pair(Install::Injected);
    egresses.iter_mut().for_each(ejecting);
    golden("failover", &built_together(&egresses).files);
    golden("failover-gateway-api", &built_together(&pair(Install::GatewayApi)).files);
}

#[test]
fn the_marks_of_standbys_lead_to_them_and_come_first() {
    for install in INSTALLS {
        let build = built_together(&pair(install));
        let kind = if install == Install::GatewayApi { "HTTPRoute" } else { "VirtualService" };
        let routes = object(&build, "50-routes.yaml", kind, "httpbin-upstream");
        let at = |text: &str| routes.find(text).unwrap_or_else(|| panic!("{install:?}: no {text}: {routes}"));
        assert!(at(": egress-httpbin/standby\n") < at(": egress-httpbin/httpbin\n"), "{install:?}");
        for of_standby in ["standby.example", "8443", "20s"] {
            assert!(at(of_standby) < at(": egress-httpbin/httpbin\n"), "{install:?}: {of_standby}");
        }
        // Of each the request to it, and its answer.
        assert_eq!(routes.matches("- x-sallyport-route\n").count(), 4, "{install:?}: an upstream is told");
        let policy = object(&build, "10-identity.yaml", "NetworkPolicy", "httpbin-egress");
        assert!(policy.contains("    - port: 8443\n"), "{install:?}: {policy}");
    }
}

#[test]
fn a_gateway_has_the_files_of_its_standbys() {
    let build = built_together(&pair(Install::Injected));
    let pods = object(&build, "30-deployment.yaml", "Deployment", "httpbin-egress");
    for text in ["mountPath: /etc/sallyport/standby\n", "secretName: standby-upstream-tls\n", "name: standby-1-tls\n"] {
        assert!(pods.contains(text), "{text}: {pods}");
    }
}

#[test]
fn what_ejects_hides_no_address_from_the_probe() {
    let rule = |egress: &Egress| {
        let build = built(egress, &mesh("1.31"));
        let route = object(&build, "50-routes.yaml", "VirtualService", "httpbin-upstream");
        (object(&build, "40-gateway.yaml", "DestinationRule", "httpbin-upstream"), route)
    };
    let with_probe = |change: fn(&mut Egress)| rule(&with(change));
    let (both, route) = with_probe(ejecting);
    let subset = "  subsets:\n  - name: probe\n";
    let never = "    trafficPolicy:\n      outlierDetection:\n        consecutive5xxErrors: 0\n";
    assert!(both.contains(&format!("{subset}{never}")) && both.contains("      consecutive5xxErrors: 5\n"), "{both}");
    let (inherits, _) = with_probe(|_| {});
    assert!(inherits.contains(subset) && !inherits.contains("outlierDetection"), "{inherits}");
    let (without_probe, _) = with_probe(|egress| {
        ejecting(egress);
        egress.spec.health = Health::default();
    });
    assert!(!without_probe.contains("subsets:") && without_probe.contains("consecutive5xxErrors: 5\n"));
    // Callers' requests go to all of it.
    assert!(!route.contains("subset:"), "{route}");
}

#[test]
fn the_kubelet_asks_the_filter_in_every_mode() {
    for (readiness, failures) in [(Readiness::Gateway, 4), (Readiness::Upstream, 2)] {
        for install in INSTALLS {
            let egress = with(|egress| {
                egress.spec.gateway.install = install;
                egress.spec.health.readiness = readiness;
            });
            let build = built(&egress, &mesh("1.31"));
            let pods: String =
                build.files.iter().filter(|(file, _)| file.contains("/30-")).map(|(_, text)| text.as_str()).collect();
            let probe: Vec<_> =
                pods.lines().map(str::trim).skip_while(|line| *line != "readinessProbe:").take(7).collect();
            let failures = format!("failureThreshold: {failures}");
            let expected = [
                &*failures,
                "httpGet:",
                "path: /sallyport/ready",
                "port: 8081",
                "periodSeconds: 2",
                "timeoutSeconds: 1",
            ];
            assert_eq!(probe[1..], expected, "{install:?}: {pods}");
            let listener = match install {
                Install::GatewayApi => pods,
                _ => object(&build, "40-gateway.yaml", "Gateway", "httpbin-egress-ready"),
            };
            assert!(listener.contains("8081\n") && listener.contains("protocol: HTTP\n"), "{install:?}: {listener}");
            let routes = &build.files[&format!("{FOLDER}/50-routes.yaml")];
            assert!(!routes.contains("ready"), "{install:?}: the kubelet's port has a route: {routes}");
            let policy = object(&build, "10-identity.yaml", "NetworkPolicy", "httpbin-egress");
            assert!(policy.contains("    - port: 8081\n"), "{install:?}: {policy}");
        }
    }
}

#[test]
fn what_the_gateway_api_cannot_say_of_standbys_is_refused() {
    let refusal = |change: fn(&mut Egress)| {
        let [upstream, mut standby] = pair(Install::GatewayApi);
        change(&mut standby);
        build(&[&upstream, &standby], &mesh("1.31"), &filter(), false).unwrap_err().remove(0)
    };
    let retrying = |egress: &mut Egress| {
        let retry_on = value("connect-failure");
        egress.spec.route.retries = Some(Retries { attempts: 1, per_try_timeout: None, retry_on });
    };
    let refusal = refusal(retrying);
    assert_eq!(refusal.code, Code::InstallMode);
    assert!(refusal.message.contains("httpbin`: its standby `standby`: "), "{}", refusal.message);
}

#[test]
fn the_lints_of_manifests_have_nothing_to_say_of_a_pair() {
    for install in INSTALLS {
        let mut egresses = pair(install);
        egresses.iter_mut().for_each(ejecting);
        let files = built_together(&egresses).files;
        let manifests = files.into_iter().filter(|(_, text)| recognise(text) == FileKind::Manifests);
        let sources: Vec<_> = manifests.map(|(name, text)| SourceFile { name, text }).collect();
        assert_eq!(check_with_manifests(&sources).diagnostics, vec![], "{install:?}");
    }
}

/// Each with a namespace and a standby of its own.
#[test]
fn upstreams_cost_in_proportion_to_their_number() {
    let took = |count: usize, tries: usize| {
        let named = |number: usize, failover: &str| {
            let mut egress = httpbin();
            let name = if failover.is_empty() { format!("standby-{number}") } else { format!("upstream-{number}") };
            egress.namespace = value(&format!("egress-{number}"));
            egress.spec.host = value(&format!("{name}.internal"));
            egress.name = value(&name);
            egress.spec.health.failover = failover.split_terminator(',').map(value).collect();
            egress
        };
        let egresses: Vec<Egress> =
            (0..count).flat_map(|number| [named(number, &format!("standby-{number}")), named(number, "")]).collect();
        let egresses: Vec<&Egress> = egresses.iter().collect();
        let times = (0..tries).map(|_| {
            let started = std::time::Instant::now();
            assert_eq!(build(&egresses, &Mesh::default(), &filter(), false).unwrap().folders.len(), 2 * count);
            started.elapsed()
        });
        times.min().unwrap()
    };
    let (few, many) = (took(20, 3), took(160, 2));
    println!("40 in {few:?}, 320 in {many:?}");
    // Eight times as many, which would take 64 times as long if all were compared with all.
    assert!(many < few * 32, "40 in {few:?}, 320 in {many:?}");
}
