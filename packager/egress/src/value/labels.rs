//! Labels and annotations of Kubernetes objects.

use super::names::is_label_value;
use crate::code::Code;
use crate::diagnostic::UnplacedDiagnostic;
use crate::wording::quoted;
use sallyport_core::dns;
use sallyport_core::problem::Place;
use sallyport_core::wire::{Json, Reader, Shape, Wire};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::Deref;

/// Labels or annotations, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Labels(pub BTreeMap<String, String>);

impl Deref for Labels {
    type Target = BTreeMap<String, String>;

    fn deref(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

impl Wire for Labels {
    const SHAPE: Shape = Shape::Fields;

    fn read(reader: &mut Reader, place: &Place<'_>, json: &Json<'_>) -> Option<Self> {
        let Json::Map(entries) = json else {
            reader.refuse(place, format_args!("expected a mapping, found {}", json.kind()));
            return None;
        };
        let pair = |(name, value): &(_, Json<'_>)| match value {
            Json::Text(text) => Some((ToString::to_string(name), text.to_string())),
            _ => None,
        };
        let pairs: Option<BTreeMap<_, _>> = entries.iter().map(pair).collect();
        if pairs.is_none() {
            reader.refuse(place, format_args!("expected strings"));
        }
        pairs.map(Self)
    }
}

/// Names below these domains are written by `sallyport build`, or decide what Istio and other tools do with an object.
const OWN_DOMAINS: [&str; 5] =
    ["sallyport.dev", "istio.io", "argoproj.io", "prometheus.io", "pod-security.kubernetes.io"];
/// Single names of that kind.
const OWN_NAMES: [&str; 7] = [
    "app",
    "istio",
    "istio-injection",
    "app.kubernetes.io/name",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/version",
];

/// Whether a label or annotation of this name is not the user's to choose.
#[must_use]
pub fn is_own_name(name: &str) -> bool {
    let domain = name.split_once('/').map_or("", |(domain, _)| domain);
    let is_below = |own: &str| domain == own || domain.strip_suffix(own).is_some_and(|rest| rest.ends_with('.'));
    OWN_NAMES.contains(&name) || OWN_DOMAINS.iter().any(|own| is_below(own))
}

/// What is wrong with the name of a label or annotation.
pub(crate) fn check_name(name: &str) -> Option<UnplacedDiagnostic> {
    let (domain, rest) = name.split_once('/').map_or((None, name), |(domain, rest)| (Some(domain), rest));
    if domain.is_some_and(|domain| !dns::is_subdomain(domain)) || !is_label_value(rest) {
        let message = format!("{} cannot be the name of a label or annotation", quoted(name));
        let help = "write at most 63 of `A-Z`, `a-z`, `0-9`, `-`, `_` and `.`, perhaps with a domain and `/` before it";
        return Some(UnplacedDiagnostic::new(Code::ObjectLabel, message).help(help));
    }
    is_own_name(name).then(|| {
        let message = format!("`sallyport build` or Istio decides {}", quoted(name));
        let help = match name {
            "istio.io/rev" => "write the revision in `spec.revision` of the Mesh file, and remove the label",
            _ => "choose another name, or write it in `patches`",
        };
        UnplacedDiagnostic::new(Code::ObjectLabel, message).help(help)
    })
}

/// What is wrong with the value of a label.
pub(crate) fn check_label_value(value: &str) -> Option<UnplacedDiagnostic> {
    (!value.is_empty() && !is_label_value(value)).then(|| {
        UnplacedDiagnostic::new(Code::ObjectLabel, format!("{} cannot be the value of a label", quoted(value)))
            .help("write at most 63 of `A-Z`, `a-z`, `0-9`, `-`, `_` and `.`, or make it an annotation")
    })
}
