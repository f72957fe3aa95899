//! The exercise through our gateway: a caller with a sidecar, mutual TLS, the filter, TLS to a real httpbin.

use anyhow::{Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::cluster::doorway::Doorway;
use sallyport_tests::cluster::{Cluster, scene, stage};

const RULES: &str = "[{id: readers, action: ALLOW, from: [{source: {serviceAccounts: [httpbin/sleep]}}], \
                     to: [{operation: {methods: [GET], paths: ['/status/{*}']}}]}]";
const URL: &str = "http://httpbin.legacy.internal/status/200";

#[test]
fn callers_reach_the_upstream_only_through_the_gateway_and_its_policy() {
    let authority = Authority::new("public authority").unwrap();
    scene(stage::cluster("cluster-gateway", &authority), |cluster| exercise(cluster, &authority));
}

fn exercise(cluster: &Cluster, authority: &Authority) -> Result<()> {
    let httpbin = stage::httpbin(cluster, authority, &[stage::UPSTREAM])?;
    let doorway = Doorway::open(cluster.bridge(), httpbin.address())?;
    let _registry = stage::sallyport(cluster, RULES)?;
    cluster.wait_ready("egress", "egress-httpbin")?;
    cluster.wait("answer for sleep", || Ok(cluster.curl("httpbin", "sleep", &[URL])?.status == 200))?;

    let allowed = cluster.curl("httpbin", "sleep", &[URL])?;
    ensure!(allowed.status == 200, "{allowed:?}");
    ensure!(httpbin_is_asked_for(&doorway)? == [stage::UPSTREAM], "the upstream is asked for another name");

    let other_path = cluster.curl("httpbin", "sleep", &["http://httpbin.legacy.internal/get"])?;
    ensure!(other_path.status == 403 && other_path.header("x-sallyport").contains("not_allowed"), "{other_path:?}");

    let unlisted = cluster.curl("other", "stranger", &[URL])?;
    ensure!(unlisted.status == 403 && unlisted.header("x-sallyport").contains("not_allowed"), "{unlisted:?}");
    Ok(())
}

fn httpbin_is_asked_for(doorway: &Doorway) -> Result<Vec<String>> {
    let mut names = doorway.take_names();
    names.dedup();
    Ok(names)
}
