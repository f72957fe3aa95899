//! Which manifests apply to the same pods.

use super::Manifest;
use super::view::Workload;
use crate::yaml::tree::{Entry, Node};
use std::collections::{BTreeSet, HashMap};

/// Which pods of its namespace a manifest applies to.
pub(crate) enum SelectedPods<'a> {
    /// All pods.
    All,
    /// Pods with these labels.
    WithLabels(&'a [Entry]),
    /// Pods of the resources with these names.
    OfResources(Vec<&'a str>),
}

impl Manifest {
    /// Whether the manifest names pods, and is not for all of its namespace.
    pub(crate) fn selects_some_pods(&self) -> bool {
        !matches!(self.selected_pods(), SelectedPods::All)
    }

    pub(crate) fn selected_pods(&self) -> SelectedPods<'_> {
        let spec = self.spec();
        let one = spec.get("targetRef").into_iter();
        let names: Vec<_> =
            spec.items_at(&["targetRefs"]).iter().chain(one).filter_map(|target| target.text_at(&["name"])).collect();
        if !names.is_empty() {
            return SelectedPods::OfResources(names);
        }
        // A Gateway has the labels in `selector` itself.
        // An EnvoyFilter has `labels` in its own selector.
        let selector = spec.get("selector").or_else(|| spec.get("workloadSelector"));
        let labels = selector
            .and_then(|selector| selector.get("matchLabels").or_else(|| selector.get("labels")))
            .or(selector)
            .map_or(&[][..], Node::entries);
        if labels.is_empty() { SelectedPods::All } else { SelectedPods::WithLabels(labels) }
    }
}

/// Labels, sorted by key.
type Labels<'a> = Vec<(&'a str, &'a str)>;

/// More labels than this are compared only as a whole, because there would be too many combinations.
const MOST_LABELS: usize = 6;

/// Manifests indexed by the pods that they select, so that a thousand of them need not be compared pairwise.
///
/// # Design
/// Two selectors overlap if no key has two values. The selectors of a namespace use few different sets of keys, so each
/// manifest is stored under every combination of its labels, together with its set of keys. A search goes through the
/// sets of keys, with one lookup for each.
#[derive(Default)]
pub(crate) struct Selection<'a> {
    manifests: Vec<&'a Manifest>,
    by_namespace: HashMap<&'a str, Vec<usize>>,
    of_all_pods: HashMap<&'a str, Vec<usize>>,
    by_name: HashMap<(&'a str, &'a str), Vec<usize>>,
    /// The sets of keys in a namespace.
    keys: HashMap<&'a str, BTreeSet<Vec<&'a str>>>,
    by_labels: HashMap<(&'a str, Vec<&'a str>, Labels<'a>), Vec<usize>>,
    pods: HashMap<(&'a str, &'a str, &'a str), Vec<&'a [Entry]>>,
}

impl<'a> Selection<'a> {
    /// Of manifests, each with the namespace of the pods that it applies to.
    pub(super) fn new(manifests: impl Iterator<Item = (&'a str, &'a Manifest)>, workloads: &[Workload<'a>]) -> Self {
        let mut selection = Self::default();
        for workload in workloads {
            for (key, value) in sorted(workload.labels) {
                selection.pods.entry((workload.namespace, key, value)).or_default().push(workload.labels);
            }
        }
        for (namespace, manifest) in manifests {
            selection.add(namespace, manifest);
        }
        selection
    }

    fn add(&mut self, namespace: &'a str, manifest: &'a Manifest) {
        let at = self.manifests.len();
        self.by_namespace.entry(namespace).or_default().push(at);
        match manifest.selected_pods() {
            SelectedPods::All => self.of_all_pods.entry(namespace).or_default().push(at),
            SelectedPods::OfResources(names) => {
                names.iter().for_each(|name| self.by_name.entry((namespace, name)).or_default().push(at));
            }
            SelectedPods::WithLabels(labels) => {
                let labels = sorted(labels);
                let keys: Vec<_> = labels.iter().map(|(key, _)| *key).collect();
                for some in combinations(&labels) {
                    self.by_labels.entry((namespace, keys.clone(), some)).or_default().push(at);
                }
                self.keys.entry(namespace).or_default().insert(keys);
            }
        }
        self.manifests.push(manifest);
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &'a Manifest> {
        self.manifests.iter().copied()
    }

    /// The manifests that apply to a pod to which this one applies, too, in the order of their files.
    pub(crate) fn overlapping(&self, manifest: &'a Manifest) -> Vec<&'a Manifest> {
        let namespace = manifest.namespace.as_str();
        let mut overlapping: BTreeSet<usize> = self.of_all_pods.get(namespace).into_iter().flatten().copied().collect();
        match manifest.selected_pods() {
            SelectedPods::All => overlapping.extend(self.by_namespace.get(namespace).into_iter().flatten()),
            SelectedPods::OfResources(names) => {
                overlapping.extend(names.iter().filter_map(|name| self.by_name.get(&(namespace, *name))).flatten());
            }
            SelectedPods::WithLabels(labels) => {
                overlapping.extend(self.agreeing(namespace, labels));
                for pod in self.pods_with(namespace, labels) {
                    overlapping.extend(self.selecting(namespace, pod));
                }
            }
        }
        overlapping.into_iter().filter_map(|at| self.manifests.get(at).copied()).collect()
    }

    /// The manifests that apply to a pod with these labels.
    pub(crate) fn at_pod(&self, namespace: &'a str, labels: &'a [Entry]) -> Vec<&'a Manifest> {
        let of_all_pods = self.of_all_pods.get(namespace).into_iter().flatten().copied();
        let overlapping: BTreeSet<_> = of_all_pods.chain(self.selecting(namespace, labels)).collect();
        overlapping.into_iter().filter_map(|at| self.manifests.get(at).copied()).collect()
    }

    /// The manifests that have a label in common with these, and none with another value.
    fn agreeing(&self, namespace: &'a str, labels: &'a [Entry]) -> Vec<usize> {
        let labels = sorted(labels);
        self.find(namespace, |keys| {
            Some(labels.iter().copied().filter(|(key, _)| keys.contains(key)).collect())
                .filter(|some: &Labels<'_>| !some.is_empty())
        })
    }

    /// The manifests whose labels the pod has.
    fn selecting(&self, namespace: &'a str, pod: &'a [Entry]) -> Vec<usize> {
        let of_pod = |key: &&'a str| Some((*key, value(pod, key)?));
        self.find(namespace, |keys| {
            let written: Vec<_> = keys.iter().filter(|key| !is_set_by_istio(key)).collect();
            written.into_iter().map(of_pod).collect::<Option<Labels<'_>>>().filter(|all| !all.is_empty())
        })
    }

    /// The manifests with the labels that `wanted` returns for their set of keys.
    fn find(&self, namespace: &'a str, wanted: impl Fn(&[&'a str]) -> Option<Labels<'a>>) -> Vec<usize> {
        let sets = self.keys.get(namespace).into_iter().flatten();
        let found = sets.filter_map(|keys| self.by_labels.get(&(namespace, keys.clone(), wanted(keys)?)));
        found.flatten().copied().collect()
    }

    fn pods_with(&self, namespace: &str, labels: &[Entry]) -> Vec<&'a [Entry]> {
        let written = sorted(labels).into_iter().filter(|(key, _)| !is_set_by_istio(key));
        let lists: Option<Vec<_>> = written.map(|(key, value)| self.pods.get(&(namespace, key, value))).collect();
        let rarest = lists.into_iter().flatten().min_by_key(|pods| pods.len());
        rarest.into_iter().flatten().copied().filter(|pod| has_labels(pod, labels)).collect()
    }
}

