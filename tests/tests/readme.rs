//! The README is true: its commands exist, its files are there, its table is what the demo checks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use sallyport_tests::process::Scratch;
use sallyport_tests::{cluster, gate, scenes};
use serde_json::Value;

#[path = "../../packager/egress/tests/yaml/mod.rs"]
mod yaml;

/// Programs that others make, and that the README uses.
const FOREIGN: [&str; 7] = ["kind", "kubectl", "istioctl", "helm", "openssl", "curl", "echo"];
/// What kind reads (kind.x-k8s.io/v1alpha4).
const KIND_CLUSTER: [&str; 11] = [
    "kind",
    "apiVersion",
    "name",
    "nodes",
    "networking",
    "featureGates",
    "runtimeConfig",
    "kubeadmConfigPatches",
    "kubeadmConfigPatchesJSON6902",
    "containerdConfigPatches",
    "containerdConfigPatchesJSON6902",
];
const KIND_NODE: [&str; 7] = [
    "role",
    "image",
    "labels",
    "extraMounts",
    "extraPortMappings",
    "kubeadmConfigPatches",
    "kubeadmConfigPatchesJSON6902",
];
const KIND_PORT: [&str; 4] = ["containerPort", "hostPort", "listenAddress", "protocol"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn readme() -> Result<String> {
    fs::read_to_string(root().join("README.md")).context("there is no README")
}

/// What stands behind `$ ` in console blocks, up to a comment.
fn commands(readme: &str) -> impl Iterator<Item = &str> {
    let command = |line: &str| -> Option<usize> { line.strip_prefix("$ ").map(str::len) };
    readme
        .lines()
        .filter(move |line| command(line).is_some())
        .filter_map(|line| line.get(2..)?.split(" #").next())
        .map(str::trim)
}

/// What stands between backticks, outside of blocks.
fn spans(readme: &str) -> Vec<String> {
    let mut outside = true;
    let prose = readme.lines().filter(|line| {
        let is_fence = line.starts_with("```");
        outside ^= is_fence;
        outside && !is_fence
    });
    let prose: Vec<&str> = prose.collect();
    prose.join(" ").split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Lets a program read its arguments and do nothing else: each stands before a `--help`, so all are looked at first.
fn read_by(program: &Path, arguments: &[&str]) -> Result<()> {
    let own = arguments.iter().take_while(|argument| **argument != "--");
    let output = Command::new(program).args(own).arg("--help").output()?;
    ensure!(output.status.success(), "{} {arguments:?}: {output:?}", program.display());
    Ok(())
}

#[test]
fn every_command_is_one() -> Result<()> {
    let readme = readme()?;
    let makefile = fs::read_to_string(root().join("Makefile"))?;
    let sallyport = gate::sallyport()?;
    let mut seen = 0;
    for command in commands(&readme) {
        seen += 1;
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            ["make", target] => {
                let known = makefile.lines().any(|line| line.starts_with(&format!("{target}:")));
                ensure!(known, "`{command}`: the Makefile has no `{target}`");
            }
            ["sallyport", arguments @ ..] => read_by(&sallyport, arguments)?,
            [name, arguments @ ..] if FOREIGN.contains(name) => {
                // Those that `make cluster` has built.
                let program = cluster::program(name);
                if program.exists() {
                    read_by(&program, arguments)?;
                }
            }
            _ => bail!("`{command}` is nothing that this test knows to try"),
        }
    }
    ensure!(seen >= 20, "only {seen} commands were found");
    let spans = spans(&readme);
    let spoken: Vec<_> = spans.iter().filter_map(|span| span.strip_prefix("sallyport ")).collect();
    ensure!(spoken.len() >= 4, "only {spoken:?} were found");
    for arguments in spoken {
        read_by(&sallyport, &arguments.split_whitespace().collect::<Vec<_>>())?;
    }
    Ok(())
}

#[test]
fn what_is_not_a_command_is_found_out() -> Result<()> {
    let sallyport = gate::sallyport()?;
    for bad in [&["chek"][..], &["check", "--formt", "json"], &["image", "pull"], &["build", "--out"]] {
        ensure!(read_by(&sallyport, bad).is_err(), "{bad:?}");
    }
    Ok(())
}

/// The files that commands name are in the repository, or in what `sallyport build` makes of it.
#[test]
fn every_file_of_a_command_is_there() -> Result<()> {
    let folder = Scratch::new("readme")?;
    let lock = format!(
        r#"{{"version":1,"filter":{{"image":"registry.registry:5000/sallyport/filter","digest":"sha256:{}"}}}}"#,
        "ab".repeat(32)
    );
    folder.write("sallyport.lock", lock)?;
    folder.write("egress.yaml", fs::read(root().join("deploy/kind/egress.yaml"))?)?;
    let mut build = Command::new(gate::sallyport()?);
    let output = build.args(["build", ".", "-o", "out"]).current_dir(folder.path()).output()?;
    ensure!(output.status.success(), "{output:?}");
    let readme = readme()?;
    let mut seen = 0;
    for word in commands(&readme).flat_map(str::split_whitespace) {
        let there = match word.split('/').next() {
            // The lock is what its command makes.
            Some("deploy") if !word.ends_with(".lock") => root().join(word),
            Some("out") if word != "out" => folder.path().join(word),
            _ => continue,
        };
        seen += 1;
        ensure!(there.exists(), "`{word}` is not there");
    }
    ensure!(seen >= 5, "only {seen} files were found");
    Ok(())
}

#[test]
fn every_test_that_is_named_exists() -> Result<()> {
    let readme = readme()?;
    let named: Vec<_> =
        spans(&readme).into_iter().filter(|span| span.starts_with("cluster_") || span.starts_with("gate_")).collect();
    ensure!(named.len() >= 6, "only {named:?} were found");
    for name in named {
        ensure!(root().join(format!("tests/tests/{name}.rs")).exists(), "there is no test `{name}`");
    }
    Ok(())
}

#[test]
fn kind_knows_every_field_of_its_file() -> Result<()> {
    let folder = root().join("deploy/kind");
    let read = |name: &str| fs::read_to_string(folder.join(name)).with_context(|| format!("there is no {name}"));
    let cluster = yaml::to_json(&read("cluster.yaml")?).context("cluster.yaml is not YAML")?;
    ensure!(cluster["kind"] == "Cluster" && cluster["apiVersion"] == "kind.x-k8s.io/v1alpha4", "{cluster}");
    known(&cluster, &KIND_CLUSTER)?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let services = read("registry.yaml")? + &read("ingress.yaml")?;
    let mut ports = Vec::new();
    for node in list(&cluster["nodes"]) {
        known(&node, &KIND_NODE)?;
        for port in list(&node["extraPortMappings"]) {
            known(&port, &KIND_PORT)?;
            ensure!(services.contains(&format!("nodePort: {}", port["containerPort"])), "nobody listens on {port}");
            ports.push(port["hostPort"].as_u64());
        }
    }
    ensure!(ports == [5000, 80, 443].map(Some), "{ports:?}");
    Ok(())
}

fn known(value: &Value, fields: &[&str]) -> Result<()> {
    let own = value.as_object().context("no mapping")?;
    let strange = own.keys().find(|field| !fields.contains(&field.as_str()));
    ensure!(strange.is_none(), "kind does not know `{}`", strange.map_or("", String::as_str));
    Ok(())
}

#[test]
fn what_init_writes_passes_check() -> Result<()> {
    let folder = Scratch::new("init")?;
    let sallyport = gate::sallyport()?;
    for arguments in [&["init"][..], &["check", "egress.yaml"]] {
        let output = Command::new(&sallyport).args(arguments).current_dir(folder.path()).output()?;
        ensure!(output.status.success(), "sallyport {arguments:?}: {output:?}");
    }
    Ok(())
}

#[test]
fn every_link_leads_somewhere() -> Result<()> {
    let readme = readme()?;
    for link in readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        ensure!(link.starts_with("https://") || root().join(link).exists(), "the link `{link}` leads nowhere");
    }
    Ok(())
}

#[test]
fn the_table_is_the_demos() -> Result<()> {
    let readme = readme()?;
    let example = fs::read_to_string(root().join(scenes::EXAMPLE))?;
    let (_, flipped) = scenes::change(&example)?;
    for row in scenes::rows().iter().chain([&flipped]) {
        let line = row.line(&row.expected);
        ensure!(readme.lines().any(|shown| shown.starts_with(&line)), "the README does not show\n{line}");
    }
    Ok(())
}
