//! Kubernetes and Istio manifests, as they are read for the lints.
//!
//! # Design
//! A manifest is kept as the tree that its file has, so that every value has a place, and lints look up only what they
//! need: wrong types are left to the API server. [`set::Set`] has what the manifests say together, and
//! [`mesh::Mesh`] what the proxies see of them.

pub(crate) mod mesh;
pub(crate) mod names;
pub(crate) mod protocol;
pub(crate) mod recognise;
pub(crate) mod selection;
pub(crate) mod servers;
pub(crate) mod set;
pub(crate) mod slips;
pub(crate) mod view;

use crate::diagnostic::{Diagnostic, Sink, SourceFile};
use crate::istio;
use crate::yaml::reader::{self, Rules};
use crate::yaml::source_text;
use crate::yaml::tree::Node;

macro_rules! kinds {
    ($($group:literal: $($kind:ident)+;)+) => {
        /// The kinds that lints read.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind {
            $($($kind,)+)+
            /// A kind that Istio does not have, in a group of Istio's.
            Unknown,
        }

        impl Kind {
            /// The kind of a document with this `apiVersion` and `kind`. All versions of a group have the same fields.
            pub(crate) fn of(api_version: &str, kind: &str) -> Option<Kind> {
                let group = api_version.split_once('/').map_or("", |(group, _)| group);
                let kind = match (group, kind) {
                    (GATEWAY_API, "Gateway") => "KubernetesGateway",
                    (KNATIVE, "Service") => "KnativeService",
                    _ => kind,
                };
                match (group, kind) {
                    $($(($group, stringify!($kind)) => Some(Kind::$kind),)+)+
                    _ => None,
                }
            }
        }
    };
}

/// Kubernetes' own group for gateways, whose kind `Gateway` is not Istio's.
const GATEWAY_API: &str = "gateway.networking.k8s.io";
/// The group of Knative's kind `Service`, each of which makes a Service of Kubernetes with its name.
const KNATIVE: &str = "serving.knative.dev";

kinds! {
    "": Service Namespace;
    "networking.istio.io": Gateway VirtualService DestinationRule ServiceEntry EnvoyFilter Sidecar;
    "security.istio.io": PeerAuthentication AuthorizationPolicy RequestAuthentication;
    "telemetry.istio.io": Telemetry;
    "extensions.istio.io": WasmPlugin TrafficExtension;
    "install.istio.io": IstioOperator;
    "apps": Deployment;
    "gateway.networking.k8s.io": KubernetesGateway HTTPRoute;
    "serving.knative.dev": KnativeService;
}

/// One object of a file.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// Index of the file.
    pub(crate) file: usize,
    pub(crate) kind: Kind,
    /// Empty if the file has none.
    pub(crate) name: String,
    /// Empty if the file has none; such manifests are assumed to be in one namespace.
    pub(crate) namespace: String,
    tree: Node,
}

impl Manifest {
    /// The host of a Service of this name, as Istio's routes have it.
    pub(crate) fn service_host(&self) -> String {
        names::service_host(&self.name, &self.namespace)
    }

    /// `NAMESPACE/NAME`.
    pub(crate) fn qualified(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// The text and place of `apiVersion` or `kind`.
    pub(crate) fn head(&self, field: &str) -> (&str, &Node) {
        let node = self.tree.get(field).unwrap_or(&self.tree);
        (node.text().unwrap_or_default(), node)
    }

    pub(crate) fn annotation(&self, name: &str) -> Option<&str> {
        self.tree.descend(&["metadata", "annotations"])?.text_at(&[name])
    }

    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.label_node(name)?.text()
    }

    pub(crate) fn label_node(&self, name: &str) -> Option<&Node> {
        self.tree.descend(&["metadata", "labels"])?.get(name)
    }

    pub(crate) fn spec(&self) -> &Node {
        self.tree.get("spec").unwrap_or(&self.tree)
    }

    /// Whether the file has a `spec`.
    pub(crate) fn has_spec(&self) -> bool {
        self.tree.get("spec").is_some()
    }

    /// Whether the `apiVersion` is of a group of Istio's.
    pub(crate) fn is_of_istio(&self) -> bool {
        istio::is_of_istio(self.head("apiVersion").0, self.head("kind").0)
    }

    /// Where to report a missing field.
    pub(crate) fn title(&self) -> &Node {
        self.tree.descend(&["metadata", "name"]).or_else(|| self.tree.get("kind")).unwrap_or(&self.tree)
    }

    /// The rules of an AuthorizationPolicy or of a filter.
    pub(crate) fn rules(&self) -> &[Node] {
        let spec = self.spec();
        let config = spec.get("pluginConfig").or_else(|| spec.descend(&["wasm", "pluginConfig"]));
        config.unwrap_or(spec).items_at(&["rules"])
    }

    /// Whether both have the same kind, namespace and name, such as copies of a manifest in two folders.
    pub(crate) fn is_same_object(&self, other: &Manifest) -> bool {
        (self.kind, &self.namespace, &self.name) == (other.kind, &other.namespace, &other.name)
    }
}

/// The manifests in a file that lints read, and problems of its YAML.
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
    let (api_version, kind) = (tree.text_at(&["apiVersion"])?, tree.text_at(&["kind"])?);
    let kind =
        Kind::of(api_version, kind).or_else(|| istio::is_of_istio(api_version, kind).then_some(Kind::Unknown))?;
    let is_of_mesh = match kind {
        Kind::Deployment => is_gateway(&tree),
        Kind::Service => tree.get("spec").is_some(),
        _ => true,
    };
    if !is_of_mesh {
        return None;
    }
    let text = |name| tree.text_at(&["metadata", name]).unwrap_or_default().to_owned();
    Some(Manifest { file, kind, name: text("name"), namespace: text("namespace"), tree })
}

/// Whether a Deployment's pods are gateways: they have an `istio-proxy` container, or Istio injects one as a gateway.
fn is_gateway(deployment: &Node) -> bool {
    let containers = deployment.items_at(&["spec", "template", "spec", "containers"]);
    let annotations = ["spec", "template", "metadata", "annotations"];
    let template = deployment.descend(&annotations).and_then(|node| node.text_at(&["inject.istio.io/templates"]));
    template == Some("gateway") || containers.iter().any(|one| one.text_at(&["name"]) == Some("istio-proxy"))
}
