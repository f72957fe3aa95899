//! Which manifests apply to the same pods.

use super::names::ROOT;
use super::view::Workload;
use super::{Kind, Manifest};
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

    /// The labels of the pods that it is for; none if it is for all pods, or for those of resources.
    pub(crate) fn selected_labels(&self) -> &[Entry] {
        match self.selected_pods() {
            SelectedPods::WithLabels(labels) => labels,
            SelectedPods::All | SelectedPods::OfResources(_) => &[],
        }
    }

    /// The same as one text, sorted; empty without labels.
    pub(crate) fn selector_text(&self) -> String {
        let labels = sorted(self.selected_labels()).into_iter();
        labels.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
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

    /// Whether the manifest applies to pods of all namespaces: it is in the root namespace, and is not for resources there.
    fn is_for_all_namespaces(&self) -> bool {
        self.namespace == ROOT
            && self.kind != Kind::Gateway
            && !matches!(self.selected_pods(), SelectedPods::OfResources(_))
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

    /// The manifests that apply to a pod to which this one applies, too, in the order of their files. One in the root namespace
    /// applies to pods of all namespaces.
    pub(crate) fn overlapping(&self, manifest: &'a Manifest) -> Vec<&'a Manifest> {
        let own = manifest.namespace.as_str();
        let mut overlapping = self.within(own, own, manifest);
        if manifest.is_for_all_namespaces() {
            overlapping
                .extend(self.by_namespace.keys().flat_map(|namespace| self.within(namespace, namespace, manifest)));
        } else if own != ROOT {
            let of_root = self.within(ROOT, own, manifest).into_iter();
            let is_for_all = |at: &usize| self.manifests.get(*at).is_some_and(|one| one.is_for_all_namespaces());
            overlapping.extend(of_root.filter(is_for_all));
        }
        self.at(overlapping)
    }

    /// Those of its own namespace alone, also if the manifest is in the root namespace.
    pub(crate) fn overlapping_at_home(&self, manifest: &'a Manifest) -> Vec<&'a Manifest> {
        self.at(self.within(&manifest.namespace, &manifest.namespace, manifest))
    }

    fn at(&self, positions: BTreeSet<usize>) -> Vec<&'a Manifest> {
        positions.into_iter().filter_map(|at| self.manifests.get(at).copied()).collect()
    }

    /// The manifests of a namespace that overlap with this one, at pods of another namespace or of the same.
    fn within(&self, namespace: &'a str, of_pods: &'a str, manifest: &'a Manifest) -> BTreeSet<usize> {
        let mut overlapping: BTreeSet<usize> = self.of_all_pods.get(namespace).into_iter().flatten().copied().collect();
        match manifest.selected_pods() {
            SelectedPods::All => overlapping.extend(self.by_namespace.get(namespace).into_iter().flatten()),
            SelectedPods::OfResources(names) => {
                overlapping.extend(names.iter().filter_map(|name| self.by_name.get(&(namespace, *name))).flatten());
            }
            SelectedPods::WithLabels(labels) => {
                overlapping.extend(self.agreeing(namespace, labels));
                for pod in self.pods_with(of_pods, labels) {
                    overlapping.extend(self.selecting(namespace, pod));
                }
            }
        }
        overlapping
    }

    /// The manifests that apply to a pod with these labels.
    pub(crate) fn at_pod(&self, namespace: &'a str, labels: &'a [Entry]) -> Vec<&'a Manifest> {
        let of_all_pods = self.of_all_pods.get(namespace).into_iter().flatten().copied();
        self.at(of_all_pods.chain(self.selecting(namespace, labels)).collect())
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

    #[test]
    fn what_is_in_the_root_namespace_is_for_all() {
        let object = |kind: &str, namespace: &str, spec: &str| {
            let group = if kind == "Gateway" { "networking" } else { "security" };
            format!(
                "---\napiVersion: {group}.istio.io/v1\nkind: {kind}\nmetadata: {{name: {namespace}, \
                 namespace: {namespace}}}\nspec: {{{spec}}}\n"
            )
        };
        let by_label = "selector: {matchLabels: {app: x}}";
        // A policy of a namespace, and which policies with this label and which Gateways of two namespaces are for its pods.
        let table = [
            (ROOT, by_label, "n istio-system", "n istio-system"),
            ("n", by_label, "n istio-system", "n"),
            ("m", by_label, "istio-system", ""),
            (ROOT, "selector: {matchLabels: {app: y}}", "", ""),
            ("m", "", "istio-system", ""),
            (ROOT, "targetRefs: [{kind: Gateway, name: g}]", "", ""),
        ];
        for (namespace, spec, policies, gateways) in table {
            let of = |kind: &str, spec: &str| ["n", ROOT].map(|namespace| object(kind, namespace, spec)).concat();
            let asked = object("AuthorizationPolicy", namespace, spec);
            let others = [of("AuthorizationPolicy", by_label), of("Gateway", "selector: {app: x}")].concat();
            let read = |text: String| import(0, &SourceFile { name: String::new(), text }).0;
            let (asked, others) = (read(asked), read(others));
            let names = |kind: Kind| {
                let some = others.iter().filter(|one| one.kind == kind).map(|one| (one.namespace.as_str(), one));
                let found = Selection::new(some, &[]).overlapping(&asked[0]);
                found.into_iter().map(|one| one.name.clone()).collect::<Vec<_>>().join(" ")
            };
            let found = (names(Kind::AuthorizationPolicy), names(Kind::Gateway));
            assert_eq!(found, (policies.to_owned(), gateways.to_owned()), "{namespace} {spec}");
        }
    }
}
