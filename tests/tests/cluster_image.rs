//! The image: what an agent does with one that is right, missing, or not what it was pinned to.

use anyhow::{Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::cluster::doorway::Doorway;
use sallyport_tests::cluster::registry::Registry;
use sallyport_tests::cluster::{Cluster, scene, stage};

const RULES: &str = "[{id: readers, action: ALLOW, from: [{source: {serviceAccounts: [httpbin/sleep]}}]}]";
const URL: &str = "http://httpbin.legacy.internal/status/200";

#[test]
fn without_its_image_a_gateway_refuses_everyone() {
    let authority = Authority::new("public authority").unwrap();
    scene(stage::cluster("cluster-image", &authority), |cluster| exercise(cluster, &authority));
}

fn exercise(cluster: &Cluster, authority: &Authority) -> Result<()> {
    let httpbin = stage::httpbin(cluster, authority, &[stage::UPSTREAM])?;
    let _doorway = Doorway::open(cluster.bridge(), httpbin.address())?;
    let registry = Registry::start(cluster.scratch(), cluster.control().namespace())?;
    let (good, digest) = registry.push_filter(cluster.scratch(), "sallyport/filter")?;
    let index = registry.push_index(cluster.scratch(), "sallyport/indexed")?;
    let missing = good.replace(&digest, &"0".repeat(64));
    let tagged = good.replace(&format!("@sha256:{digest}"), ":tests");
    let pinned_wrongly = format!("{tagged}\n  sha256: {:?}", "0".repeat(64));

    stage::sallyport_from(cluster, &stage::plugin(&missing, RULES))?;
    cluster.wait_ready("egress", "egress-httpbin")?;
    for (url, reason) in
        [(&missing, "MANIFEST_UNKNOWN"), (&index, "which does not match"), (&pinned_wrongly, "which does not match")]
    {
        cluster.kubectl().apply(&stage::plugin(url, RULES))?;
        let denied = cluster.wait_for("httpbin", "sleep", URL, |answer| answer.status == 403)?;
        ensure!(denied.header("x-sallyport").is_empty(), "the filter runs: {denied:?}");
        let log = cluster.log("egress", "egress-httpbin")?;
        let said = log.lines().rfind(|line| line.contains("applying deny RBAC filter"));
        ensure!(said.is_some_and(|line| line.contains(reason)), "{url}: {said:?}");

        // The next good one is taken up.
        cluster.kubectl().apply(&stage::plugin(&good, RULES))?;
        cluster.wait_for("httpbin", "sleep", URL, |answer| answer.status == 200)?;
    }
    Ok(())
}
