//! The exercise through what `sallyport build` makes: a caller with a sidecar, mutual TLS, the filter, TLS to a real
//! httpbin.

use std::process::Command;

use anyhow::{Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::cluster::doorway::Doorway;
use sallyport_tests::cluster::stage::Site;
use sallyport_tests::cluster::{Cluster, curl_from_outside, network, program, scene, stage};
use sallyport_tests::echo::Echo;
use sallyport_tests::prometheus::{Prometheus, Target, job};
use serde_json::Value;

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
    let site = Site::new(cluster, "1.31")?;
    site.serve("httpbin", &stage::egress("httpbin", RULES))?;
    cluster.wait("answer for sleep", || Ok(cluster.curl("httpbin", "sleep", &[URL])?.status == 200))?;
    let mut names = doorway.take_names();
    names.dedup();
    ensure!(names == [stage::UPSTREAM], "the upstream is asked for other names: {names:?}");

    nothing_to_complain_of(cluster)?;
    who_may_do_what(cluster)?;
    nobody_goes_round(cluster)?;
    nothing_hides_behind_an_upgrade(cluster, &doorway)?;
    prometheus_sees_the_filter(cluster)?;
    let names = doorway.take_names();
    ensure!(names.is_empty(), "a refused call reached the upstream: {names:?}");

    edited_policies_are_taken_up(cluster, &site)?;
    drop(httpbin);
    only_the_right_upstream_is_believed(cluster, authority, &doorway)
}

/// `istioctl analyze` on the live objects: nothing but that a namespace for gateways has no label for injection.
fn nothing_to_complain_of(cluster: &Cluster) -> Result<()> {
    let mut analyze = Command::new(program("istioctl"));
    analyze.args(["analyze", "--all-namespaces", "--output", "json", "--kubeconfig"]);
    let said = network::run(analyze.arg(cluster.kubectl().kubeconfig()))?;
    let said: Vec<Value> = serde_json::from_str(&said)?;
    ensure!(said.iter().all(|message| message["code"] == "IST0102"), "{said:?}");
    Ok(())
}

fn who_may_do_what(cluster: &Cluster) -> Result<()> {
    let allowed = cluster.curl("httpbin", "sleep", &[URL])?;
    ensure!(allowed.status == 200, "{allowed:?}");
    for (namespace, caller, url) in
        [("httpbin", "sleep", "http://httpbin.legacy.internal/get"), ("other", "stranger", URL)]
    {
        let refused = cluster.curl(namespace, caller, &[url])?;
        ensure!(
            refused.status == 403 && refused.header("x-sallyport").contains("not_allowed"),
            "{caller}: {refused:?}"
        );
    }
    Ok(())
}

/// A real Prometheus, at the agent's port, with the relabelling that users have.
fn prometheus_sees_the_filter(cluster: &Cluster) -> Result<()> {
    let (_, gateway) = cluster.pod("egress", "httpbin-egress")?;
    let target = Target { gateway: "httpbin", pod: "gateway", address: (gateway, stage::AGENT).into() };
    let prometheus = Prometheus::start(cluster.scratch(), &job(cluster.scratch(), &[target])?)?;
    for query in [
        r#"sallyport_requests_total{verdict="allowed"}"#,
        r#"sallyport_rule_total{rule="readers", verdict="allowed"}"#,
        "sallyport_config_policy_hash",
        r#"sallyport_delivery_total{event="config_reload"} > 0"#,
        r#"istio_agent_wasm_remote_fetch_count{result="success"} > 0"#,
        r#"istio_agent_wasm_config_conversion_count{result="success"} > 0"#,
    ] {
        prometheus.wait(query, |rows| !rows.is_empty())?;
    }
    Ok(())
}

/// Neither past the gateway, by the sidecar's own knowledge, nor to the gateway without the mesh.
fn nobody_goes_round(cluster: &Cluster) -> Result<()> {
    let direct = cluster.curl("httpbin", "sleep", &["--insecure", "https://httpbin.org/status/200"])?;
    ensure!(direct.status == 0 && !direct.error.is_empty(), "{direct:?}");
    let direct = cluster.curl("httpbin", "sleep", &["http://httpbin.org/status/200"])?;
    ensure!(direct.status == 502, "{direct:?}");

    stage::outsider(cluster)?;
    let (_, gateway) = cluster.pod("egress", "httpbin-egress")?;
    let resolve = format!("{}:8443:{gateway}", stage::HOST);
    let url = format!("https://{}:8443/status/200", stage::HOST);
    let outsider = cluster.curl("outside", "outsider", &["--insecure", "--resolve", &resolve, &url])?;
    ensure!(outsider.status == 0 && !outsider.error.is_empty(), "{outsider:?}");
    let plain = cluster.curl("outside", "outsider", &["--resolve", &resolve, &url.replace("https:", "http:")])?;
    ensure!(plain.status == 0 && !plain.error.is_empty(), "{plain:?}");
    Ok(())
}

