//! The ways to install in which others make the gateway's pods: istioctl, Helm with Istio's chart, and istiod itself from
//! a Gateway of the Kubernetes Gateway API.

use anyhow::{Context, Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::cluster::doorway::Doorway;
use sallyport_tests::cluster::manifests::Manifest;
use sallyport_tests::cluster::stage::{self, Site};
use sallyport_tests::cluster::{Cluster, scene};

const RULES: &str = "[{id: readers, action: ALLOW, from: [{source: {serviceAccounts: [httpbin/sleep]}}]}]";
/// An upstream each, so that one cluster serves them side by side.
const INSTALLS: [(&str, &str); 3] = [("httpbin", "istiooperator"), ("second", "helm"), ("third", "gateway-api")];

#[test]
fn the_gateway_is_the_same_whoever_makes_its_pods() {
    let authority = Authority::new("public authority").unwrap();
    scene(stage::cluster("cluster-install", &authority), |cluster| exercise(cluster, &authority));
}

fn exercise(cluster: &Cluster, authority: &Authority) -> Result<()> {
    let upstreams = INSTALLS.map(|(name, _)| format!("{name}.org"));
    let httpbin = stage::httpbin(cluster, authority, &upstreams.each_ref().map(String::as_str))?;
    let doorway = Doorway::open(cluster.bridge(), httpbin.address())?;
    let site = Site::new(cluster, "1.31")?;
    for (name, install) in INSTALLS {
        let egress = stage::egress(name, RULES);
        site.write(name, &egress.replace("gateway: {", &format!("gateway: {{install: {install}, ")))?;
    }
    site.build()?;
    for (name, _) in INSTALLS {
        for manifest in Manifest::of(&site.manifests(name))? {
            cluster.kubectl().apply(&manifest.objects("egress")?)?;
        }
    }
    for (name, install) in INSTALLS {
        serves(cluster, &site, name, &doorway).with_context(|| format!("installed by {install}"))?;
    }
    Ok(())
}

fn serves(cluster: &Cluster, site: &Site<'_>, name: &str, doorway: &Doorway) -> Result<()> {
    site.wait_ready(name)?;
    let url = format!("http://{name}.legacy.internal/status/200");
    cluster.wait_for("httpbin", "sleep", &url, |answer| answer.status == 200)?;
    let mut names = doorway.take_names();
    names.dedup();
    ensure!(names == [format!("{name}.org")], "the upstream is asked for other names: {names:?}");
    // Its sidecar may learn of the gateway later than the other's.
    let refused = cluster.wait_for("other", "stranger", &url, |answer| matches!(answer.status, 200 | 403))?;
    ensure!(refused.status == 403 && refused.header("x-sallyport").contains("not_allowed"), "{refused:?}");
    ensure!(doorway.take_names().is_empty(), "a refused call reached the upstream");
    cluster.wait_until("request that is free of the mesh", || the_id_and_nothing_of_the_mesh(cluster, name))
}

/// What the fields of Envoy do that are the EnvoyFilter's, it does in a listener that is not of Istio's own gateways, too.
fn the_id_and_nothing_of_the_mesh(cluster: &Cluster, name: &str) -> Result<()> {
    let id = "5f0e1c1a-0000-4000-8000-0123456789ab";
    // httpbin hides some headers of whoever does not ask.
    let url = format!("http://{name}.legacy.internal/headers?show_env=1");
    let told = cluster.curl("httpbin", "sleep", &["-H", &format!("x-request-id: {id}"), &url])?;
    let body = told.body.to_ascii_lowercase();
    ensure!(told.status == 200 && body.contains(id), "the caller's id is not told: {told:?}");
    for secret in ["x-envoy-", "x-forwarded-", "spiffe", "legacy.internal"] {
        ensure!(!body.contains(secret), "the upstream is told of {secret}: {told:?}");
    }
    Ok(())
}
