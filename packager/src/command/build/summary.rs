//! What `build` prints when it has written the manifests.

use std::path::Path;

use sallyport_egress::model::{Mesh, OutboundTraffic};
use sallyport_manifest::{NAMESPACES, PinnedBy, PluginApi, application};

use super::layout::Layout;
use crate::assemble::Built;
use crate::output::Difference;
use crate::printable::{printable, quoted_path};

/// How many lines of what must exist are shown: a folder's notes have the rest.
const MOST_NEEDS: usize = 12;

/// A build, and the folder that it is in.
pub(super) struct Summary<'a> {
    pub(super) folder: &'a Path,
    pub(super) layout: &'a Layout,
    pub(super) built: &'a Built,
    pub(super) mesh: Option<&'a Mesh>,
}

impl Summary<'_> {
    /// What was built.
    pub(super) fn head(&self, difference: &Difference) -> String {
        let Summary { built: Built { build, filter, lock_file: _ }, mesh, .. } = self;
        let written = difference.written();
        let (gateways, files, removed) = (build.folders.len(), build.files.len(), difference.removed());
        let defaults = Mesh::default();
        let api = PluginApi::of(mesh.unwrap_or(&defaults));
        let mut text = match gateways {
            0 => "gateways: none, because no Egress was given; these are the settings of the mesh alone\n".to_owned(),
            _ => format!("gateways: {gateways}, filter loaded by {api}\n"),
        };
        if mesh.is_none() {
            let Mesh { istio_version, trust_domain, access_log, istiod, .. } = defaults;
            text.push_str(&format!(
                "mesh: no Mesh file, so Istio {istio_version}, trust domain {trust_domain}, {access_log} access log, \
                 istiod in {}, outbound traffic policy unchanged\n",
                istiod.namespace
            ));
        }
        text.push_str(&format!("filter: {}, pinned by {}\n", filter.filter.image, filter.by));
        text.push_str(&format!("files: {files}, {written} written, {removed} removed\n"));
        if mesh.is_some_and(|mesh| mesh.outbound_traffic_policy == OutboundTraffic::RegistryOnly) {
            text.push_str("registry-only: with the mesh settings, every sidecar reaches only registered hosts\n");
        }
        for (egress, why) in &build.open_to_all {
            text.push_str(&format!("open to every namespace: {egress}: {why}\n"));
        }
        for (egress, changed) in &build.patched {
            text.push_str(&format!("patched: {egress}: {}\n", changed.join(", ")));
        }
        text
    }

    /// What must exist first, and what to run then, unless nothing has changed.
    pub(super) fn next_steps(&self, difference: &Difference) -> String {
        if difference.written() == 0 {
            return String::new();
        }
        let Summary { built: Built { build, filter, lock_file }, layout, .. } = self;
        let folder = printable(self.folder);
        let mut text = if layout.argo { "\nBefore you sync:\n" } else { "\nBefore you apply:\n" }.to_owned();
        if filter.is_placeholder() {
            text.push_str(&format!(
                "  push the filter, and build again: sallyport image push REPOSITORY --lock {lock_file}\n"
            ));
        } else if filter.by == PinnedBy::Program {
            let image = &filter.filter.image;
            text.push_str(&format!("  push the filter: sallyport image push {image} --lock {lock_file}\n"));
        }
        text.push_str(&format!("  add {folder}/mesh/istiooperator.yaml or values.yaml to the settings of your mesh\n"));
        if !build.folders.is_empty() {
            text.push_str(&self.earlier_steps(&folder));
        }
        for need in build.needs.iter().take(MOST_NEEDS) {
            text.push_str(&format!("  {}\n", need.line()));
        }
        match build.needs.len().saturating_sub(MOST_NEEDS) {
            0 => {}
            more => text.push_str(&format!("  and {more} more\n")),
        }
        text.push_str("Then:\n");
        text.push_str(&match build.folders.as_slice() {
            [] => "  give the Egress files, too: `sallyport init` writes a first one\n".to_owned(),
            [(gateway, _)] if layout.root && layout.argo => format!("  argocd app sync {}\n", application(gateway)),
            _ if layout.root && layout.argo => {
                format!("  sync the gateways: argocd app sync {}, for each folder\n", application("NAMESPACE-NAME"))
            }
            _ if layout.root => format!("  kubectl apply -k {}\n", quoted_path(self.folder)),
            [(gateway, _)] => format!("  follow {folder}/{gateway}/NOTES.md\n"),
            _ => format!("  follow NOTES.md in each gateway's folder in {folder}\n"),
        });
        // Neither a kustomization nor Argo CD knows what another tool makes.
        let is_used = |file: &str| build.files.keys().any(|name| name.ends_with(file));
        let tools = [("/30-helm-values.yaml", "Helm"), ("/30-istiooperator.yaml", "istioctl")];
        let tools: Vec<_> = tools.iter().filter(|(file, _)| is_used(file)).map(|(_, tool)| *tool).collect();
        if !tools.is_empty() && (layout.root || layout.argo) {
            let tools = tools.join(" and with ");
            text.push_str(&format!(
                "  install the pods with {tools} as NOTES.md of their gateways says; until then callers get 503\n"
            ));
        }
        text
    }

    /// The namespaces come first if this build makes them: a Secret needs the one that it is in.
    fn earlier_steps(&self, folder: &str) -> String {
        let Summary { built: Built { build, .. }, layout, .. } = self;
        let mut text = String::new();
        if layout.argo {
            text.push_str(&format!("  commit and push {folder}\n"));
        }
        if layout.argo && layout.root {
            text.push_str(&format!("  make the Applications: kubectl apply -f {}\n", self.word("applicationset.yaml")));
        }
        if build.makes_namespaces() {
            let command = match (layout.argo, layout.root) {
                (true, true) => format!("argocd app sync {}", application(NAMESPACES)),
                (true, false) => format!("sync an Application of {folder}/{NAMESPACES}"),
                (false, _) => format!("kubectl apply -k {}", self.word(NAMESPACES)),
            };
            text.push_str(&format!("  make the namespaces: {command}\n"));
        }
        text
    }

    /// A file of the output folder, as a word of a command.
    fn word(&self, name: &str) -> String {
        quoted_path(&self.folder.join(name))
    }
}