/// A caller that has taken its certificate out of its sidecar, and says what no sidecar would.
fn nothing_hides_behind_an_upgrade(cluster: &Cluster, doorway: &Doorway) -> Result<()> {
    let (_, gateway) = cluster.pod("egress", "httpbin-egress")?;
    let identity = cluster.identity("httpbin", "sleep")?;
    let [chain, key] = identity.each_ref().map(|path| path.to_string_lossy());
    let resolve = format!("{}:8443:{gateway}", stage::HOST);
    let url = format!("https://{}:8443/status/200", stage::HOST);
    let own = ["--insecure", "--http1.1", "--cert", &chain, "--key", &key, "--resolve", &resolve, &url];
    let allowed = curl_from_outside(&own)?;
    ensure!(allowed.status == 200, "{allowed:?}");
    let _ = doorway.take_names();
    let forbidden = curl_from_outside(&[&own[..], &["-X", "DELETE"]].concat())?;
    ensure!(forbidden.status == 403 && forbidden.header("x-sallyport").contains("not_allowed"), "{forbidden:?}");
    // Without a length, what follows the head is no body of the request's.
    let hidden = format!("DELETE /status/200 HTTP/1.1\r\nhost: {}\r\n\r\n", stage::UPSTREAM);
    let behind = ["-X", "GET", "-H", "content-length:", "-H", "content-type:", "--data-binary", &hidden];
    for (protocol, status) in [("TLS/1.0", 403), ("any", 403), ("websocket, any", 403)] {
        let upgrade = format!("upgrade: {protocol}");
        let answer = curl_from_outside(
            &[&own[..], &behind, &["-H", "connection: upgrade", "-H", &upgrade, "--max-time", "5"]].concat(),
        )?;
        ensure!(answer.status == status, "{protocol}: {answer:?}");
    }
    Ok(())
}

fn edited_policies_are_taken_up(cluster: &Cluster, site: &Site<'_>) -> Result<()> {
    let edit = |rules: &str| site.apply("httpbin", &stage::egress("httpbin", rules));
    edit("[]")?;
    cluster.wait("refusal after an edit", || Ok(cluster.curl("httpbin", "sleep", &[URL])?.status == 403))?;
    // One that `sallyport build` would never write, and that the filter refuses: the one before it goes on.
    let broken = "[{\"id\": \"broken\", \"action\": \"ALLOW\", \"nonsense\": true}]";
    let patch = format!("{{\"spec\": {{\"wasm\": {{\"pluginConfig\": {{\"rules\": {broken}}}}}}}}}");
    let by_hand = ["patch", "trafficextension", "httpbin-egress", "-n", "egress", "--type=merge", "-p", &patch];
    cluster.kubectl().run(&by_hand)?;
    cluster.wait("word of the refused policy", || Ok(cluster.log("egress", "httpbin-egress")?.contains("nonsense")))?;
    let refused = cluster.curl("httpbin", "sleep", &[URL])?;
    ensure!(refused.status == 403, "{refused:?}");
    edit("[{id: all, action: ALLOW, from: [{source: {namespaces: [httpbin]}}]}]")?;
    cluster.wait("answer after an edit", || Ok(cluster.curl("httpbin", "sleep", &[URL])?.status == 200))
}

fn only_the_right_upstream_is_believed(cluster: &Cluster, authority: &Authority, doorway: &Doorway) -> Result<()> {
    let wrong_name = authority.server(cluster.scratch(), "wrong-name", &["example.org"])?;
    let wrong_authority = Authority::new("public authority")?.server(cluster.scratch(), "other", &[stage::UPSTREAM])?;
    for identity in [wrong_name, wrong_authority] {
        let wrong = Echo::start(&identity)?;
        doorway.lead_to(wrong.address());
        let answer = cluster.curl("httpbin", "sleep", &[URL])?;
        ensure!(answer.status == 503, "{answer:?}");
        ensure!(wrong.count() == 0, "the wrong upstream was asked");
    }
    let right = Echo::start(&authority.server(cluster.scratch(), "right", &[stage::UPSTREAM])?)?;
    doorway.lead_to(right.address());
    cluster.wait("answer of the right upstream", || Ok(cluster.curl("httpbin", "sleep", &[URL])?.status == 200))?;
    let seen = right.take();
    for request in &seen {
        ensure!(request.sni == stage::UPSTREAM, "{request:?}");
        ensure!(request.values("host").eq([stage::UPSTREAM.as_bytes()]), "{request:?}");
    }
    ensure!(!seen.is_empty(), "nothing was seen");
    Ok(())
}
