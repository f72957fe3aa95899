//! Secrets as files, as the kubelet mounts them: replaced as a whole, while the pod runs.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::kubectl::Kubectl;
use super::pod::{INSIDE, list, text};

/// Where the files really are, beside the names that lead to them.
const DATA: &str = "..data";
/// How often a Secret is looked at.
const PERIOD: Duration = Duration::from_secs(1);

/// A Secret that a pod mounts.
#[derive(Debug)]
pub struct MountedSecret {
    namespace: String,
    name: String,
    folder: PathBuf,
    files: BTreeMap<String, String>,
    version: u32,
    next: Instant,
}

impl MountedSecret {
    /// The Secrets that the proxy of a pod mounts, each with its files written. `folder` is what the pod has as `/var/lib`, the
    /// only place where they can be mounted here.
    pub fn of(object: &Value, folder: &Path, kubectl: &Kubectl) -> Result<Vec<Self>> {
        let containers = list(object, "/spec/containers").iter();
        let mounts = containers.flat_map(|container| list(container, "/volumeMounts"));
        let mut found = Vec::new();
        for mount in mounts {
            let mut volumes = list(object, "/spec/volumes").iter();
            let volume = volumes.find(|volume| volume["name"] == mount["name"]);
            let Some(name) = volume.and_then(|volume| volume.pointer("/secret/secretName")?.as_str()) else { continue };
            let namespace = text(object, "/metadata/namespace")?;
            // To Istio's own gateways such a Secret is an empty folder.
            let optional = volume.and_then(|volume| volume.pointer("/secret/optional")?.as_bool()) == Some(true);
            if optional && !exists(kubectl, namespace, name)? {
                continue;
            }
            let path = text(mount, "/mountPath")?;
            let path = path.strip_prefix(INSIDE).with_context(|| format!("{path} is not below {INSIDE}"))?;
            let mut secret = Self {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                folder: folder.join(path.trim_start_matches('/')),
                files: BTreeMap::new(),
                version: 0,
                next: Instant::now(),
            };
            secret.look(kubectl)?;
            ensure!(secret.version > 0, "the Secret {name} is empty");
            found.push(secret);
        }
        Ok(found)
    }

    /// Replaces the files if the Secret has changed.
    pub fn look(&mut self, kubectl: &Kubectl) -> Result<()> {
        if Instant::now() < self.next {
            return Ok(());
        }
        self.next = Instant::now() + PERIOD;
        let secret = kubectl.get(&["secret", &self.name, "-n", &self.namespace])?;
        let files: BTreeMap<String, String> = serde_json::from_value(secret["data"].clone())?;
        if files != self.files {
            self.version = self.version.saturating_add(1);
            write(&self.folder, &files, self.version)?;
            self.files = files;
        }
        Ok(())
    }
}

fn exists(kubectl: &Kubectl, namespace: &str, name: &str) -> Result<bool> {
    let secrets = kubectl.get(&["secrets", "-n", namespace])?;
    Ok(list(&secrets, "/items").iter().any(|secret| secret["metadata"]["name"] == name))
}

/// The new files are complete before the link leads to them.
fn write(folder: &Path, files: &BTreeMap<String, String>, version: u32) -> Result<()> {
    let data = format!("..{version}");
    fs::create_dir_all(folder.join(&data))?;
    for (name, contents) in files {
        let contents = STANDARD.decode(contents).with_context(|| format!("{name} is not base64"))?;
        fs::write(folder.join(&data).join(name), contents)?;
        let link = folder.join(name);
        if !link.is_symlink() {
            symlink(Path::new(DATA).join(name), link)?;
        }
    }
    let new = folder.join("..data_new");
    symlink(&data, &new)?;
    fs::rename(new, folder.join(DATA)).context("cannot replace the files")
}
