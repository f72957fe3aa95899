//! Which manifests have a pod in common.

use super::Manifest;
use super::view::Workload;
use crate::parse::tree::{Entry, Node};
use std::collections::{BTreeSet, HashMap};

/// Which pods of its namespace a manifest speaks of.
pub(crate) enum Target<'a> {
    /// All of them.
    Everything,
    /// Those with these labels.
    Labels(&'a [Entry]),
    /// Those of resources with these names.
    Names(Vec<&'a str>),
}

impl Manifest {
    pub(crate) fn target(&self) -> Target<'_> {
        let spec = self.spec();
        let one = spec.get("targetRef").into_iter();
        let names: Vec<_> =
            spec.items_at(&["targetRefs"]).iter().chain(one).filter_map(|target| target.text_at(&["name"])).collect();
        if !names.is_empty() {
            return Target::Names(names);
        }
        // A Gateway has its labels right there.
        let selector = spec.get("selector");
        let labels =
            selector.and_then(|selector| selector.get("matchLabels")).or(selector).map_or(&[][..], Node::entries);
        if labels.is_empty() { Target::Everything } else { Target::Labels(labels) }
    }
}

/// Namespace, key and value of a label.
type Pair<'a> = (&'a str, &'a str, &'a str);

/// Manifests by the pods that they speak of, so that a thousand of them are not compared with a thousand others.
#[derive(Default)]
pub(crate) struct Selection<'a> {
    manifests: Vec<&'a Manifest>,
    by_namespace: HashMap<&'a str, Vec<usize>>,
    of_everything: HashMap<&'a str, Vec<usize>>,
    by_pair: HashMap<Pair<'a>, Vec<usize>>,
    by_name: HashMap<(&'a str, &'a str), Vec<usize>>,
    pods: HashMap<Pair<'a>, Vec<&'a [Entry]>>,
}

impl<'a> Selection<'a> {
    pub(super) fn new(manifests: impl Iterator<Item = &'a Manifest>, workloads: &[Workload<'a>]) -> Self {
        let mut selection = Self::default();
        for workload in workloads {
            for pair in pairs(workload.namespace, workload.labels) {
                selection.pods.entry(pair).or_default().push(workload.labels);
            }
        }
        for manifest in manifests {
            let (at, namespace) = (selection.manifests.len(), manifest.namespace.as_str());
            selection.by_namespace.entry(namespace).or_default().push(at);
            match manifest.target() {
                Target::Everything => selection.of_everything.entry(namespace).or_default().push(at),
                Target::Labels(labels) => {
                    pairs(namespace, labels).for_each(|pair| selection.by_pair.entry(pair).or_default().push(at));
                }
                Target::Names(names) => {
                    names.iter().for_each(|name| selection.by_name.entry((namespace, name)).or_default().push(at));
                }
            }
            selection.manifests.push(manifest);
        }
        selection
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &'a Manifest> {
        self.manifests.iter().copied()
    }

    /// Those that speak of a pod of which this one speaks, too; in the order of their files.
    pub(crate) fn meeting(&self, manifest: &Manifest) -> Vec<&'a Manifest> {
        let namespace = manifest.namespace.as_str();
        let mut met: BTreeSet<usize> = BTreeSet::new();
        let of = |list: Option<&Vec<usize>>| list.into_iter().flatten().copied().collect::<Vec<_>>();
        match manifest.target() {
            Target::Everything => met.extend(of(self.by_namespace.get(namespace))),
            Target::Names(names) => {
                met.extend(of(self.of_everything.get(namespace)));
                names.iter().for_each(|name| met.extend(of(self.by_name.get(&(namespace, *name)))));
            }
            Target::Labels(labels) => {
                met.extend(of(self.of_everything.get(namespace)));
                met.extend(self.with_labels(namespace, labels, |other| agree(other, labels)));
                for pod in self.pods_with(namespace, labels) {
                    met.extend(self.with_labels(namespace, pod, |other| bears(pod, other)));
                }
            }
        }
        met.into_iter().filter_map(|at| self.manifests.get(at).copied()).collect()
    }

    /// Those that speak of a pod with these labels, by labels or by its namespace.
    pub(crate) fn at_pod(&self, namespace: &str, labels: &[Entry]) -> Vec<&'a Manifest> {
        let of_everything = self.of_everything.get(namespace).into_iter().flatten().copied();
        let met: BTreeSet<_> =
            of_everything.chain(self.with_labels(namespace, labels, |other| bears(labels, other))).collect();
        met.into_iter().filter_map(|at| self.manifests.get(at).copied()).collect()
    }

    /// Those with one of these labels, of whose labels the test holds.
    fn with_labels(&self, namespace: &str, labels: &[Entry], test: impl Fn(&[Entry]) -> bool) -> Vec<usize> {
        let candidates = pairs(namespace, labels).filter_map(|pair| self.by_pair.get(&pair)).flatten().copied();
        let holds = |at: &usize| {
            let other = self.manifests.get(*at).map(|manifest| manifest.target());
            matches!(other, Some(Target::Labels(other)) if test(other))
        };
        candidates.filter(holds).collect()
    }

    fn pods_with(&self, namespace: &str, labels: &[Entry]) -> Vec<&'a [Entry]> {
        let first = pairs(namespace, labels).next().and_then(|pair| self.pods.get(&pair));
        first.into_iter().flatten().copied().filter(|pod| bears(pod, labels)).collect()
    }
}

fn pairs<'e>(namespace: &'e str, labels: &'e [Entry]) -> impl Iterator<Item = Pair<'e>> {
    labels.iter().map(move |label| (namespace, label.key.name.as_str(), label.value.text().unwrap_or_default()))
}

fn value<'e>(labels: &'e [Entry], key: &str) -> Option<&'e str> {
    labels.iter().find(|label| label.key.name == key)?.value.text()
}

/// Whether no key has two values.
fn agree(one: &[Entry], other: &[Entry]) -> bool {
    one.iter().all(|label| value(other, &label.key.name).is_none_or(|text| Some(text) == label.value.text()))
}

/// Whether a pod has all of these labels, but for those that Istio itself gives it.
pub(crate) fn bears(pod: &[Entry], labels: &[Entry]) -> bool {
    let mut written = labels.iter().filter(|label| !label.key.name.starts_with("service.istio.io/")).peekable();
    written.peek().is_some()
        && written.all(|label| value(pod, &label.key.name).is_some_and(|text| Some(text) == label.value.text()))
}
