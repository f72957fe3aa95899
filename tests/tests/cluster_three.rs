//! Three upstreams, three gateways, three policies: each governs its own gateway only.

use anyhow::{Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::cluster::doorway::Doorway;
use sallyport_tests::cluster::stage::Site;
use sallyport_tests::cluster::{Cluster, scene, stage};
use sallyport_tests::echo::Echo;

const FOR_SLEEP: &str = "[{id: sleep, action: ALLOW, from: [{source: {serviceAccounts: [httpbin/sleep]}}]}]";
const FOR_STRANGER: &str = "[{id: stranger, action: ALLOW, from: [{source: {serviceAccounts: [other/stranger]}}]}]";
const FOR_NOBODY: &str = "[]";

#[test]
fn each_policy_governs_its_own_gateway_only() {
    let authority = Authority::new("public authority").unwrap();
    scene(stage::cluster("cluster-three", &authority), |cluster| exercise(cluster, &authority));
}

fn exercise(cluster: &Cluster, authority: &Authority) -> Result<()> {
    let names = [stage::UPSTREAM, "second.org", "third.org"];
    let echo = Echo::start(&authority.server(cluster.scratch(), "upstreams", &names)?)?;
    let _doorway = Doorway::open(cluster.bridge(), echo.address())?;
    // By WasmPlugin, as Istio 1.29 wants it; the other scenes have the newer API.
    let site = Site::new(cluster, "1.29")?;
    for (name, rules) in [("httpbin", FOR_SLEEP), ("second", FOR_STRANGER), ("third", FOR_NOBODY)] {
        site.apply(name, &stage::egress(name, rules))?;
    }
    for name in ["httpbin", "second", "third"] {
        site.wait_ready(name)?;
    }
    let table = [("httpbin", "sleep", [200, 403, 403]), ("other", "stranger", [403, 200, 403])];
    for (namespace, caller, statuses) in table {
        for (name, status) in ["httpbin", "second", "third"].into_iter().zip(statuses) {
            let answer = cluster.wait_for(namespace, caller, &url(name), |answer| answer.status == status)?;
            ensure!(
                status == 200 || answer.header("x-sallyport").contains("not_allowed"),
                "{caller}, {name}: {answer:?}"
            );
        }
    }
    for request in echo.take() {
        // Each upstream is asked for its own name, in TLS and in HTTP.
        ensure!(request.values("host").eq([request.sni.as_bytes()]) && request.sni != "third.org", "{request:?}");
    }

    // One gateway gone, the others go on.
    cluster.kubectl().run(&["scale", "deployment/second-egress", "-n", "egress", "--replicas=0"])?;
    cluster.wait_for("other", "stranger", &url("second"), |answer| answer.status == 503)?;
    for _ in 0..10 {
        let answer = cluster.curl("httpbin", "sleep", &[&url("httpbin")])?;
        ensure!(answer.status == 200, "{answer:?}");
    }
    Ok(())
}

fn url(name: &str) -> String {
    format!("http://{name}.legacy.internal/status/200")
}
