//! The host of an Egress has no address of its own: callers' sidecars resolve it, as the mesh settings of `sallyport build`
//! tell them to. And what those settings change for everyone else.

use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::cluster::doorway::Doorway;
use sallyport_tests::cluster::network::{command_in, run};
use sallyport_tests::cluster::stage::{HOST, Site, UPSTREAM};
use sallyport_tests::cluster::{Cluster, scene, stage};
use serde_json::{Map, Value, json};

const RULES: &str = "[{id: readers, action: ALLOW, from: [{source: {serviceAccounts: [httpbin/sleep]}}]}]";
const URL: &str = "http://httpbin.legacy.internal/status/200";
/// Past the gateway.
const DIRECT: [&str; 2] = ["--insecure", "https://httpbin.org/status/200"];
const RESOLVE: &str = "import socket, sys; print(socket.gethostbyname(sys.argv[1]))";

/// A caller with an annotation.
fn caller(name: &str, annotations: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: httpbin}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata:
      labels: {{app: {name}}}
      annotations: {annotations}
    spec:
      serviceAccountName: sleep
      containers: [{{name: sleep, image: curlimages/curl, command: [/bin/sleep, infinity]}}]
"
    )
}

#[test]
fn sidecars_resolve_the_host_because_the_mesh_settings_say_so() {
    let authority = Authority::new("public authority").unwrap();
    scene(stage::cluster("cluster-dns", &authority), |cluster| exercise(cluster, &authority));
}

fn exercise(cluster: &Cluster, authority: &Authority) -> Result<()> {
    let httpbin = stage::httpbin(cluster, authority, &[UPSTREAM])?;
    let _doorway = Doorway::open(cluster.bridge(), httpbin.address())?;
    let site = Site::new(cluster, "1.31")?;
    site.serve("httpbin", &stage::egress("httpbin", RULES))?;
    let built = Value::Object(site.configure_mesh()?);
    let capture = json!({"defaultConfig": {"proxyMetadata": {"ISTIO_META_DNS_CAPTURE": "true"}}});
    ensure!(built == capture, "the mesh is told more, or less: {built}");

    // A mesh that says nothing of DNS, then with what was built, and nothing else of it.
    cluster.control().configure_only(&json!({}))?;
    cluster.kubectl().apply(&caller("without", "{}"))?;
    cluster.wait_until("caller that was injected without", || captures(cluster, "without", false))?;
    cluster.control().configure_only(&built)?;
    cluster.kubectl().apply(&caller("resolver", "{}"))?;
    cluster.wait_until("caller that was injected with what was built", || captures(cluster, "resolver", true))?;
    // By the annotation alone a workload can have it in a mesh that has it not.
    cluster.control().configure_only(&json!({}))?;
    let annotation = "{proxy.istio.io/config: '{proxyMetadata: {ISTIO_META_DNS_CAPTURE: \"true\"}}'}";
    cluster.kubectl().apply(&caller("annotated", annotation))?;
    for name in ["resolver", "annotated"] {
        cluster.wait_ready("httpbin", &format!("app={name}"))?;
        cluster.wait_for("httpbin", name, URL, |answer| answer.status == 200).with_context(|| name.to_owned())?;
        let address = resolve(cluster, name)?;
        ensure!(address.starts_with("240.240."), "{HOST} resolves to {address} for {name}");
    }
    cluster.wait_ready("httpbin", "app=without")?;
    let unresolved = cluster.curl("httpbin", "without", &[URL])?;
    ensure!(unresolved.error.contains("Could not resolve host"), "{unresolved:?}");
    the_gateway_can_be_left_aside_unless_the_mesh_is_restricted(cluster, &site)
}

/// istiod takes settings up in its own time: a pod that came before is made again.
fn captures(cluster: &Cluster, name: &str, wanted: bool) -> Result<()> {
    let pods = ["pods", "-n", "httpbin", "-l", &format!("app={name}")];
    let found = cluster.kubectl().get(&pods)?.to_string();
    ensure!(found.contains("istio-proxy"), "there is no pod yet");
    if found.contains("ISTIO_META_DNS_CAPTURE") == wanted {
        return Ok(());
    }
    cluster.kubectl().run(&[&["delete", "--wait=false"][..], &pods].concat())?;
    thread::sleep(Duration::from_secs(2));
    bail!("it was injected before istiod had the settings")
}

/// `outboundTrafficPolicy` is not needed to be served, only against bypass.
fn the_gateway_can_be_left_aside_unless_the_mesh_is_restricted(cluster: &Cluster, site: &Site<'_>) -> Result<()> {
    let open = Map::from_iter([("outboundTrafficPolicy".to_owned(), json!({"mode": "ALLOW_ANY"}))]);
    cluster.control().configure(&open)?;
    let direct = |status: u16| {
        cluster.wait("change of what is reachable", || Ok(cluster.curl("httpbin", "sleep", &DIRECT)?.status == status))
    };
    direct(200)?;
    cluster.wait_for("httpbin", "sleep", URL, |answer| answer.status == 200)?;
    let refused = cluster.wait_for("other", "stranger", URL, |answer| matches!(answer.status, 200 | 403))?;
    ensure!(refused.status == 403, "{refused:?}");

    let image = site.registry().name("sallyport/filter");
    site.write("mesh", &(stage::mesh("1.31", &image, "") + "  outboundTrafficPolicy: registry-only\n"))?;
    site.build()?;
    site.configure_mesh()?;
    direct(0)?;
    cluster.wait_for("httpbin", "sleep", URL, |answer| answer.status == 200).map(drop)
}

/// As every program of the pod resolves names.
fn resolve(cluster: &Cluster, name: &str) -> Result<String> {
    let (inside, _) = cluster.pod("httpbin", name)?;
    Ok(run(command_in(&inside, "python3").args(["-c", RESOLVE, HOST]))?.trim().to_owned())
}
