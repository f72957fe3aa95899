//! Container images: what stands for them here, where nothing pulls or unpacks one.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::kubectl::Kubectl;
use super::network::Namespace;
use super::pod::{list, text};
use super::program;

/// Where a ConfigMap's files really are, beside the names that lead to them.
const DATA: &str = "..data";

/// What is known of an image: one static program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image {
    /// The program's name in the image's root.
    name: &'static str,
    /// The one that `tests/setup cluster` built.
    built: &'static str,
    /// Whom the image runs it as, and under which group.
    user: &'static str,
}

impl Image {
    /// The image of this reference.
    pub fn find(reference: &str) -> Result<Self> {
        let (_, name) = reference.rsplit_once('/').unwrap_or(("", reference));
        if name.starts_with("opa:") && name.ends_with("-envoy") {
            return Ok(Self { name: "opa", built: "opa-envoy-plugin", user: "1000:1000" });
        }
        bail!("the image `{reference}` is not known here")
    }

    /// Makes the root folder of a container: its program, and the ConfigMaps that it mounts, as they are now.
    pub fn unpack(self, root: &Path, container: &Value, object: &Value, kubectl: &Kubectl) -> Result<()> {
        if root.exists() {
            // A start that failed half-way.
            fs::remove_dir_all(root)?;
        }
        fs::create_dir_all(root)?;
        fs::copy(program(self.built), root.join(self.name)).with_context(|| format!("no {}", self.built))?;
        for mount in list(container, "/volumeMounts") {
            let mut volumes = list(object, "/spec/volumes").iter();
            let volume = volumes.find(|volume| volume["name"] == mount["name"]).context("no such volume")?;
            let name = text(volume, "/configMap/name")?;
            let map = kubectl.get(&["configmap", name, "-n", text(object, "/metadata/namespace")?])?;
            write_config_map(&root.join(text(mount, "/mountPath")?.trim_start_matches('/')), &map)?;
        }
        Ok(())
    }

    /// The command that runs it in this root.
    #[must_use]
    pub fn command(self, namespace: &Namespace, root: &Path) -> Command {
        let mut command = namespace.command("chroot");
        command.arg(format!("--userspec={}", self.user)).arg(root).arg(format!("/{}", self.name));
        command
    }
}

/// As the kubelet does: what it may replace as a whole is beside, and each name leads there.
fn write_config_map(folder: &Path, map: &Value) -> Result<()> {
    let data = folder.join("..1");
    fs::create_dir_all(&data)?;
    symlink("..1", folder.join(DATA))?;
    for (name, contents) in map["data"].as_object().into_iter().flatten() {
        fs::write(data.join(name), contents.as_str().context("no text")?)?;
        symlink(Path::new(DATA).join(name), folder.join(name))?;
    }
    Ok(())
}
