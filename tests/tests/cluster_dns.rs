//! A caller whose sidecar resolves names (`ISTIO_META_DNS_CAPTURE`) gets an address for the host of an Egress, and calls it.

use anyhow::{Context, Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::cluster::doorway::Doorway;
use sallyport_tests::cluster::network::{command_in, run};
use sallyport_tests::cluster::stage::{HOST, Site, UPSTREAM};
use sallyport_tests::cluster::{Cluster, scene, stage};

const RULES: &str = "[{id: readers, action: ALLOW, from: [{source: {serviceAccounts: [httpbin/sleep]}}]}]";
/// As deploy/kind/ingress.yaml has it for every sidecar.
const CALLER: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: resolver, namespace: httpbin}
spec:
  selector: {matchLabels: {app: resolver}}
  template:
    metadata:
      labels: {app: resolver}
      annotations: {proxy.istio.io/config: '{proxyMetadata: {ISTIO_META_DNS_CAPTURE: \"true\"}}'}
    spec:
      serviceAccountName: sleep
      containers: [{name: sleep, image: curlimages/curl, command: [/bin/sleep, infinity]}]
";
/// Asks the agent for the IPv4 address of a name, and prints it; nothing where it has none.
const QUERY: &str = "\
import socket, struct, sys
labels = b''.join(bytes([len(part)]) + part.encode() for part in sys.argv[1].split('.'))
asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asked.settimeout(2)
asked.sendto(struct.pack('>6H', 7, 0x100, 1, 0, 0, 0) + labels + b'\\0\\0\\1\\0\\1', ('127.0.0.1', 15053))
answer = asked.recv(512)
if struct.unpack('>H', answer[6:8])[0]:
    print('.'.join(str(byte) for byte in answer[-4:]))
";

#[test]
fn a_sidecar_that_resolves_names_has_an_address_for_the_host() {
    let authority = Authority::new("public authority").unwrap();
    scene(stage::cluster("cluster-dns", &authority), |cluster| exercise(cluster, &authority));
}

fn exercise(cluster: &Cluster, authority: &Authority) -> Result<()> {
    let httpbin = stage::httpbin(cluster, authority, &[UPSTREAM])?;
    let _doorway = Doorway::open(cluster.bridge(), httpbin.address())?;
    cluster.kubectl().apply(CALLER)?;
    let site = Site::new(cluster, "1.31")?;
    site.serve("httpbin", &stage::egress("httpbin", RULES))?;
    cluster.wait_ready("httpbin", "app=resolver")?;
    cluster.wait("address of the host", || Ok(!resolve(cluster)?.is_empty()))?;
    let address = resolve(cluster)?;
    ensure!(address.starts_with("240.240."), "{HOST} resolves to {address}");
    let (inside, _) = cluster.pod("httpbin", "resolver").context("the caller is gone")?;
    let route = format!("{HOST}:80:{address}");
    let url = format!("http://{HOST}/status/200");
    cluster.wait("answer by that address", || {
        let mut curl = command_in(&inside, "curl");
        let arguments = ["-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "5", "--resolve", &route, &url];
        Ok(run(curl.args(arguments))? == "200")
    })
}

fn resolve(cluster: &Cluster) -> Result<String> {
    let (inside, _) = cluster.pod("httpbin", "resolver")?;
    Ok(run(command_in(&inside, "python3").args(["-c", QUERY, HOST]))?.trim().to_owned())
}
