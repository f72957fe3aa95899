//! What gateways cost the control plane and the proxies that know of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use sallyport_tests::certs::Authority;
use sallyport_tests::cluster::doorway::Doorway;
use sallyport_tests::cluster::stage::Site;
use sallyport_tests::cluster::{Cluster, curl_from_outside, network, program, stage};
use sallyport_tests::echo::Echo;

use super::rules;

/// Gateways with a pod in one namespace, and one in a namespace of its own. The others are configuration alone.
const WITH_PODS: [&str; 3] = ["httpbin", "second", "third"];
const APART: (&str, &str) = ("apart", "fourth");
/// How many gateways are added, in namespaces of their own, then in one.
const ADDED: usize = 50;
/// Istiod waits this long at most for further changes, and then a little for its pushes to be done.
const QUIET: Duration = Duration::from_secs(4);
const PATIENCE: Duration = Duration::from_secs(60);

/// Prints the table.
pub fn run() -> Result<()> {
    if !program("pilot-discovery").exists() || !rustix::process::geteuid().is_root() {
        println!("istiod: needs root and `tests/setup cluster`");
        return Ok(());
    }
    let authority = Authority::new("public authority")?;
    let cluster = stage::cluster("bench-fleet", &authority)?;
    let names = [stage::UPSTREAM, "second.org", "third.org"];
    let echo = Echo::start(&authority.server(cluster.scratch(), "upstreams", &names)?)?;
    let _doorway = Doorway::open(cluster.bridge(), echo.address())?;
    let fleet = Fleet { site: Site::new(&cluster, "1.31")?, cluster: &cluster };
    for name in WITH_PODS {
        fleet.site.apply(name, &file(name, "egress", 10))?;
    }
    let (namespace, name) = APART;
    fleet.site.write(name, &file(name, namespace, 10))?;
    fleet.site.build()?;
    cluster.kubectl().apply(&format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {namespace}}}}}"))?;
    cluster.kubectl().apply(&fleet.manifests(namespace, name, |_| true)?)?;
    for name in WITH_PODS {
        fleet.site.wait_ready(name)?;
    }
    cluster.wait_ready(namespace, &format!("sallyport.dev/gateway={name}"))?;
    let pods = WITH_PODS.len() + 1;
    println!(
        "pulls by {pods} pods: {} of the manifest, {} of layers",
        fleet.pulls("/manifests/")?,
        fleet.pulls("/blobs/")?
    );
    println!("proxies: {pods} gateways, of which one is in another namespace, and 2 sidecars of callers");
    fleet.print(&format!("gateways: {pods}"))?;
    fleet.add("alone", |number| format!("alone-{number}"))?;
    fleet.print(&format!("and {ADDED} more, in namespaces of their own"))?;
    fleet.add("beside", |_| "egress".to_owned())?;
    fleet.print(&format!("and {ADDED} more, in the namespace of the first"))?;
    println!("pulls since: {} of the manifest, {} of layers", fleet.pulls("/manifests/")?, fleet.pulls("/blobs/")?);
    Ok(())
}

fn file(name: &str, namespace: &str, count: usize) -> String {
    stage::egress(name, &rules(count)).replace("namespace: egress", &format!("namespace: {namespace}"))
}

struct Fleet<'a> {
    site: Site<'a>,
    cluster: &'a Cluster,
}

