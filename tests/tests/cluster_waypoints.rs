//! Policies of waypoints, as the real istiod hands them out: the one of `tests/constellations/good` is part of what its
//! waypoint is given; those of `bad`, which no waypoint enforces, are part of nothing.
//!
//! No request comes to a waypoint here: there is no ztunnel, and a stock Envoy has not the filters of Istio's own that a
//! waypoint's listeners begin with. So a client asks istiod for a waypoint's configuration as its Envoy would, and what
//! istiod gives it is read.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use sallyport_tests::cluster::PATIENCE;
use sallyport_tests::cluster::control::Control;
use sallyport_tests::cluster::discovery::{Discovery, Proxy, types};
use sallyport_tests::cluster::network::{Network, run};
use sallyport_tests::process::Scratch;
use sallyport_tests::workspace;
use serde_json::{Value, json};

/// The waypoint of all files, as its pod would be called.
const WAYPOINT: &str = "outward-0.waypoints";
/// A file, the host of its entry, the rule of its policy as istiod calls it, and whether the waypoint is given it.
const FILES: [(&str, &str, &str, bool); 3] = [
    ("good/ambient-waypoint", "census.partner.example", "ns[waypoints]-policy[census]-rule[0]", true),
    ("bad/waypoint-policy-by-selector", "ledger.broken.example", "-policy[ledger]-rule[0]", false),
    ("bad/waypoint-policy-of-another-namespace", "roster.broken.example", "-policy[roster]-rule[0]", false),
];
const NAMESPACES: &str = "\
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: waypoints}}
";
/// Where the waypoint's pod would be.
const ADDRESS: &str = "10.44.7.7";
/// What is applied has come to istiod, and from there to a proxy, after this.
const SETTLED: Duration = Duration::from_secs(2);

#[test]
fn a_waypoint_is_given_the_policies_that_target_it_and_no_others() {
    let scratch = Scratch::new("cluster-waypoints").unwrap();
    exercise(&scratch).unwrap_or_else(|error| panic!("{error:#}"));
}

fn exercise(scratch: &Scratch) -> Result<()> {
    let network = Network::new()?;
    let control = Control::without_controllers(scratch, &network, &["PILOT_ENABLE_AMBIENT=true"])?;
    let kubectl = control.kubectl();
    kubectl.apply(&format!("{NAMESPACES}---\n{}\n", pod_of_waypoint()))?;
    for (file, host, rule, is_given) in FILES {
        let path = workspace().join(format!("tests/constellations/{file}.yaml"));
        kubectl.run(&["apply", "--server-side", "--validate=strict", "-f", &path.to_string_lossy()])?;
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = has(&control, host) {
            ensure!(Instant::now() < deadline, "{file}: {error:#}");
            thread::sleep(Duration::from_millis(200));
        }
        thread::sleep(SETTLED);
        let given = given(&control)?;
        ensure!(given.contains(rule) == is_given, "{file}: {rule} is in force: {}", given.contains(rule));
    }
    Ok(())
}

/// istiod takes a waypoint for ready when its Service has an address behind it; nothing here makes pods.
fn pod_of_waypoint() -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "addressType": "IPv4",
        "metadata": {
            "name": "outward-here",
            "namespace": "waypoints",
            "labels": {"kubernetes.io/service-name": "outward"},
        },
        "endpoints": [{"addresses": [ADDRESS], "conditions": {"ready": true}}],
        "ports": [{"name": "mesh", "port": 15008}],
    })
}

/// Whether the entry of this host has come to the waypoint.
fn has(control: &Control, host: &str) -> Result<()> {
    let given = given(control)?;
    ensure!(given.contains(host), "the waypoint has no {host}: {given}");
    Ok(())
}

/// What istiod gives the waypoint, as its debug interface shows it.
fn given(control: &Control) -> Result<String> {
    let proxy = Proxy {
        id: format!("waypoint~{ADDRESS}~{WAYPOINT}~waypoints.svc.cluster.local"),
        metadata: json!({
            "NAMESPACE": "waypoints",
            "CLUSTER_ID": "Kubernetes",
            "ISTIO_VERSION": "1.31.0",
            "SERVICE_ACCOUNT": "outward",
            "LABELS": {"gateway.networking.k8s.io/gateway-name": "outward"},
        }),
    };
    let mut discovery = Discovery::open(SocketAddr::from((control.address(), 15010)))?;
    discovery.subscribe(&proxy, types::CLUSTER, &[])?;
    discovery.subscribe(&proxy, types::LISTENER, &[])?;
    // Whoever is on the same machine is trusted.
    let url = format!("http://127.0.0.1:8080/debug/config_dump?proxyID={WAYPOINT}");
    let mut curl = control.namespace().command("curl");
    run(curl.args(["-sS", "--fail-with-body", "--max-time", "30", &url])).with_context(|| url)
}
