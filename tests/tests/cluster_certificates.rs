//! Certificates of an upstream and of its clients that change while requests go on: Istio's agent reads the files of the
//! mounted Secret again, and nothing is restarted.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sallyport_tests::certs::{Authority, Identity};
use sallyport_tests::cluster::doorway::Doorway;
use sallyport_tests::cluster::stage::Site;
use sallyport_tests::cluster::{Answer, Cluster, scene, stage};
use sallyport_tests::echo::Echo;
use serde_json::json;

/// The upstream's name, which no DNS has.
const UPSTREAM: &str = "mutual.corp.example";
const URL: &str = "http://mutual.legacy.internal/open";
/// Where the Secret is mounted: below the only folder of a pod that the harness can give it.
const MOUNTED: &str = "/var/lib/corp";

#[test]
fn certificates_change_without_a_failed_request() {
    let authority = Authority::new("public authority").unwrap();
    scene(stage::cluster("cluster-certificates", &authority), certificates_change_while_requests_go_on);
}

/// Calls as `httpbin/sleep`, to whom any address does for every host: the sidecar routes by the name.
fn call(cluster: &Cluster) -> Result<Answer> {
    let resolve = format!("mutual.legacy.internal:80:{}", cluster.bridge());
    cluster.curl("httpbin", "sleep", &["--resolve", &resolve, URL])
}

fn wait_for(cluster: &Cluster, status: u16) -> Result<()> {
    cluster.wait(&format!("the answer {status}"), || {
        let answer = call(cluster)?;
        ensure!(answer.status == status, "{answer:?}");
        Ok(true)
    })
}

/// The Secret with the files that the Egress `mutual` names.
fn apply_secret(cluster: &Cluster, authorities: &[&Authority], client: &Identity) -> Result<()> {
    let mut trusted = String::new();
    for (position, authority) in authorities.iter().enumerate() {
        let path = authority.write(cluster.scratch(), &format!("trusted-{position}"))?;
        trusted.push_str(&std::fs::read_to_string(path)?);
    }
    let data = json!({
        "ca.crt": STANDARD.encode(trusted),
        "tls.crt": STANDARD.encode(std::fs::read(&client.certificate)?),
        "tls.key": STANDARD.encode(std::fs::read(&client.key)?),
    });
    let metadata = json!({"name": "mutual-upstream-tls", "namespace": "egress"});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data});
    cluster.kubectl().apply(&secret.to_string())
}

/// Each connection serves one request, so that the next one is made with what is then in the files.
const LAST: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nok\n";

/// The upstream moves to another authority, for its own certificate and for those of its clients. As people do it: first both
/// are trusted, then the certificates change, then the old authority goes.
fn certificates_change_while_requests_go_on(cluster: &Cluster) -> Result<()> {
    let site = Site::new(cluster, "1.31")?;
    let (old, new) = (Authority::new("old authority")?, Authority::new("new authority")?);
    let scratch = cluster.scratch();
    let clients = [
        old.client(scratch, "client-old", "spiffe://corp.example/mesh")?,
        new.client(scratch, "client-new", "spiffe://corp.example/mesh")?,
    ];
    let servers = [old.server(scratch, "server-old", &[UPSTREAM])?, new.server(scratch, "server-new", &[UPSTREAM])?];
    let [old_server, both_server, new_server] = [
        Echo::start_mutual(&servers[0], &[&old])?,
        Echo::start_mutual(&servers[1], &[&old, &new])?,
        Echo::start_mutual(&servers[1], &[&new])?,
    ];
    for server in [&old_server, &both_server, &new_server] {
        server.answer(LAST);
    }
    let doorway = Doorway::open(cluster.bridge(), old_server.address())?;
    apply_secret(cluster, &[&old], &clients[0])?;
    site.serve("mutual", &mutual(cluster))?;
    wait_for(cluster, 200)?;
    let (pod, _) = cluster.pod("egress", "mutual-egress")?;
    let envoys = pids(&pod);

    let (sent, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let failed = thread::scope(|scope| {
        let load = scope.spawn(|| -> Result<Vec<Answer>> {
            let mut failed = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let answer = call(cluster)?;
                sent.fetch_add(1, Ordering::Relaxed);
                if answer.status != 200 {
                    failed.push(answer);
                }
            }
            Ok(failed)
        });
        let moved = move_to_another_authority(cluster, &doorway, [&old, &new], &clients, [&both_server, &new_server]);
        stop.store(true, Ordering::Relaxed);
        let failed = load.join().map_err(|_| anyhow::anyhow!("the load has panicked"))?;
        moved.and(failed)
    })?;
    ensure!(failed.is_empty(), "{} of {} requests failed: {failed:?}", failed.len(), sent.load(Ordering::Relaxed));
    ensure!(envoys == pids(&pod), "the proxy was restarted");
    eprintln!("{} requests while both certificates changed, none failed", sent.load(Ordering::Relaxed));

    // What is no longer trusted is not believed: the upstream with its old certificate.
    doorway.lead_to(old_server.address());
    wait_for(cluster, 503)
}

fn move_to_another_authority(
    cluster: &Cluster,
    doorway: &Doorway,
    [old, new]: [&Authority; 2],
    clients: &[Identity; 2],
    [both_server, new_server]: [&Echo; 2],
) -> Result<()> {
    let certificate = |identity: &Identity| -> Result<Vec<u8>> {
        let pem = std::fs::read_to_string(&identity.certificate)?;
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        Ok(STANDARD.decode(body)?)
    };
    let (old_client, new_client) = (certificate(&clients[0])?, certificate(&clients[1])?);
    // The gateway trusts both; how long the kubelet and the agent take for it is theirs to say.
    apply_secret(cluster, &[old, new], &clients[0])?;
    thread::sleep(Duration::from_secs(5));
    doorway.lead_to(both_server.address());
    let presents = |server: &Echo, wanted: &[u8]| {
        cluster.wait("request with the client certificate", || {
            thread::sleep(Duration::from_millis(200));
            Ok(server.take().last().is_some_and(|request| request.certificate == wanted))
        })
    };
    presents(both_server, &old_client)?;
    apply_secret(cluster, &[old, new], &clients[1])?;
    presents(both_server, &new_client)?;
    doorway.lead_to(new_server.address());
    presents(new_server, &new_client)?;
    apply_secret(cluster, &[new], &clients[1])?;
    thread::sleep(Duration::from_secs(5));
    presents(new_server, &new_client)
}

/// The processes of the proxy in a pod.
fn pids(pod: &str) -> Vec<i32> {
    let pids = sallyport_tests::cluster::network::pids_named(pod, "envoy");
    pids.into_iter().map(|pid| pid.as_raw_nonzero().get()).collect()
}

fn mutual(cluster: &Cluster) -> String {
    format!(
        "apiVersion: sallyport.dev/v1alpha1
kind: Egress
metadata: {{name: mutual, namespace: egress}}
spec:
  host: mutual.legacy.internal
  upstream:
    host: {UPSTREAM}
    port: 443
    endpoints: [{{address: {}}}]
    tls:
      mode: MUTUAL
      caCertificates: {MOUNTED}/ca.crt
      clientCertificate: {MOUNTED}/tls.crt
      privateKey: {MOUNTED}/tls.key
  authz:
    rules:
    - {{id: all, action: ALLOW, from: [{{source: {{serviceAccounts: [httpbin/sleep]}}}}]}}
  gateway: {{replicas: 1, drainSeconds: 5}}
",
        cluster.bridge()
    )
}
