//! Every manifest of every example, in every way to install, as API servers with the CRDs of three versions of Istio
//! take them: a server-side dry run, in which a warning is a failure.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, ensure};
use sallyport_tests::cluster::control::Control;
use sallyport_tests::cluster::home;
use sallyport_tests::cluster::kubectl::Kubectl;
use sallyport_tests::cluster::manifests::Manifest;
use sallyport_tests::cluster::network::{Network, run};
use sallyport_tests::process::Scratch;
use sallyport_tests::{gate, workspace};

/// With the newest last: it stays.
const VERSIONS: [&str; 3] = ["1.29", "1.30", "1.31"];
const INSTALLS: [&str; 4] = ["injected", "istiooperator", "helm", "gateway-api"];
/// The examples with retries or an address, for which the Gateway API has no words.
const NOT_IN_GATEWAY_API: [&str; 2] = ["ledger", "mainframe"];
const OPA: &str = "{image: openpolicyagent/opa:1.4.2-envoy, policyConfigMap: policy}";
const DRY_RUN: [&str; 6] =
    ["apply", "--server-side", "--dry-run=server", "--validate=strict", "--force-conflicts", "--warnings-as-errors"];

/// What is built beside the version and the way to install.
#[derive(Clone, Copy, Debug)]
struct Variant {
    delivery: &'static str,
    opa: bool,
    argo: bool,
}

const VARIANTS: [Variant; 2] =
    [Variant { delivery: "oci", opa: false, argo: false }, Variant { delivery: "image-volume", opa: true, argo: true }];

#[test]
fn every_manifest_is_admitted_without_a_warning() {
    let network = Network::new().unwrap();
    let examples = examples().unwrap();
    thread::scope(|scope| {
        let judged = VERSIONS.map(|version| scope.spawn(|| admit(version, &examples, &network)));
        for (version, judged) in VERSIONS.into_iter().zip(judged) {
            let judged = judged.join().unwrap();
            judged.unwrap_or_else(|error| panic!("Istio {version}: {error:#}"));
        }
    });
}

/// An API server for this version, and everything that is built for it.
fn admit(version: &str, examples: &[Example], network: &Network) -> Result<()> {
    let scratch = Scratch::new(&format!("cluster-admission-{version}"))?;
    let control = Control::bare(&scratch, network)?;
    let kubectl = control.kubectl();
    kubectl.apply(&namespaces(examples))?;
    apply_crds(kubectl, &["gateway-api-crds.yaml", &format!("crds-{version}.yaml")])?;
    for install in INSTALLS {
        let examples: Vec<_> = examples.iter().filter(|example| example.can_be(install)).cloned().collect();
        for variant in VARIANTS {
            let output = build(&scratch, &examples, (version, install, variant))?;
            // What other tools make of our files says nothing of the version.
            let objects = objects(&output, &examples, Some(&version) == VERSIONS.last())?;
            let admitted = kubectl.feed(&[&DRY_RUN[..], &["-f", "-"]].concat(), &objects);
            let admitted = admitted.with_context(|| format!("{install}, {variant:?}"))?;
            ensure!(admitted.lines().count() > 10 * examples.len(), "{admitted}");
        }
    }
    Ok(())
}

#[derive(Clone, Debug)]
struct Example {
    name: String,
    namespace: String,
    text: String,
}

impl Example {
    fn can_be(&self, install: &str) -> bool {
        install != "gateway-api" || !NOT_IN_GATEWAY_API.contains(&self.name.as_str())
    }
}

fn examples() -> Result<Vec<Example>> {
    let mut examples = Vec::new();
    for entry in fs::read_dir(workspace().join("deploy/examples"))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let text = fs::read_to_string(entry.path().join("egress.yaml"))?;
            let line = text.lines().find_map(|line| line.strip_prefix("  namespace: ")).context("no namespace")?;
            let namespace = line.split_whitespace().next().context("no namespace")?;
            examples.push(Example { name, namespace: namespace.to_owned(), text });
        }
    }
    ensure!(examples.len() > 3, "only {} examples were found", examples.len());
    Ok(examples)
}

/// Those of the examples, and the ingress gateway's.
fn namespaces(examples: &[Example]) -> String {
    let names = examples.iter().map(|example| example.namespace.as_str()).chain(["istio-system"]);
    names.map(|name| format!("---\n{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}}}}}\n")).collect()
}

fn apply_crds(kubectl: &Kubectl, files: &[&str]) -> Result<()> {
    for file in files {
        kubectl.run(&["apply", "--server-side", "-f", &home().join(file).to_string_lossy()])?;
    }
    kubectl.run(&["wait", "--for=condition=established", "--timeout=180s", "crds", "--all"]).map(drop)
}

/// Builds the examples; the folder with their folders.
fn build(scratch: &Scratch, examples: &[Example], what: (&str, &str, Variant)) -> Result<PathBuf> {
    let (version, install, Variant { delivery, opa, argo }) = what;
    let folder = scratch.folder(&format!("{version}-{install}-{delivery}"))?;
    let input = folder.join("input");
    fs::create_dir_all(&input)?;
    for Example { name, text, .. } in examples {
        let opa = if opa { format!("    opa: {OPA}\n") } else { String::new() };
        let gateway = format!("\n  gateway:\n    install: {install}\n    createNamespace: true\n{opa}");
        fs::write(input.join(format!("{name}.yaml")), replaced(text, "\n  gateway:\n", &gateway)?)?;
    }
    let mesh = fs::read_to_string(workspace().join("deploy/examples/mesh.yaml"))?;
    let digest = "0".repeat(64);
    let mesh = replaced(&mesh, "\"1.31\"", &format!("\"{version}\""))?;
    let mesh = replaced(&mesh, "delivery: oci", &format!("delivery: {delivery}\n    digest: sha256:{digest}"))?;
    fs::write(input.join("mesh.yaml"), mesh)?;
    let output = folder.join("output");
    let mut command = Command::new(gate::sallyport()?);
    command.arg("build").arg(&input).arg("-o").arg(&output).args(argo.then_some("--argo"));
    run(&mut command)?;
    Ok(output)
}

fn replaced(text: &str, from: &str, to: &str) -> Result<String> {
    ensure!(text.matches(from).count() == 1, "`{from}` is not there once:\n{text}");
    Ok(text.replace(from, to))
}

/// The namespaces and the objects of every example, as whoever installs them gets them.
fn objects(output: &Path, examples: &[Example], with_tools: bool) -> Result<String> {
    let mut objects = String::new();
    for namespace in examples.iter().map(|example| &example.namespace).collect::<BTreeSet<_>>() {
        objects.push_str("---\n");
        objects.push_str(&fs::read_to_string(output.join("namespaces").join(format!("{namespace}.yaml")))?);
    }
    for Example { name, namespace, .. } in examples {
        let folder = output.join(format!("{namespace}-{name}"));
        for manifest in Manifest::of(&folder)?.iter().filter(|manifest| with_tools || !manifest.is_for_a_tool()) {
            objects.push_str("---\n");
            objects.push_str(&manifest.objects(namespace)?);
        }
    }
    Ok(objects)
}
