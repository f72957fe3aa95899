//! The objects of the files that `build` wrote, read back. The files may have been edited since.

use std::path::Path;

use sallyport_egress::yaml_value;
use serde_json::Value;

use crate::printable::printable;

/// The command that deletes objects, whether they are there or not.
pub(super) const DELETE: &str = "kubectl delete --ignore-not-found";

/// One object of the cluster, as kubectl names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Object {
    /// `None` for a Namespace.
    pub(super) namespace: Option<String>,
    /// `virtualservice.networking.istio.io/httpbin-egress`.
    pub(super) name: String,
}

impl Object {
    /// The Namespace that it is, if it is one.
    pub(super) fn as_namespace(&self) -> Option<&str> {
        self.name.strip_prefix(NAMESPACE).filter(|_| self.namespace.is_none())
    }

    /// An ApplicationSet of Argo CD: what is deleted with it is more than it.
    pub(super) fn is_application_set(&self) -> bool {
        self.name.starts_with("applicationset.argoproj.io/")
    }
}

const NAMESPACE: &str = "namespace/";

/// The objects that are in the cluster when a file has been applied.
pub(super) fn objects(file: &str, text: &str) -> Vec<Object> {
    documents(file, text).iter().filter_map(object).collect()
}

/// The documents of a manifest; none of any other file.
pub(super) fn documents(file: &str, text: &str) -> Vec<Value> {
    if file.ends_with(".yaml") { text.split("\n---\n").filter_map(yaml_value).collect() } else { Vec::new() }
}

fn object(value: &Value) -> Option<Object> {
    let (version, kind, name) = (text(value, "/apiVersion")?, text(value, "/kind")?, text(value, "/metadata/name")?);
    let namespace = text(value, "/metadata/namespace");
    if kind == "IstioOperator" {
        // `istioctl manifest generate` writes an autoscaler only if there is to be one, and kubectl leaves an old one.
        let is_scaled =
            value.pointer("/spec/values/gateways/istio-egressgateway/autoscaleEnabled") == Some(&true.into());
        return is_scaled.then(|| Object { namespace, name: format!("horizontalpodautoscaler.autoscaling/{name}") });
    }
    let group = version.split_once('/').map(|(group, _)| format!(".{group}")).unwrap_or_default();
    Some(Object { namespace, name: format!("{}{group}/{name}", kind.to_lowercase()) })
}

/// A text at a place of a document, as one line.
pub(super) fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).map(|text| printable(Path::new(text)))
}
