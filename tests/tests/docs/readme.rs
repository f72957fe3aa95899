//! What only the README promises, and the files of the kind cluster.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sallyport_tests::process::Scratch;
use sallyport_tests::{gate, scenes, workspace};
use serde_json::Value;

use crate::page::Page;
use crate::yaml;

const LONGEST_README: usize = 150;
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

#[test]
fn it_is_short() -> Result<()> {
    let lines = Page::read("README.md")?.text.lines().count();
    ensure!(lines <= LONGEST_README, "the README has {lines} lines");
    Ok(())
}

#[test]
fn the_table_is_the_demos() -> Result<()> {
    let readme = Page::read("README.md")?.text;
    let (_, shown) = readme.split_once("<!-- demo:begin -->").context("the demo's table begins nowhere")?;
    let (shown, _) = shown.split_once("<!-- demo:end -->").context("the demo's table does not end")?;
    let example = fs::read_to_string(workspace().join(scenes::EXAMPLE))?;
    let (_, changed) = scenes::change(&example)?;
    for row in scenes::rows().iter().chain([&changed]) {
        let line = row.line(&row.expected);
        ensure!(shown.lines().any(|shown| shown.starts_with(&line)), "the README does not show\n{line}");
    }
    Ok(())
}

#[test]
fn what_init_writes_passes_check() -> Result<()> {
    let folder = Scratch::new("init")?;
    let sallyport = gate::sallyport()?;
    for arguments in [&["init"][..], &["check", "egress.yaml"]] {
        let mut command = Command::new(&sallyport);
        // The folder is in no repository, although it is below the one of this test.
        let above = folder.path().parent().context("a folder is in one")?;
        command.args(arguments).current_dir(folder.path()).env("GIT_CEILING_DIRECTORIES", above);
        let output = command.output()?;
        ensure!(output.status.success(), "sallyport {arguments:?}: {output:?}");
    }
    Ok(())
}

#[test]
fn kind_knows_every_field_of_its_file() -> Result<()> {
    let folder = workspace().join("deploy/kind");
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
            ensure!(services.contains(&format!("nodePort: {}", port["containerPort"])), "no service listens on {port}");
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
