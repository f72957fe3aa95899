//! The hosts that sidecars are limited to, by objects of kind `Sidecar`.

use crate::import::names::{ROOT, covers};
use crate::import::{Kind, Manifest};
use crate::yaml::tree::Node;

/// The Sidecars of all namespaces.
pub(crate) struct Sidecars<'a> {
    all: Vec<&'a Manifest>,
}

impl<'a> Sidecars<'a> {
    pub(super) fn new(manifests: &'a [Manifest]) -> Self {
        Self { all: manifests.iter().filter(|manifest| manifest.kind == Kind::Sidecar).collect() }
    }

    /// Whether sidecars do not know a host of this namespace: the mesh's default leaves it out, and no other Sidecar has it.
    pub(crate) fn hide(&self, namespace: &str, host: &str) -> bool {
        let is_default = |sidecar: &&&Manifest| sidecar.namespace == ROOT && !sidecar.selects_some_pods();
        self.all.iter().any(|sidecar| is_default(&sidecar)) && !self.all.iter().any(|one| shows(one, namespace, host))
    }
}

/// Whether a Sidecar has the host among what its pods may reach; without `egress` that is everything. A `.` is the pods' own
/// namespace, which for the mesh's default is no certain one.
fn shows(sidecar: &Manifest, namespace: &str, host: &str) -> bool {
    let egress = sidecar.spec().items_at(&["egress"]);
    let listed = egress.iter().flat_map(|listener| listener.items_at(&["hosts"])).filter_map(Node::text);
    let mut listed = listed.filter_map(|one| one.split_once('/'));
    egress.is_empty()
        || listed.any(|(of, pattern)| {
            let is_own = of == "." && sidecar.namespace != ROOT && sidecar.namespace == namespace;
            (of == "*" || of == namespace || is_own) && (pattern == host || covers(pattern, host))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceFile;
    use crate::import::import;

    #[test]
    fn a_host_is_hidden_if_no_sidecar_has_it() {
        // The namespaces of Sidecars with their `spec`, and whether they hide `api.example.com` of `egress`.
        let nothing = "egress: [{hosts: ['~/*']}]";
        let table: [(&[(&str, &str)], bool); 10] = [
            (&[], false),
            (&[("shop", nothing)], false),
            (&[(ROOT, nothing)], true),
            (&[(ROOT, "outboundTrafficPolicy: {mode: REGISTRY_ONLY}")], false),
            (&[(ROOT, "egress: [{hosts: ['./*', 'istio-system/*']}]")], true),
            (&[(ROOT, "egress: [{hosts: ['egress/*']}]")], false),
            (&[(ROOT, "egress: [{hosts: ['*/*.example.com']}]")], false),
            (&[(ROOT, "egress: [{hosts: ['*/www.example.com']}]")], true),
            (&[(ROOT, nothing), ("egress", "egress: [{hosts: ['./*']}]")], false),
            (&[(ROOT, "workloadSelector: {labels: {app: a}}, egress: [{hosts: ['~/*']}]")], false),
        ];
        for (sidecars, expected) in table {
            let documents = sidecars.iter().map(|(namespace, spec)| {
                format!(
                    "---\napiVersion: networking.istio.io/v1\nkind: Sidecar\n\
                     metadata: {{name: default, namespace: {namespace}}}\nspec: {{{spec}}}\n"
                )
            });
            let (manifests, _) = import(0, &SourceFile { name: String::new(), text: documents.collect() });
            assert_eq!(manifests.len(), sidecars.len());
            assert_eq!(Sidecars::new(&manifests).hide("egress", "api.example.com"), expected, "{sidecars:?}");
        }
    }
}
