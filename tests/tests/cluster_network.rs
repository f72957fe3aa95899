//! The emitted NetworkPolicy, enforced: the gateway starts, pulls the filter, serves, traces and reaches the issuer's keys;
//! a caller of a namespace that no rule names is cut off. The namespace is the emitted one, with its Pod Security level.

use std::fs;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::cluster::collector::{self, Collector};
use sallyport_tests::cluster::doorway::Doorway;
use sallyport_tests::cluster::network::command_in;
use sallyport_tests::cluster::network_policy::Cut;
use sallyport_tests::cluster::stage::{HOST, Site, UPSTREAM};
use sallyport_tests::cluster::{Cluster, scene, stage};
use serde_json::json;

const RULES: &str = "[{id: readers, action: ALLOW, from: [{source: {serviceAccounts: [httpbin/sleep]}}]}]";
/// The ports of the issuer of tokens, and of a server that the file does not name.
const ISSUER_PORT: u16 = 9443;
const OTHER_PORT: u16 = 9444;

#[test]
fn the_network_lets_through_what_the_file_asks_for() {
    let authority = Authority::new("public authority").unwrap();
    scene(stage::cluster("cluster-network", &authority), |cluster| exercise(cluster, &authority));
}

fn exercise(cluster: &Cluster, authority: &Authority) -> Result<()> {
    let httpbin = stage::httpbin(cluster, authority, &[UPSTREAM])?;
    let _doorway = Doorway::open(cluster.bridge(), httpbin.address())?;
    let site = Site::new(cluster, "1.31")?;
    let collector = tracer(cluster, &site)?;
    cluster.enforce_network_policies();
    let egress = egress(cluster);
    site.write("httpbin", &egress)?;
    site.build()?;
    site.configure_mesh()?;
    let namespace = fs::read_to_string(site.manifests("httpbin").with_file_name("namespaces").join("egress.yaml"))?;
    cluster.kubectl().apply(&namespace)?;
    // Ready: it had its configuration, its certificate and its filter, and the kubelet has reached it.
    site.serve("httpbin", &egress)?;
    let level = "{.metadata.labels.pod-security\\.kubernetes\\.io/enforce}";
    let level = cluster.kubectl().run(&["get", "namespace", "egress", "-o", &format!("jsonpath={level}")])?;
    ensure!(level == "restricted", "the namespace enforces {level:?}");

    let url = format!("http://{HOST}/status/200");
    cluster.wait_for("httpbin", "sleep", &url, |answer| answer.status == 200)?;
    cluster.wait_until("spans of the gateway", || {
        cluster.curl("httpbin", "sleep", &[&url])?;
        thread::sleep(Duration::from_secs(1));
        ensure!(
            collector.spans().iter().any(|span| span.service.starts_with("httpbin-egress")),
            "{:?}",
            collector.spans()
        );
        Ok(())
    })?;
    issuer_alone_is_reached(cluster)?;
    strangers_are_cut(cluster, &url)
}

fn egress(cluster: &Cluster) -> String {
    let issuer = format!("http://{}:{ISSUER_PORT}/keys", cluster.bridge());
    let more = format!(
        "  tracing: {{mode: envoy, provider: otel, samplingPerMille: 1000}}\n  \
         authn: {{jwt: [{{issuer: 'https://issuer.example.com', jwksUri: '{issuer}'}}]}}\n"
    );
    stage::egress("httpbin", RULES).replace("drainSeconds: 5", "drainSeconds: 5, createNamespace: true") + &more
}

/// A collector where istiod runs, which the Mesh file has by the name `otel`: its port is the only one that is open for spans.
fn tracer(cluster: &Cluster, site: &Site<'_>) -> Result<Collector> {
    let namespace = cluster.control().namespace();
    let collector = Collector::start(cluster.scratch(), namespace)?;
    let provider =
        json!({"name": "otel", "opentelemetry": {"service": "otel.tracing.internal", "port": collector::PORT}});
    let image = site.registry().name("sallyport/filter");
    site.write("mesh", &stage::mesh("1.31", &image, &format!("  extensionProviders: [{provider}]\n")))?;
    cluster.kubectl().apply(&format!(
        "{{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {{name: otel, namespace: istio-system}}, \
         spec: {{hosts: [otel.tracing.internal], location: MESH_EXTERNAL, resolution: STATIC, endpoints: [{{address: {}}}], \
         ports: [{{number: {}, name: grpc, protocol: GRPC}}]}}}}\n",
        namespace.address(),
        collector::PORT
    ))?;
    Ok(collector)
}

/// By default istiod fetches the keys. A gateway that fetches them itself connects to the port that the file names.
fn issuer_alone_is_reached(cluster: &Cluster) -> Result<()> {
    let (inside, _) = cluster.pod("egress", "httpbin-egress")?;
    let _issuer = TcpListener::bind((cluster.bridge(), ISSUER_PORT))?;
    let _other = TcpListener::bind((cluster.bridge(), OTHER_PORT))?;
    let reaches = |port: u16| -> Result<bool> {
        let script = format!("exec 3<>/dev/tcp/{}/{port}", cluster.bridge());
        Ok(command_in(&inside, "timeout").args(["3", "bash", "-c", &script]).output()?.status.success())
    };
    let before = cluster.cut("egress", "httpbin-egress")?;
    ensure!(before == Cut { ingress: 0, egress: 0 }, "the policy lacks a port: {before:?}");
    ensure!(reaches(ISSUER_PORT)?, "the issuer of tokens is not reached");
    ensure!(!reaches(OTHER_PORT)?, "any port can be reached");
    let after = cluster.cut("egress", "httpbin-egress")?;
    ensure!(after.ingress == 0 && after.egress > 0, "{after:?}");
    Ok(())
}

/// The caller's own sidecar answers, and the filter never sees the request.
fn strangers_are_cut(cluster: &Cluster, url: &str) -> Result<()> {
    let stranger = cluster.wait_for("other", "stranger", url, |answer| answer.status != 0)?;
    ensure!(stranger.status == 503 && stranger.header("x-sallyport").is_empty(), "{stranger:?}");
    ensure!(cluster.cut("egress", "httpbin-egress")?.ingress > 0, "nothing was cut");
    let (_, address) = cluster.pod("egress", "httpbin-egress")?;
    // Prometheus may come from anywhere.
    let (inside, _) = cluster.pod("other", "stranger")?;
    let metrics = format!("exec 3<>/dev/tcp/{address}/{}", stage::AGENT);
    // As the proxy's user, whose packets the sidecar does not take.
    let as_proxy = ["--reuid", "1337", "--regid", "1337", "--clear-groups", "timeout", "3", "bash", "-c"];
    let reached = command_in(&inside, "setpriv").args(as_proxy).arg(&metrics).output()?;
    ensure!(reached.status.success(), "metrics cannot be scraped: {}", String::from_utf8_lossy(&reached.stderr));
    let gateway = format!("exec 3<>/dev/tcp/{address}/8443");
    let reached = command_in(&inside, "setpriv").args(as_proxy).arg(&gateway).output()?;
    ensure!(!reached.status.success(), "a stranger can connect");
    Ok(())
}
