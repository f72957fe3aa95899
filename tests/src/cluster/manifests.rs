//! What `sallyport build` wrote for one upstream, as somebody with kubectl, istioctl and Helm applies it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::network::run;
use super::{home, program};

/// A numbered file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    path: PathBuf,
    tool: Option<Tool>,
}

/// What makes objects of a file that has none itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tool {
    Istioctl,
    Helm,
}

impl Manifest {
    /// The numbered files of a folder, in their order.
    pub fn of(folder: &Path) -> Result<Vec<Self>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let entry = entry?;
            let name = entry.file_name();
            let tool = match name.to_str() {
                Some("30-istiooperator.yaml") => Some(Tool::Istioctl),
                Some("30-helm-values.yaml") => Some(Tool::Helm),
                Some(name) if name.starts_with(|first: char| first.is_ascii_digit()) => None,
                _ => continue,
            };
            found.push(Self { path: entry.path(), tool });
        }
        found.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(found)
    }

    /// Whether another tool makes objects of it.
    #[must_use]
    pub fn is_for_a_tool(&self) -> bool {
        self.tool.is_some()
    }

    /// The objects to apply, in YAML. Helm takes the namespace from whoever installs.
    pub fn objects(&self, namespace: &str) -> Result<String> {
        match self.tool {
            None => Ok(fs::read_to_string(&self.path)?),
            Some(Tool::Istioctl) => {
                run(Command::new(program("istioctl")).args(["manifest", "generate", "-f"]).arg(&self.path))
            }
            Some(Tool::Helm) => {
                let mut command = Command::new(program("helm"));
                command.args(["template", "any-name"]).arg(home().join("charts/gateway"));
                run(command.args(["--namespace", namespace, "-f"]).arg(&self.path))
            }
        }
    }
}