fn sorted(labels: &[Entry]) -> Labels<'_> {
    let mut sorted: Labels<'_> =
        labels.iter().map(|label| (label.key.name.as_str(), label.value.text().unwrap_or_default())).collect();
    sorted.sort_unstable();
    sorted
}

/// Every subset of the labels.
fn combinations<'a>(labels: &Labels<'a>) -> Vec<Labels<'a>> {
    if labels.len() > MOST_LABELS {
        return vec![labels.clone()];
    }
    let mut all: Vec<Labels<'a>> = vec![Vec::new()];
    for label in labels {
        let with: Vec<_> = all.iter().map(|some| some.iter().copied().chain([*label]).collect()).collect();
        all.extend(with);
    }
    all
}

fn value<'e>(labels: &'e [Entry], key: &str) -> Option<&'e str> {
    labels.iter().find(|label| label.key.name == key)?.value.text()
}

/// Whether Istio sets the label at injection, so that a Deployment does not have it.
fn is_set_by_istio(key: &str) -> bool {
    key.starts_with("service.istio.io/")
}

/// Whether a pod has all of these labels, except those that Istio sets at injection.
pub(crate) fn has_labels(pod: &[Entry], labels: &[Entry]) -> bool {
    let mut written = labels.iter().filter(|label| !is_set_by_istio(&label.key.name)).peekable();
    written.peek().is_some()
        && written.all(|label| value(pod, &label.key.name).is_some_and(|text| Some(text) == label.value.text()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceFile;
    use crate::import::{Kind, import};

    /// The names of the policies that overlap with a Gateway with this selector, in a namespace with these policies and pods.
    fn overlapping(selector: &str) -> Vec<String> {
        let policy = |name: &str, spec: &str| {
            format!(
                "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n\
                 metadata: {{name: {name}, namespace: n}}\nspec: {{{spec}}}\n"
            )
        };
        let labels = |name: &str, labels: &str| policy(name, &format!("selector: {{matchLabels: {{{labels}}}}}"));
        let pods = "---\napiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec: {components: {egressGateways: \
                    [{name: g, namespace: n, label: {app: x, istio: g, team: t}}]}}\n";
        let gateway = format!(
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: g, namespace: n}}\nspec: {selector}\n"
        );
        let text = [
            gateway,
            policy("everything", ""),
            policy("named", "targetRefs: [{kind: Gateway, name: g}]"),
            labels("same", "istio: g"),
            labels("more", "istio: g, app: x"),
            labels("other", "istio: g, app: y"),
            labels("by-pod", "team: t"),
            labels("of-nobody", "team: u"),
            pods.to_owned(),
        ];
        let (manifests, _) = import(0, &SourceFile { name: String::new(), text: text.concat() });
        let workloads: Vec<_> = manifests.iter().flat_map(Workload::of).collect();
        let policies = manifests.iter().filter(|manifest| manifest.kind == Kind::AuthorizationPolicy);
        let policies = policies.map(|policy| (policy.namespace.as_str(), policy));
        let overlapping = Selection::new(policies, &workloads).overlapping(&manifests[0]);
        overlapping.into_iter().map(|manifest| manifest.name.clone()).collect()
    }

    #[test]
    fn manifests_meet_where_they_speak_of_one_pod() {
        assert_eq!(overlapping("{selector: {istio: g, app: x}}"), ["everything", "same", "more", "by-pod"]);
        assert_eq!(overlapping("{selector: {istio: g}}"), ["everything", "same", "more", "other", "by-pod"]);
        assert_eq!(overlapping("{selector: {team: u}}"), ["everything", "of-nobody"]);
        assert_eq!(overlapping("{targetRefs: [{kind: Gateway, name: g}]}"), ["everything", "named"]);
        assert_eq!(overlapping("{}").len(), 7);
    }
}
