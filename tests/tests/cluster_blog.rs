//! The blog of 2020, brought to the versions of today but otherwise as written: what works, and what does not.

use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::cluster::doorway::Doorway;
use sallyport_tests::cluster::stage::Site;
use sallyport_tests::cluster::{Cluster, network, program, scene, stage};
use sallyport_tests::echo::Echo;

/// The gateway, but for the probe that needs a shell; `istioctl` renders it, as the operator did.
const OPERATOR: &str = "\
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: {name: httpbin-egress, namespace: istio-system}
spec:
  profile: empty
  components:
    egressGateways:
    - name: httpbin-egress
      namespace: httpbin
      enabled: true
      label: {app: istio-egressgateway, istio: egressgateway, custom-egress: httpbin-egress}
";
const ROUTES: &str = "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: httpbin-egress, namespace: httpbin}
spec:
  selector: {istio: egressgateway, service.istio.io/canonical-name: httpbin-egress}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: [httpbin.legacy.internal]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: httpbin-egress, namespace: httpbin}
spec:
  hosts: [httpbin.legacy.internal]
  gateways: [mesh, istio-system/my-ingressgateway, httpbin/httpbin-egress]
  http:
  - match:
    - {gateways: [istio-system/my-ingressgateway, mesh], uri: {prefix: /}}
    route: [{destination: {host: httpbin-egress.httpbin.svc.cluster.local, port: {number: 80}}, weight: 100}]
  - match:
    - {gateways: [httpbin/httpbin-egress], uri: {prefix: /}}
    route: [{destination: {host: httpbin.org, subset: http-egress-subset, port: {number: 443}}, weight: 100}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: httpbin-egress, namespace: httpbin}
spec:
  hosts: [httpbin.org]
  location: MESH_EXTERNAL
  ports: [{number: 443, name: https, protocol: TLS}]
  resolution: DNS
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: httpbin-egress, namespace: httpbin}
spec:
  host: httpbin.org
  subsets:
  - name: http-egress-subset
    trafficPolicy:
      loadBalancer: {simple: ROUND_ROBIN}
      portLevelSettings:
      - port: {number: 443}
        tls: {mode: SIMPLE}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: httpbin-egress, namespace: httpbin}
spec:
  selector: {matchLabels: {istio: egressgateway}}
  mtls: {mode: STRICT}
";
/// The mesh of the blog has no DNS capture; with it, a sidecar serves the upstream at another address than the DNS says.
const WITHOUT_DNS_CAPTURE: &str = r#"{"spec": {"template": {"metadata": {"annotations":
    {"proxy.istio.io/config": "{proxyMetadata: {ISTIO_META_DNS_CAPTURE: 'false'}}"}}}}}"#;
const URL: &str = "http://httpbin.legacy.internal/status/200";

#[test]
fn as_written_no_identity_reaches_the_gateway() {
    let authority = Authority::new("public authority").unwrap();
    // It has no ServiceEntry for the host, so only a record can resolve it.
    let cluster = stage::cluster_with_names("cluster-blog", &authority, &[stage::HOST]);
    scene(cluster, |cluster| exercise(cluster, &authority));
}

fn exercise(cluster: &Cluster, authority: &Authority) -> Result<()> {
    let echo = Echo::start(&authority.server(cluster.scratch(), "upstream", &[stage::UPSTREAM])?)?;
    let doorway = Doorway::open(cluster.bridge(), echo.address())?;
    let operator = cluster.scratch().write("operator.yaml", OPERATOR)?;
    let rendered = network::run(Command::new(program("istioctl")).args(["manifest", "generate", "-f"]).arg(operator))?;
    cluster.kubectl().apply(&rendered)?;
    cluster.kubectl().apply(ROUTES)?;
    let patch = ["patch", "deployment", "stranger", "-n", "other", "-p", WITHOUT_DNS_CAPTURE];
    cluster.kubectl().run(&patch)?;
    cluster.wait_ready("httpbin", "app=istio-egressgateway")?;
    cluster.wait_rolled_out("other", ("app", "stranger"))?;
    cluster.wait_ready("other", "app=stranger")?;

    // Nobody tells the upstream's name: it is asked for the proxied one, and its certificate is checked against that.
    cluster.wait("refusal of the certificate", || {
        let answer = cluster.curl("httpbin", "sleep", &[URL])?;
        let log = cluster.log("httpbin", "httpbin-egress")?;
        Ok(answer.status == 503 && log.contains("expected_SANs:_[httpbin.legacy.internal]"))
    })?;
    ensure!(echo.count() == 0, "an upstream that was not believed was asked");

    // With an upstream that answers to both names it works, and it sees a name that it does not know.
    let both = Echo::start(&authority.server(cluster.scratch(), "both", &[stage::UPSTREAM, stage::HOST])?)?;
    doorway.lead_to(both.address());
    cluster.wait_for("httpbin", "sleep", URL, |answer| answer.status == 200)?;
    let seen = both.take();
    ensure!(!seen.is_empty() && seen.iter().all(|request| request.sni == stage::HOST), "{seen:?}");
    ensure!(seen.iter().all(|request| request.values("host").eq([stage::HOST.as_bytes()])), "{seen:?}");
    anyone_may_do_anything(cluster)?;
    nobody_is_known(cluster)
}

/// Not governed by the PeerAuthentication, STRICT though it is: a gateway's listener.
fn anyone_may_do_anything(cluster: &Cluster) -> Result<()> {
    stage::outsider(cluster)?;
    let (_, gateway) = cluster.pod("httpbin", "httpbin-egress")?;
    let resolve = format!("{}:8080:{gateway}", stage::HOST);
    let url = format!("http://{}:8080/status/200", stage::HOST);
    let outsider = cluster.curl("outside", "outsider", &["--resolve", &resolve, &url])?;
    ensure!(outsider.status == 200, "{outsider:?}");
    // And every sidecar knows the upstream, so the gateway can be left aside.
    let direct = cluster.curl("other", "stranger", &["--insecure", "https://httpbin.org/status/200"])?;
    ensure!(direct.status == 200, "{direct:?}");
    Ok(())
}

/// A policy at this gateway has nobody to speak of: the caller's sidecar shows it no certificate.
fn nobody_is_known(cluster: &Cluster) -> Result<()> {
    let site = Site::new(cluster, "1.31")?;
    let rules = "[{id: readers, action: ALLOW, from: [{source: {serviceAccounts: [httpbin/sleep]}}]}]";
    site.write("httpbin", &stage::egress("httpbin", rules))?;
    site.build()?;
    // The filter alone, on the blog's own gateway. No patch of an Egress can lead it there, so it is edited here.
    let plugin = fs::read_to_string(site.manifests("httpbin").join("20-plugin.yaml"))?;
    let ours = "    matchLabels:\n      sallyport.dev/gateway: httpbin\n      sallyport.dev/namespace: egress\n";
    ensure!(plugin.contains(ours) && plugin.contains("\n  namespace: egress\n"), "{plugin}");
    let plugin = plugin.replace(ours, "    matchLabels:\n      custom-egress: httpbin-egress\n");
    let plugin = plugin.replace("\n  namespace: egress\n", "\n  namespace: httpbin\n");
    cluster.kubectl().apply(&plugin)?;
    // A plugin that comes to a live gateway leaves a gap, so this waits.
    let refused = cluster.wait_for("httpbin", "sleep", URL, |answer| answer.status == 401)?;
    ensure!(refused.header("x-sallyport").contains("no_identity"), "{refused:?}");
    Ok(())
}
