//! The image: what an agent does with one that is right, missing, or not what it was pinned to; that `sallyport image
//! verify` says so before, and that every query about it finds that out in a real Prometheus.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::cluster::doorway::Doorway;
use sallyport_tests::cluster::stage::Site;
use sallyport_tests::cluster::{Cluster, scene, stage};
use sallyport_tests::gate::sallyport;
use sallyport_tests::prometheus::{Prometheus, Queries, Target, asks_the_agent, job};

const RULES: &str = "[{id: readers, action: ALLOW, from: [{source: {serviceAccounts: [httpbin/sleep]}}]}]";
const URL: &str = "http://httpbin.legacy.internal/status/200";

#[test]
fn without_its_image_a_gateway_refuses_everyone() {
    let authority = Authority::new("public authority").unwrap();
    scene(stage::cluster("cluster-image", &authority), |cluster| exercise(cluster, &authority));
}

fn exercise(cluster: &Cluster, authority: &Authority) -> Result<()> {
    let httpbin = stage::httpbin(cluster, authority, &[stage::UPSTREAM])?;
    let doorway = Doorway::open(cluster.bridge(), httpbin.address())?;
    let site = Site::new(cluster, "1.31")?;
    let image = site.registry().name("sallyport/filter");
    let missing = format!("sha256:{}", "0".repeat(64));
    let index = site.registry().push_index(cluster.scratch(), "sallyport/filter")?;
    let pin = |digest: &str| stage::mesh("1.31", &image, &format!("    digest: {digest}\n"));
    let good = stage::egress("httpbin", RULES);
    // What only a patch can write: the field beside the URL says another digest than the URL.
    let torn = format!(
        "  patches: [{{kind: TrafficExtension, merge: {{spec: {{wasm: {{sha256: {:?}}}}}}}}}]\n",
        "0".repeat(64)
    );

    let cases = [
        (pin(&missing), good.clone(), format!("{image}@{missing}"), "SP3001", "MANIFEST_UNKNOWN"),
        (pin(&index), good.clone(), format!("{image}@{index}"), "SP3003", "which does not match"),
        (stage::mesh("1.31", &image, ""), good.clone() + &torn, String::new(), "", "which does not match"),
    ];
    let mut watch = None;
    for (mesh, egress, reference, code, reason) in cases {
        if !reference.is_empty() {
            let said = verify(&reference)?;
            ensure!(said.contains(code), "{reference}: {said}");
        }
        let before = if watch.is_some() { denials(cluster)?.len() } else { 0 };
        site.write("mesh", &mesh)?;
        site.apply("httpbin", &egress)?;
        cluster.wait(&format!("word of {reason}"), || {
            Ok(denials(cluster)?.iter().skip(before).any(|line| line.contains(reason)))
        })?;
        let is_first = watch.is_none();
        if is_first {
            watch = Some(Watch::start(cluster)?);
        }
        // The gateway refuses everyone, the kubelet too: so its pods leave the Service, and then callers ask nobody.
        let denied = cluster.wait_for("httpbin", "sleep", URL, |answer| matches!(answer.status, 403 | 503))?;
        ensure!(denied.header("x-sallyport").is_empty(), "the filter runs: {denied:?}");
        // Until then the filter before it let callers through, if there was one.
        let names = doorway.take_names();
        ensure!(names.is_empty() || !is_first, "the upstream was asked");
        let alone = cluster.wait_for("httpbin", "sleep", URL, |answer| answer.status == 503)?;
        ensure!(alone.header("x-sallyport").is_empty(), "the filter runs: {alone:?}");
        ensure!(doorway.take_names().is_empty(), "the upstream was asked");

        // The next good one is taken up.
        site.write("mesh", &stage::mesh("1.31", &image, ""))?;
        site.apply("httpbin", &good)?;
        cluster.wait_for("httpbin", "sleep", URL, |answer| answer.status == 200)?;
        let _ = doorway.take_names();
        watch.as_mut().context("nobody watches")?.look()?;
    }
    watch.context("nobody watches")?.finish()
}

/// What the gateway's agent has said so far of filters that it could not have.
fn denials(cluster: &Cluster) -> Result<Vec<String>> {
    let log = cluster.log("egress", "httpbin-egress")?;
    Ok(log.lines().filter(|line| line.contains("applying deny RBAC filter")).map(str::to_owned).collect())
}

/// A real Prometheus at the gateway's agent, and the queries that have not returned anything yet.
struct Watch {
    prometheus: Prometheus,
    queries: Queries,
    all: usize,
}

impl Watch {
    fn start(cluster: &Cluster) -> Result<Self> {
        let (_, gateway) = cluster.pod("egress", "httpbin-egress")?;
        let target = Target { gateway: "httpbin", pod: "gateway", address: (gateway, stage::AGENT).into() };
        let prometheus = Prometheus::start(cluster.scratch(), &job(cluster.scratch(), &[target])?)?;
        prometheus.wait("up == 1", |rows| rows.len() == 1)?;
        let mut queries = prometheus.queries()?;
        queries.retain(|(_, query)| asks_the_agent(query));
        ensure!(queries.len() >= 3, "{queries:?}");
        let all = queries.len();
        Ok(Self { prometheus, queries, all })
    }

    fn look(&mut self) -> Result<()> {
        self.prometheus.look(&mut self.queries)
    }

    fn finish(mut self) -> Result<()> {
        // What happened last may not have been scraped yet.
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.queries.is_empty() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(500));
            self.look()?;
        }
        ensure!(self.queries.is_empty(), "these return nothing: {:#?}", self.queries);
        println!("{} queries about the agent returned rows", self.all);
        Ok(())
    }
}

/// What `sallyport image verify` says of an image that it refuses.
fn verify(reference: &str) -> Result<String> {
    let output = Command::new(sallyport()?).args(["image", "verify", "--plain-http", reference]).output()?;
    ensure!(!output.status.success(), "{reference} is called good");
    Ok(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}
