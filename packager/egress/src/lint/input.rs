//! What lints read: everything that is checked together.

use super::finding::{Finding, finding};
use crate::diagnostic::SourceFile;
use crate::import::Manifest;
use crate::import::set::Set;
use crate::import::slips::{Slip, What};
use crate::meaning::{Idle, IdleRule, idle};
use crate::model::deploy::Patch;
use crate::model::{Egress, Mesh};
use crate::policy::{ByName, policy_source};
use crate::yaml::tree::Node;
use sallyport_core::policy::key::{IdentityField, WrittenKey};
use sallyport_core::wire;
use std::collections::HashSet;

/// A valid Egress, with its text.
pub(crate) struct Subject<'a> {
    pub(crate) file: usize,
    pub(crate) tree: Node,
    pub(crate) egress: &'a Egress,
    /// The rules that never decide: [`idle_rules`] of this Egress.
    pub(crate) idle: Vec<IdleRule>,
}

/// How many states the search for rules that never decide may reach in one file: a check must stay quick.
const SEARCHED: u64 = 100_000;

/// The rules that never decide: searched for once, for all lints that are about them. None if finding them would take too long.
pub(crate) fn idle_rules(egress: &Egress, mesh: &Mesh) -> Vec<IdleRule> {
    let policy = policy_source(egress, mesh, &[]);
    idle(&policy, &egress.spec.host.authority(), SEARCHED).map(|found| found.rules).unwrap_or_default()
}

/// Whether a rule is in shadow mode and others are not: then what it shares with them is the trial's purpose.
pub(super) fn is_on_trial(rule: &wire::Rule, egress: &Egress) -> bool {
    rule.stage == wire::Stage::Shadow && egress.spec.rollout.stage == wire::Stage::Enforce
}

/// Each value that a rule has for this part of callers' identities, in its sources and conditions, with its place in the rule.
pub(super) fn identities(rule: &wire::Rule, field: IdentityField) -> impl Iterator<Item = (String, &str)> {
    let of_sources = rule.from.iter().flatten().enumerate().flat_map(move |(at, from)| {
        let source = &from.source;
        let lists = match field {
            IdentityField::Principal => [("principals", &source.principals), ("notPrincipals", &source.not_principals)],
            IdentityField::ServiceAccount => {
                [("serviceAccounts", &source.service_accounts), ("notServiceAccounts", &source.not_service_accounts)]
            }
            IdentityField::Namespace => [("namespaces", &source.namespaces), ("notNamespaces", &source.not_namespaces)],
            IdentityField::TrustDomain => {
                [("trustDomains", &source.trust_domains), ("notTrustDomains", &source.not_trust_domains)]
            }
        };
        lists.map(|(name, list)| (format!("from[{at}].source.{name}"), list))
    });
    let is_it = move |key: &str| WrittenKey::read(key).and_then(|written| written.key.identity()) == Some(field);
    let conditions = rule.when.iter().flatten().enumerate().filter(move |(_, when)| is_it(&when.key));
    let of_conditions = conditions.flat_map(|(at, when)| {
        [("values", &when.values), ("notValues", &when.not_values)]
            .map(|(name, list)| (format!("when[{at}].{name}"), list))
    });
    of_sources.chain(of_conditions).flat_map(|(place, list)| {
        list.iter().flatten().enumerate().map(move |(at, text)| (format!("{place}[{at}]"), text.as_str()))
    })
}

/// Everything that is checked together.
pub(crate) struct Input<'a> {
    pub(crate) files: &'a [SourceFile],
    pub(crate) egresses: Vec<Subject<'a>>,
    /// The same by namespace and name.
    pub(crate) by_name: ByName<'a>,
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
    /// What the schemas refuse of the manifests, of one sort.
    pub(super) fn slips(&self, what: What) -> Vec<Finding> {
        let of_one = |manifest: &Manifest| {
            let file = manifest.file;
            let slips = manifest.slips().into_iter().filter(move |slip| slip.what == what);
            slips.map(move |Slip { span, message, help, .. }| Finding { file, span, message, help })
        };
        self.set.manifests.iter().flat_map(of_one).collect()
    }

    /// The patches of the Mesh and of every Egress, each with the place of its `kind`.
    pub(super) fn patches(&self) -> impl Iterator<Item = (&'a Patch, Place<'_>)> {
        let of_mesh = self.mesh.iter().map(|(file, tree, mesh)| (*file, *tree, &mesh.patches));
        let of_egresses =
            self.egresses.iter().map(|subject| (subject.file, &subject.tree, &subject.egress.spec.patches));
        of_mesh.chain(of_egresses).flat_map(|(file, tree, patches)| {
            patches.iter().enumerate().map(move |(position, patch)| {
                (patch, Place { file, node: tree.nearest(&format!("spec.patches[{position}].kind")) })
            })
        })
    }
}

impl Subject<'_> {
    /// The rules that never decide, each with its path in the file.
    pub(super) fn idle_rules(&self) -> impl Iterator<Item = (String, &wire::Rule, &Idle)> {
        // Both are in file order.
        let mut rules = self.egress.spec.authz.rules.iter().enumerate();
        self.idle.iter().filter_map(move |idle| {
            let (position, rule) = rules.find(|(_, rule)| rule.id == idle.rule)?;
            Some((format!("authz.rules[{position}]"), rule, &idle.why))
        })
    }

    /// A finding at a field path such as `gateway.opa.image`, or at the nearest ancestor that the file has.
    pub(super) fn at(&self, path: &str, message: impl Into<String>, help: impl Into<String>) -> Finding {
        let spec = self.tree.get("spec").unwrap_or(&self.tree);
        finding(self.file, spec.nearest(path), message, help)
    }

    /// A finding at a field of `metadata`.
    pub(super) fn of_metadata(&self, field: &str, message: impl Into<String>, help: impl Into<String>) -> Finding {
        finding(self.file, self.tree.nearest(&format!("metadata.{field}")), message, help)
    }

    /// The Egresses among these that `health.failover` names, with their positions in it.
    pub(super) fn standbys<'s>(&self, input: &'s Input<'_>) -> impl Iterator<Item = (usize, &'s Egress)> {
        let Egress { namespace, spec, .. } = self.egress;
        let failover = spec.health.failover.iter().enumerate();
        failover.filter_map(|(position, name)| Some((position, input.by_name.get(namespace, name)?)))
    }

    /// The rules that allow or deny, with their paths in the file.
    pub(super) fn rules(&self, action: wire::Action) -> impl Iterator<Item = (String, &wire::Rule)> {
        let rules = self.egress.spec.authz.rules.iter().enumerate();
        let rules = rules.filter(move |(_, rule)| rule.action == action);
        rules.map(|(position, rule)| (format!("authz.rules[{position}]"), rule))
    }
}
