//! What lints read: everything that is checked together.

use super::finding::{Finding, finding};
use crate::diagnostic::SourceFile;
use crate::import::set::Set;
use crate::model::deploy::Patch;
use crate::model::{Egress, Mesh};
use crate::value::names::DnsLabel;
use crate::yaml::tree::Node;
use sallyport_core::wire;
use std::collections::HashSet;

/// A valid Egress, with its text.
pub(crate) struct Subject<'a> {
    pub(crate) file: usize,
    pub(crate) tree: &'a Node,
    pub(crate) egress: &'a Egress,
}

/// Everything that is checked together.
pub(crate) struct Input<'a> {
    pub(crate) files: &'a [SourceFile],
    pub(crate) egresses: Vec<Subject<'a>>,
    /// Namespace and name of every Egress, valid or not.
    pub(crate) names: &'a HashSet<(String, String)>,
    /// File, text and data of the Mesh, if there is one.
    pub(crate) mesh: Option<(usize, &'a Node, &'a Mesh)>,
    /// The manifests.
    pub(crate) set: Set<'a>,
}

/// Where something is written that both an Egress and the Mesh can have.
pub(crate) struct Place<'a> {
    file: usize,
    node: &'a Node,
}

impl Place<'_> {
    /// A finding there.
    pub(super) fn finding(&self, message: impl Into<String>, help: impl Into<String>) -> Finding {
        finding(self.file, self.node, message, help)
    }
}

impl<'a> Input<'a> {
    /// The patches of the Mesh and of every Egress, each with the place of its `kind`.
    pub(super) fn patches(&self) -> impl Iterator<Item = (&'a Patch, Place<'a>)> {
        let of_mesh = self.mesh.iter().map(|(file, tree, mesh)| (*file, *tree, &mesh.patches));
        let of_egresses =
            self.egresses.iter().map(|subject| (subject.file, subject.tree, &subject.egress.spec.patches));
        of_mesh.chain(of_egresses).flat_map(|(file, tree, patches)| {
            patches.iter().enumerate().map(move |(position, patch)| {
                (patch, Place { file, node: tree.nearest(&format!("spec.patches[{position}].kind")) })
            })
        })
    }
}

impl Subject<'_> {
    /// A finding at a field path such as `gateway.opa.image`, or at the nearest ancestor that the file has.
    pub(super) fn at(&self, path: &str, message: impl Into<String>, help: impl Into<String>) -> Finding {
        let spec = self.tree.get("spec").unwrap_or(self.tree);
        finding(self.file, spec.nearest(path), message, help)
    }

    /// The Egresses among these that `health.failover` names, with their positions in it.
    pub(super) fn standbys<'s>(&self, input: &'s Input<'_>) -> impl Iterator<Item = (usize, &'s Egress)> {
        let namespace = self.egress.namespace.as_str();
        let named = |name: &DnsLabel| {
            let mut all = input.egresses.iter().map(|subject| subject.egress);
            all.find(|other| other.namespace == *namespace && other.name == *name)
        };
        let failover = self.egress.spec.health.failover.iter().enumerate();
        failover.filter_map(|(position, name)| Some((position, named(name)?))).collect::<Vec<_>>().into_iter()
    }

    /// The rules that allow or deny, with their paths in the file.
    pub(super) fn rules(&self, action: wire::Action) -> impl Iterator<Item = (String, &wire::Rule)> {
        let rules = self.egress.spec.authz.rules.iter().enumerate();
        let rules = rules.filter(move |(_, rule)| rule.action == action);
        rules.map(|(position, rule)| (format!("authz.rules[{position}]"), rule))
    }
}
