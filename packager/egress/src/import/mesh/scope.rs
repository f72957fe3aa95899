//! The namespaces to which an object is exported.

use crate::import::Manifest;
use crate::yaml::tree::Node;
use std::collections::BTreeSet;

/// The namespaces whose proxies see an object.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Scope<'a> {
    All,
    Only(BTreeSet<&'a str>),
}

impl<'a> Scope<'a> {
    /// All without `exportTo`, which is Istio's default. A Service has it as an annotation.
    pub(crate) fn of(manifest: &'a Manifest) -> Self {
        let annotated = manifest.annotation("networking.istio.io/exportTo").into_iter().flat_map(|to| to.split(','));
        let listed = manifest.spec().items_at(&["exportTo"]).iter().filter_map(Node::text);
        let to: Vec<_> = listed.chain(annotated.map(str::trim)).collect();
        if to.is_empty() || to.contains(&"*") {
            return Self::All;
        }
        let named = to.into_iter().filter(|to| *to != "~");
        Self::Only(named.map(|to| if to == "." { manifest.namespace.as_str() } else { to }).collect())
    }

    pub(crate) fn includes(&self, namespace: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(namespaces) => namespaces.contains(namespace),
        }
    }

    /// Whether it is this namespace alone.
    pub(crate) fn is_only(&self, namespace: &str) -> bool {
        matches!(self, Self::Only(namespaces) if namespaces.len() == 1 && namespaces.contains(namespace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceFile;
    use crate::import::import;

    #[test]
    fn an_object_is_seen_where_it_is_exported_to() {
        // `exportTo` of an object in `own`, and which of these namespaces see it.
        let table = [
            ("", "own other third"),
            ("exportTo: []", "own other third"),
            ("exportTo: ['*']", "own other third"),
            ("exportTo: [other, '*']", "own other third"),
            ("exportTo: [.]", "own"),
            ("exportTo: [., other]", "own other"),
            ("exportTo: [other]", "other"),
            ("exportTo: ['~']", ""),
        ];
        for (export, expected) in table {
            let text = format!(
                "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: a, namespace: own}}\n\
                 spec: {{hosts: [a.example]{}{export}}}\n",
                if export.is_empty() { "" } else { ", " }
            );
            let (manifests, _) = import(0, &SourceFile { name: String::new(), text });
            let scope = Scope::of(&manifests[0]);
            let seen: Vec<_> = ["own", "other", "third"].into_iter().filter(|one| scope.includes(one)).collect();
            assert_eq!(seen.join(" "), expected, "{export}");
            assert_eq!(scope.is_only("own"), expected == "own", "{export}");
        }
    }
}
