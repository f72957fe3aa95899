//! What a comparison has found.

use std::collections::BTreeMap;

use sallyport_egress::meaning::{Change, PolicyDiff};

use super::places::RulePlaces;
use crate::report::example::Ground;

/// What a comparison has found.
#[derive(Debug)]
pub(crate) struct Comparison {
    /// Every gateway of either side, by name.
    pub(crate) gateways: Vec<Gateway>,
    /// Fields of the Mesh file.
    pub(crate) mesh: Vec<FieldChange>,
    /// Manifests that `build` makes otherwise.
    pub(crate) objects: Vec<ObjectChange>,
}

/// One gateway.
#[derive(Debug)]
pub(crate) struct Gateway {
    /// `NAMESPACE/NAME` of its Egress.
    pub(crate) name: String,
    /// For its examples.
    pub(crate) ground: Ground,
    /// Where its rules are.
    pub(crate) places: RulePlaces,
    pub(crate) status: Status,
    /// Which requests are decided otherwise.
    pub(crate) policy: PolicyDiff,
    /// Other fields of its file.
    pub(crate) fields: Vec<FieldChange>,
}

/// Which sides have a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Added,
    Removed,
    Kept,
}

/// A field with another value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FieldChange {
    /// `spec.gateway.replicas`.
    pub(crate) path: String,
    /// Its value, if it is written.
    pub(crate) old: Option<String>,
    pub(crate) new: Option<String>,
}

/// A manifest that `build` makes otherwise.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObjectChange {
    pub(crate) namespace: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) what: What,
    /// What that does to a gateway that runs; empty for what is new.
    pub(crate) effect: &'static str,
}

/// What becomes of an object, those first that concern a running gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    Changed,
    Deleted,
    Created,
}

impl What {
    /// `created`, `changed`, `deleted`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Deleted => "deleted",
        }
    }
}

/// Manifests of one namespace with one fate.
pub(crate) struct ObjectGroup<'c> {
    pub(crate) namespace: &'c str,
    pub(crate) what: What,
    pub(crate) effect: &'static str,
    /// Their names, by kind.
    pub(crate) objects: BTreeMap<&'c str, Vec<&'c str>>,
}

impl ObjectGroup<'_> {
    /// `Service orders-egress, orders-host`, for each kind.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        self.objects.iter().map(|(kind, names)| format!("{kind} {}", names.join(", ")))
    }
}

impl Comparison {
    /// The manifests that change, in groups: a gateway that is new or gone has more than a dozen.
    pub(crate) fn object_groups(&self) -> Vec<ObjectGroup<'_>> {
        let mut groups: BTreeMap<(What, &str, &'static str), BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
        for object in &self.objects {
            let group = groups.entry((object.what, &*object.namespace, object.effect)).or_default();
            group.entry(&object.kind).or_default().push(&object.name);
        }
        let group = |((what, namespace, effect), objects)| ObjectGroup { namespace, what, effect, objects };
        groups.into_iter().map(group).collect()
    }

    /// Whether the sides are the same.
    pub(crate) fn is_empty(&self) -> bool {
        self.mesh.is_empty() && self.objects.is_empty() && self.gateways.iter().all(Gateway::is_same)
    }

    /// How many regions of this kind there are.
    pub(crate) fn count(&self, change: Change) -> usize {
        let regions = self.gateways.iter().flat_map(|gateway| &gateway.policy.regions);
        regions.filter(|region| region.change() == change).count()
    }

    /// Whether other tokens count, by another issuer, key or audience: that may let requests in, or keep them out, of which no
    /// rule says anything.
    pub(crate) fn changes_tokens(&self) -> bool {
        let mut fields = self.gateways.iter().flat_map(|gateway| &gateway.fields);
        fields.any(|field| field.path.starts_with("spec.authn"))
    }

    /// Whether there are requests about which the search is wrong.
    pub(crate) fn has_undecided(&self) -> bool {
        self.gateways.iter().any(|gateway| !gateway.policy.undecided.is_empty())
    }
}

impl Gateway {
    /// Whether nothing of it differs.
    pub(crate) fn is_same(&self) -> bool {
        self.status == Status::Kept && self.policy.is_empty() && self.fields.is_empty()
    }
}
