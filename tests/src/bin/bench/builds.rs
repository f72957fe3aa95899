//! What `sallyport build` and `sallyport check` take for more and more upstreams, beside what Helm and istioctl take for the
//! pods of each gateway.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use sallyport_tests::cluster;
use sallyport_tests::process::Scratch;
use sallyport_tests::stage::{UPSTREAM, egress_with};

use super::{Cost, RUNS, fastest, measure, released};

/// How many upstreams.
const SIZES: [usize; 4] = [10, 100, 1_000, 5_000];
/// Gateways that are given to the other tools, which take one at a time.
const SAMPLE: usize = 20;
/// Upstreams of one namespace.
const OF_ONE_NAMESPACE: usize = 10;

/// What each file says: a name, lines of `spec`, and how many rules.
const KINDS: [(&str, &str, usize); 3] = [
    ("10 rules each", "", 10),
    ("50 rules each", "", 50),
    ("10 rules each, health and tracing", "health: {probe: {path: /healthz}, passive: {}}\ntracing: {mode: envoy}", 10),
];

/// The other tools: a name, a line of `spec` with which `build` writes what the tool reads, and that file.
const TOOLS: [(&str, &str, &str); 2] = [
    ("helm template", "gateway: {install: helm}", "30-helm-values.yaml"),
    ("istioctl manifest generate", "gateway: {install: istiooperator}", "30-istiooperator.yaml"),
];

/// Prints the tables.
pub fn run(scratch: &Scratch) -> Result<()> {
    let (sallyport, profile) = released()?;
    for (at, (name, spec, rules)) in KINDS.into_iter().enumerate() {
        println!("{name}: the fastest of {RUNS} runs ({profile} build), in brackets per upstream");
        println!(
            "  upstreams  {:<29} {:<29} {:<29} build, all changed",
            "check", "build into a new folder", "build, none changed"
        );
        for count in SIZES {
            let sources = written(scratch, &format!("builds-{at}-{count}"), count, spec, rules)?;
            let out = |run: usize| scratch.path().join(format!("built-{at}-{count}-{run}"));
            let build = |run: usize| {
                let mut build = Command::new(&sallyport);
                build.args(["build", "--quiet"]).arg(&sources).arg("--output").arg(out(run));
                build
            };
            let checked = fastest(|_| {
                let mut check = Command::new(&sallyport);
                check.arg("check").arg(&sources);
                check
            })?;
            let (new, same) = (fastest(build)?, fastest(build)?);
            fs::write(sources.join("mesh.yaml"), mesh("cd"))?;
            let changed = fastest(build)?;
            let each = [checked, new, same, changed].map(|cost| per_upstream(cost, count)).join(" ");
            println!("  {count:>9}  {each}");
            for run in 0..RUNS {
                fs::remove_dir_all(out(run))?;
            }
        }
    }
    println!("the pods alone, by other tools: {SAMPLE} gateways one after the other, and as much for each of 1,000");
    for (name, spec, file) in TOOLS {
        let Some(program) = program(name) else {
            println!("  {name:<28} not set up: `tests/setup cluster` builds it");
            continue;
        };
        let sources = written(scratch, &format!("builds-{file}"), SAMPLE, spec, 10)?;
        let out = scratch.path().join(format!("built-{file}"));
        let build =
            Command::new(&sallyport).args(["build", "--quiet"]).arg(&sources).arg("--output").arg(&out).status()?;
        ensure!(build.success(), "`sallyport build` failed");
        let mut all = Cost { seconds: 0.0, peak: None };
        for number in 0..SAMPLE {
            let file = out.join(format!("{}-upstream-{number}", namespace(number))).join(file);
            let cost = measure(&mut generate(&program, name, &file))?;
            all = Cost { seconds: all.seconds + cost.seconds, peak: all.peak.max(cost.peak) };
        }
        println!("  {name:<28} {all}   {:>6.0} s", all.seconds / SAMPLE as f64 * 1_000.0);
    }
    Ok(())
}

/// A cost, and in brackets the milliseconds and KiB of each upstream.
fn per_upstream(cost: Cost, count: usize) -> String {
    let milliseconds = cost.seconds * 1_000.0 / count as f64;
    let kibibytes = cost.peak.map(|peak| format!(", {:>4} KiB", peak / count as u64));
    format!("{cost} ({milliseconds:>5.2} ms{})", kibibytes.unwrap_or_default())
}

fn program(tool: &str) -> Option<PathBuf> {
    let path = cluster::program(tool.split(' ').next().unwrap_or_default());
    path.exists().then_some(path)
}

/// The command that makes the manifests of one gateway's pods.
fn generate(program: &Path, tool: &str, file: &Path) -> Command {
    let mut generate = Command::new(program);
    if tool.starts_with("helm") {
        generate.args(["template", "gateway"]).arg(cluster::home().join("charts/gateway"));
    } else {
        generate.args(["manifest", "generate"]);
    }
    generate.arg("-f").arg(file);
    generate
}

/// A folder with a Mesh and so many Egress files.
fn written(scratch: &Scratch, name: &str, count: usize, spec: &str, rules: usize) -> Result<PathBuf> {
    let folder = scratch.folder(name)?;
    fs::write(folder.join("mesh.yaml"), mesh("ab"))?;
    let mut authz = String::from("rules:\n");
    for number in 0..rules {
        let _ = writeln!(
            authz,
            "- {{id: rule-{number}, action: ALLOW, from: [{{source: {{serviceAccounts: [team-{number}/web]}}}}], \
             to: [{{operation: {{methods: [GET], paths: [/api/{number}, \"/api/{number}/{{*}}\"]}}}}]}}"
        );
    }
    let one = egress_with(spec, &authz);
    for number in 0..count {
        let text = one
            .replace(UPSTREAM, &format!("upstream-{number}.org"))
            .replace("host: httpbin.", &format!("host: upstream-{number}."))
            .replace("name: httpbin", &format!("name: upstream-{number}"))
            .replace("namespace: egress-httpbin", &format!("namespace: {}", namespace(number)));
        fs::write(folder.join(format!("{number}.egress.yaml")), text)?;
    }
    Ok(folder)
}

fn namespace(number: usize) -> String {
    format!("egress-{}", number / OF_ONE_NAMESPACE)
}

/// The Mesh, with a digest that repeats two hexadecimal digits.
fn mesh(digits: &str) -> String {
    format!(
        "apiVersion: sallyport.dev/v1alpha1\nkind: Mesh\nmetadata: {{name: mesh}}\n\
         spec: {{filter: {{image: registry.example.com/filter, digest: 'sha256:{}'}}}}\n",
        digits.repeat(32)
    )
}
