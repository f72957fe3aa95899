//! From outside: TLS at an ingress gateway, then as any other caller through ours.

use anyhow::{Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::cluster::doorway::Doorway;
use sallyport_tests::cluster::stage::Site;
use sallyport_tests::cluster::{Cluster, curl_from_outside, scene, stage};

const RULES: &str = "[{id: from-outside, action: ALLOW, \
                     from: [{source: {serviceAccounts: [istio-system/istio-ingressgateway]}}], \
                     to: [{operation: {methods: [GET], paths: ['/status/{*}']}}]}]";
/// What the ingress gateway of a mesh has: it reads certificates, so it may read secrets.
const INGRESS: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: istio-ingressgateway, namespace: istio-system}
rules: [{apiGroups: [''], resources: [secrets], verbs: [get, watch, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: istio-ingressgateway, namespace: istio-system}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: istio-ingressgateway}
subjects: [{kind: ServiceAccount, name: istio-ingressgateway}]
";
/// The name under which the world outside knows it.
const OUTSIDE: &str = "httpbin.example.com";
const EXPOSE: &str = "  expose: {host: httpbin.example.com, credentialName: httpbin-cert}\n";

#[test]
fn callers_outside_come_in_by_tls_and_under_the_policy() {
    let authority = Authority::new("public authority").unwrap();
    scene(stage::cluster("cluster-ingress", &authority), |cluster| exercise(cluster, &authority));
}

fn exercise(cluster: &Cluster, authority: &Authority) -> Result<()> {
    let httpbin = stage::httpbin(cluster, authority, &[stage::UPSTREAM])?;
    let doorway = Doorway::open(cluster.bridge(), httpbin.address())?;
    let site = Site::new(cluster, "1.31")?;
    let inside = Authority::new("our own authority")?;
    let ca = inside.write(cluster.scratch(), "own-ca")?;
    let identity = inside.server(cluster.scratch(), "legacy", &[OUTSIDE])?;
    let (certificate, key) = (identity.certificate.to_string_lossy(), identity.key.to_string_lossy());
    let secret = ["create", "secret", "tls", "httpbin-cert", "-n", "istio-system", "--cert", &certificate];
    cluster.kubectl().run(&[&secret[..], &["--key", &key]].concat())?;
    let ports = "[{port: 80, targetPort: 8080, name: http}, {port: 443, targetPort: 8443, name: https}]";
    let gateway = stage::gateway("istio-system", "istio-ingressgateway", "istio: ingressgateway", ports);
    cluster.kubectl().apply(&gateway)?;
    cluster.kubectl().apply(INGRESS)?;
    site.serve("httpbin", &(stage::egress("httpbin", RULES) + EXPOSE))?;
    cluster.wait_ready("istio-system", "app=istio-ingressgateway")?;

    let (_, address) = cluster.pod("istio-system", "istio-ingressgateway")?;
    let resolve = |port: u16| format!("{OUTSIDE}:{port}:{address}");
    let url = |path: &str| format!("https://{OUTSIDE}:8443{path}");
    let ca = ca.to_string_lossy().into_owned();
    let call = |path: &str| curl_from_outside(&["--cacert", &ca, "--resolve", &resolve(8443), &url(path)]);
    cluster.wait("answer from outside", || Ok(call("/status/200")?.status == 200))?;

    let refused = call("/get")?;
    ensure!(refused.status == 403 && refused.header("x-sallyport").contains("not_allowed"), "{refused:?}");
    let unverified = curl_from_outside(&["--resolve", &resolve(8443), &url("/status/200")])?;
    ensure!(unverified.status == 0, "the certificate is not the secret's: {unverified:?}");
    let plain = format!("http://{OUTSIDE}:8080/status/200");
    cluster.wait_until("redirection", || {
        let redirected = curl_from_outside(&["--resolve", &resolve(8080), &plain])?;
        ensure!(redirected.status == 301 && redirected.header("location").starts_with("https://"), "{redirected:?}");
        Ok(())
    })?;
    let mut names = doorway.take_names();
    names.dedup();
    ensure!(names == [stage::UPSTREAM], "the upstream is asked for other names: {names:?}");
    // A caller inside is not the one whom this policy names.
    let url = "http://httpbin.legacy.internal/status/200";
    let sleep = cluster.wait_for("httpbin", "sleep", url, |answer| matches!(answer.status, 200 | 403))?;
    ensure!(sleep.status == 403, "{sleep:?}");
    Ok(())
}
