//! Kubernetes and Istio manifests that somebody else wrote, or that a patch changed: read for the lints, never judged.
//!
//! # Design
//! A manifest stays the tree that it is written as, so that everything has its place, and only what a lint asks for is
//! looked up in it: unknown fields and wrong types are the API server's to refuse. [`set::Set`] holds what the
//! manifests say together.

pub(crate) mod names;
pub(crate) mod recognise;
pub(crate) mod selection;
pub(crate) mod set;
pub(crate) mod view;

use crate::diagnostic::{Diagnostic, Sink, SourceFile};
use crate::yaml::reader::{self, Rules};
use crate::yaml::source_text;
use crate::yaml::tree::Node;

macro_rules! kinds {
    ($($group:literal: $($kind:ident)+;)+) => {
        /// The kinds that lints know.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind {
            $($($kind,)+)+
        }

        impl Kind {
            /// By the `apiVersion` and `kind` of a document. Every version of a group is read: the fields are the same.
            pub(crate) fn of(api_version: &str, kind: &str) -> Option<Kind> {
                let (group, _) = api_version.split_once('/')?;
                match (group, kind) {
                    $($(($group, stringify!($kind)) => Some(Kind::$kind),)+)+
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    "networking.istio.io": Gateway VirtualService DestinationRule ServiceEntry EnvoyFilter;
    "security.istio.io": PeerAuthentication AuthorizationPolicy RequestAuthentication;
    "telemetry.istio.io": Telemetry;
    "extensions.istio.io": WasmPlugin TrafficExtension;
    "install.istio.io": IstioOperator;
    "apps": Deployment;
}

/// One object, in its file.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// Index of the file.
    pub(crate) file: usize,
    pub(crate) kind: Kind,
    /// Empty where the file leaves it out.
    pub(crate) name: String,
    /// Empty where the file leaves it to whoever applies it; all such are taken to be of one namespace.
    pub(crate) namespace: String,
    tree: Node,
}

impl Manifest {
    pub(crate) fn spec(&self) -> &Node {
        self.tree.get("spec").unwrap_or(&self.tree)
    }

    /// Where to show what is missing altogether.
    pub(crate) fn title(&self) -> &Node {
        self.tree.descend(&["metadata", "name"]).or_else(|| self.tree.get("kind")).unwrap_or(&self.tree)
    }

    /// The rules of a policy: Istio's own, or a filter's.
    pub(crate) fn rules(&self) -> &[Node] {
        let spec = self.spec();
        let config = spec.get("pluginConfig").or_else(|| spec.descend(&["wasm", "pluginConfig"]));
        config.unwrap_or(spec).items_at(&["rules"])
    }

    /// Whether this and the other are one object, as two folders may have it.
    pub(crate) fn is_same_object(&self, other: &Manifest) -> bool {
        (self.kind, &self.namespace, &self.name) == (other.kind, &other.namespace, &other.name)
    }
}

/// The manifests of one file that lints know, and what made it unreadable.
pub(crate) fn import(file: usize, source: &SourceFile) -> (Vec<Manifest>, Vec<Diagnostic>) {
    let mut sink = Sink::new(file);
    let readable = source_text::fits(&source.text, Rules::Lenient, &mut sink);
    let documents = if readable { reader::read_all(&source.text, &mut sink) } else { Vec::new() };
    let objects = documents.into_iter().flat_map(objects);
    (objects.filter_map(|tree| manifest(file, tree)).collect(), sink.diagnostics)
}

/// The document itself, or the items of a `List`.
fn objects(mut document: Node) -> Vec<Node> {
    match document.take("items") {
        Some(items) if document.text_at(&["kind"]).is_some_and(|kind| kind.ends_with("List")) => items.into_items(),
        _ => vec![document],
    }
}

fn manifest(file: usize, tree: Node) -> Option<Manifest> {
    let kind = Kind::of(tree.text_at(&["apiVersion"])?, tree.text_at(&["kind"])?)?;
    if kind == Kind::Deployment && !is_gateway(&tree) {
        return None;
    }
    let text = |name| tree.text_at(&["metadata", name]).unwrap_or_default().to_owned();
    Some(Manifest { file, kind, name: text("name"), namespace: text("namespace"), tree })
}

/// Whether a Deployment's pods are Istio's gateways: with a proxy that somebody wrote down, or asked Istio for.
fn is_gateway(deployment: &Node) -> bool {
    let containers = deployment.items_at(&["spec", "template", "spec", "containers"]);
    let annotations = ["spec", "template", "metadata", "annotations"];
    let template = deployment.descend(&annotations).and_then(|node| node.text_at(&["inject.istio.io/templates"]));
    template == Some("gateway") || containers.iter().any(|one| one.text_at(&["name"]) == Some("istio-proxy"))
}
