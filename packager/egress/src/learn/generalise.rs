//! From paths to patterns: which segments are general.
//!
//! # Design
//!
//! An id says nothing of who may do what, so a segment of ids is general as soon as all callers together have a few of them,
//! and then for every caller that has one there. A name may be a part of the API that only one caller uses, so a segment of
//! names is general for a caller only once that caller has many, and never the first segment of a path.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::Evidence;
use super::trie::{Any, Node};

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Literal(Box<str>),
    /// `{*}`, for ids; or for any names.
    Any {
        has_names: bool,
    },
}

/// What one caller requests with one method.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) caller: u32,
    pub(super) method: u16,
    pub(super) parts: Vec<Part>,
    pub(super) evidence: Evidence,
    /// Paths as the log has them.
    pub(super) samples: Vec<Box<str>>,
    pub(super) spellings: Vec<Box<str>>,
}

/// A segment that became `{*}`.
#[derive(Debug)]
pub(super) struct General {
    /// Up to the segment, with it.
    pub(super) parts: Vec<Part>,
    pub(super) callers: BTreeSet<u32>,
    pub(super) values: BTreeSet<Box<str>>,
    /// How many more values there were at least, which are no longer known.
    pub(super) forgotten: usize,
}

/// The thresholds, and what was found.
#[derive(Debug)]
pub(super) struct Generaliser {
    pub(super) names: usize,
    pub(super) ids: usize,
    pub(super) found: Vec<Found>,
    pub(super) general: Vec<General>,
}

/// Nodes of several callers at one place.
type Nodes = Vec<(u32, Node)>;

impl Generaliser {
    pub(super) fn new(names: usize, ids: usize) -> Self {
        Self { names, ids, found: Vec::new(), general: Vec::new() }
    }

    /// Takes the nodes of all callers at one place. `parts` is the way there.
    pub(super) fn walk(&mut self, parts: &mut Vec<Part>, nodes: Nodes) {
        let ids: BTreeSet<&str> = nodes.iter().flat_map(|(_, node)| node.ids.iter().map(|(id, _)| &**id)).collect();
        let are_ids_general = ids.len() >= self.ids || nodes.iter().any(|(_, node)| node.any.is_some());
        let mut literals: BTreeMap<Box<str>, Nodes> = BTreeMap::new();
        let mut general: BTreeMap<bool, (General, Nodes)> = BTreeMap::new();
        for (caller, mut node) in nodes {
            self.take_ends(caller, parts, &mut node);
            let names = node.names.iter().filter(|(name, _)| !name.is_empty()).count();
            let has_any_names = node.any.as_ref().is_some_and(|any| any.has_names);
            let are_names_general = has_any_names || (!parts.is_empty() && names >= self.names);
            let is_general = are_names_general || (are_ids_general && (!node.ids.is_empty() || node.any.is_some()));
            if is_general {
                let values = node.ids.iter().chain(node.names.iter().filter(|_| are_names_general));
                let values: Vec<Box<str>> =
                    values.map(|(value, _)| value.clone()).filter(|value| !value.is_empty()).collect();
                let forgotten = node.any.as_ref().map_or(0, |any| any.values.saturating_sub(any.examples.len()));
                node.make_one(are_names_general);
                let Any { node: below, has_names, examples, .. } = *node.any.take().unwrap_or_default();
                let (segment, nodes) = general.entry(has_names).or_insert_with(|| {
                    let mut parts = parts.clone();
                    parts.push(Part::Any { has_names });
                    (General { parts, callers: BTreeSet::new(), values: BTreeSet::new(), forgotten: 0 }, Nodes::new())
                });
                segment.callers.insert(caller);
                segment.values.extend(values.into_iter().chain(examples));
                segment.forgotten = segment.forgotten.max(forgotten);
                nodes.push((caller, below));
            }
            for (name, below) in node.names.into_iter().chain(node.ids) {
                literals.entry(name).or_default().push((caller, below));
            }
        }
        for (name, below) in literals {
            self.step(parts, Part::Literal(name), below);
        }
        for (has_names, (segment, below)) in general {
            self.general.push(segment);
            self.step(parts, Part::Any { has_names }, below);
        }
    }

    fn step(&mut self, parts: &mut Vec<Part>, part: Part, below: Nodes) {
        parts.push(part);
        self.walk(parts, below);
        parts.pop();
    }

    fn take_ends(&mut self, caller: u32, parts: &[Part], node: &mut Node) {
        for end in node.ends.drain(..) {
            self.found.push(Found {
                caller,
                method: end.method,
                parts: parts.to_vec(),
                evidence: end.evidence,
                samples: end.samples,
                spellings: end.spellings,
            });
        }
    }
}

/// As it is written in a rule.
pub(super) fn text(parts: &[Part]) -> String {
    let mut text = String::new();
    for part in parts {
        text.push('/');
        match part {
            Part::Literal(literal) => text.push_str(literal),
            Part::Any { .. } => text.push_str("{*}"),
        }
    }
    text
}

/// The pattern of a path with another spelling: general where this one is. `None`: it has other segments.
pub(super) fn of_spelling(parts: &[Part], path: &str) -> Option<String> {
    let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    let spelled = parts.iter().zip(&segments).map(|(part, segment)| match part {
        Part::Literal(_) => Part::Literal((*segment).into()),
        Part::Any { has_names } => Part::Any { has_names: *has_names },
    });
    (segments.len() == parts.len()).then(|| text(&spelled.collect::<Vec<_>>()))
}

/// Whether a pattern has a name where this one has an id: `/orders/export` beside `/orders/{*}`.
pub(super) fn is_name_among_ids(general: &[Part], other: &[Part]) -> bool {
    let mut names = 0_usize;
    let is_covered = general.len() == other.len()
        && general.iter().zip(other).all(|pair| match pair {
            (Part::Any { has_names: false }, Part::Literal(name)) if !super::likeness::is_like_an_id(name) => {
                names = names.saturating_add(1);
                !name.is_empty()
            }
            (Part::Any { .. }, Part::Literal(name)) => !name.is_empty(),
            (Part::Any { .. }, Part::Any { .. }) => true,
            (Part::Literal(one), Part::Literal(two)) => one == two,
            (Part::Literal(_), Part::Any { .. }) => false,
        });
    is_covered && names > 0
}
