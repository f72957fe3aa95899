//! One entry over all gateways, in the root of the output: a kustomization, or an ApplicationSet for Argo CD.

use serde_json::json;

use crate::build::{Build, kustomization};
use crate::made_by::MADE_BY;
use crate::names::{NAMESPACES, application};
use crate::yaml;

/// Where Argo CD finds the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The URL of the Git repository.
    pub repository: String,
    /// The branch, tag or commit.
    pub revision: String,
    /// The output folder in the repository; `.` is its top.
    pub path: String,
}

fn header() -> String {
    format!("# {MADE_BY} for all gateways. It is rebuilt together with the manifests.\n")
}

impl Build {
    /// Adds a kustomization of every gateway's folder, in order.
    pub fn add_root_kustomization(&mut self) {
        let folders: Vec<_> = self.with_namespaces().into_iter().map(|(folder, _)| folder).collect();
        let text = kustomization(folders.iter(), &[]);
        self.files.insert("kustomization.yaml".to_owned(), format!("{}{text}", header()));
    }

    /// Whether there is a folder of namespaces.
    #[must_use]
    pub fn makes_namespaces(&self) -> bool {
        self.files.contains_key(&format!("{NAMESPACES}/kustomization.yaml"))
    }

    /// Every folder to apply, in order, with the namespace of its objects: the namespaces that are made come first.
    fn with_namespaces(&self) -> Vec<(String, String)> {
        let namespaces = (NAMESPACES.to_owned(), "default".to_owned());
        self.makes_namespaces().then_some(namespaces).into_iter().chain(self.folders.iter().cloned()).collect()
    }

    /// Adds an ApplicationSet with one Application per gateway, so that the sync waves of one gateway do not wait for those
    /// of another. It syncs nothing by itself: that is the user's decision.
    pub fn add_application_set(&mut self, source: &Source) {
        let element = |(folder, namespace)| json!({"folder": folder, "namespace": namespace});
        let elements: Vec<_> = self.with_namespaces().into_iter().map(element).collect();
        let below = if source.path == "." { String::new() } else { format!("{}/", source.path.trim_end_matches('/')) };
        let set = json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "ApplicationSet",
            "metadata": {"name": "sallyport", "namespace": "argocd"},
            "spec": {
                "goTemplate": true,
                "goTemplateOptions": ["missingkey=error"],
                "generators": [{"list": {"elements": elements}}],
                "template": {
                    "metadata": {"name": application("{{.folder}}")},
                    "spec": {
                        "project": "default",
                        "source": {
                            "repoURL": source.repository,
                            "targetRevision": source.revision,
                            "path": format!("{below}{{{{.folder}}}}"),
                        },
                        "destination": {
                            "server": "https://kubernetes.default.svc",
                            "namespace": "{{.namespace}}",
                        },
                    },
                },
            },
        });
        self.files.insert("applicationset.yaml".to_owned(), format!("{}{}", header(), yaml::document(&set)));
    }
}