impl Fleet<'_> {
    /// Adds gateways without pods.
    fn add(&self, prefix: &str, namespace: impl Fn(usize) -> String) -> Result<()> {
        let mut manifests = Vec::new();
        for number in 0..ADDED {
            let (name, namespace) = (format!("{prefix}-{number}"), namespace(number));
            self.site.write(&name, &file(&name, &namespace, 10))?;
            manifests.push(format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {namespace}}}}}"));
        }
        self.site.build()?;
        let is_kept = |document: &str| !document.contains("\nkind: Deployment\n");
        for number in 0..ADDED {
            manifests.push(self.manifests(&namespace(number), &format!("{prefix}-{number}"), is_kept)?);
        }
        self.cluster.kubectl().apply(&manifests.join("\n---\n"))?;
        self.settle().map(drop)
    }

    /// The numbered manifests of a gateway that were built.
    fn manifests(&self, namespace: &str, name: &str, is_kept: impl Fn(&str) -> bool) -> Result<String> {
        let out = self.site.manifests(name).parent().context("no output folder")?.join(format!("{namespace}-{name}"));
        let mut files = fs::read_dir(out)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        files.sort();
        let is_numbered = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.ends_with(".yaml") && name.starts_with(|first: char| first.is_ascii_digit())
        };
        let mut documents = Vec::new();
        for path in files.into_iter().filter(is_numbered) {
            let text = fs::read_to_string(path)?;
            documents.extend(text.split("\n---").filter(|document| is_kept(document)).map(str::to_owned));
        }
        Ok(documents.join("\n---\n"))
    }

    /// What an edit of one gateway's rules costs, and what each kind of proxy has of all gateways.
    fn print(&self, what: &str) -> Result<()> {
        println!("{what}");
        let before = self.settle()?;
        self.site.apply("second", &file("second", "egress", 11))?;
        let after = self.settle()?;
        let mut said = Vec::new();
        for (name, value) in &after {
            let more = value - before.get(name).copied().unwrap_or_default();
            if more > 0.0 {
                said.push(format!("{name} {more:.2}"));
            }
        }
        println!("  an edit of a rule of one gateway: {}", said.join(", "));
        self.site.apply("second", &file("second", "egress", 10))?;
        self.settle()?;
        for (namespace, pod) in [("egress", "httpbin-egress"), ("httpbin", "sleep")] {
            let dump = self.cluster.curl(namespace, pod, &["http://127.0.0.1:15000/config_dump"])?.body.len();
            let stats = self.cluster.curl(namespace, pod, &["http://127.0.0.1:15000/stats/prometheus"])?.body;
            let samples = stats.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
            println!(
                "  {pod:<16} config_dump {} KiB, {} series, Envoy's memory {} MiB",
                dump / 1024,
                samples.count(),
                self.memory(namespace, pod)? / 1024
            );
        }
        Ok(())
    }

    /// Istiod's counters once nothing is pushed any more.
    fn settle(&self) -> Result<BTreeMap<String, f64>> {
        let deadline = Instant::now() + PATIENCE;
        let mut last = self.counters()?;
        loop {
            thread::sleep(QUIET);
            let now = self.counters()?;
            let pushes = |counters: &BTreeMap<String, f64>| {
                counters.iter().filter(|(name, _)| name.contains("pushes")).map(|(_, count)| count).sum::<f64>()
            };
            if (pushes(&now) - pushes(&last)).abs() < 0.5 || Instant::now() > deadline {
                return Ok(now);
            }
            last = now;
        }
    }

    /// Pushes by type, the bytes of what was pushed by type, and istiod's CPU seconds.
    fn counters(&self) -> Result<BTreeMap<String, f64>> {
        let url = format!("http://{}:15014/metrics", self.cluster.control().address());
        let page = curl_from_outside(&[&url])?.body;
        let is_meant = |name: &str| {
            [
                "pilot_xds_pushes",
                "pilot_xds_config_size_bytes_sum",
                "process_cpu_seconds_total",
                "pilot_proxy_convergence_time_sum",
            ]
            .iter()
            .any(|meant| name.starts_with(meant))
        };
        let rows = page.lines().filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            is_meant(name).then_some((name.to_owned(), value.parse().ok()?))
        });
        Ok(rows.collect())
    }

    /// How many requests of this kind the registry has answered with content.
    fn pulls(&self, part: &str) -> Result<usize> {
        let log = fs::read_to_string(self.cluster.scratch().path().join("registry.log"))?;
        Ok(log.lines().filter(|line| line.contains("\"GET ") && line.contains(part)).count())
    }

    /// The resident memory of a pod's Envoy, in KiB.
    fn memory(&self, namespace: &str, pod: &str) -> Result<u64> {
        let (inside, _) = self.cluster.pod(namespace, pod)?;
        let pid = network::pids_named(&inside, "envoy").into_iter().next().context("no Envoy")?;
        sallyport_tests::process::resident(pid.as_raw_nonzero().get().unsigned_abs())
    }
}
