//! Manifests that `build` makes otherwise, and what applying them does to gateways that run.

use std::collections::{BTreeMap, BTreeSet};

use sallyport_egress::yaml_value;
use sallyport_manifest::Build;
use serde_json::Value;

use super::model::{ObjectChange, What};
use super::side::Side;

/// What becomes of pods whose template changes.
pub(crate) const PODS_REPLACED: &str = "pods are replaced one after another, and drain their connections";

/// Namespace, kind and name.
type Key = (String, String, String);

/// The manifests that differ. Both sides are built with the same filter image, so none differs for that.
pub(super) fn between(old: &Side, new: &Side) -> Vec<ObjectChange> {
    between_builds(old.build.as_ref(), new.build.as_ref())
}

/// The same of two builds; of one that is not there, everything is new or gone.
pub(crate) fn between_builds(old: Option<&Build>, new: Option<&Build>) -> Vec<ObjectChange> {
    let (old, new) = (objects(old), objects(new));
    let keys: BTreeSet<&Key> = old.keys().chain(new.keys()).collect();
    let mut changes = Vec::new();
    for key in keys {
        let (before, after) = (old.get(key), new.get(key));
        let what = match (before, after) {
            (None, _) => What::Created,
            (_, None) => What::Deleted,
            (Some(before), Some(after)) if before == after => continue,
            _ => What::Changed,
        };
        let (namespace, kind, name) = key.clone();
        let effect = effect(&kind, what, before, after);
        changes.push(ObjectChange { namespace, kind, name, what, effect });
    }
    changes
}

/// Every manifest of a build.
fn objects(build: Option<&Build>) -> BTreeMap<Key, Value> {
    let files = build.iter().flat_map(|build| &build.files);
    let yaml = files.filter(|(name, _)| name.ends_with(".yaml") && !name.ends_with("kustomization.yaml"));
    let documents = yaml.flat_map(|(_, text)| text.split("\n---\n"));
    documents.filter_map(yaml_value).filter_map(|value| Some((key(&value)?, value))).collect()
}

fn key(value: &Value) -> Option<Key> {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let kind = value.get("kind")?.as_str()?.to_owned();
    Some((text("/metadata/namespace"), kind, text("/metadata/name")))
}

/// What applying the change does (Istio and Envoy documentation, "Draining"; Kubernetes, "Deployments").
fn effect(kind: &str, what: What, before: Option<&Value>, after: Option<&Value>) -> &'static str {
    let differs = |pointer: &str| {
        before.and_then(|value| value.pointer(pointer)) != after.and_then(|value| value.pointer(pointer))
    };
    match (kind, what) {
        ("WasmPlugin" | "TrafficExtension", What::Changed) => {
            if differs("/spec/url") || differs("/spec/sha256") {
                "the filter is reloaded; connections stay open"
            } else {
                "the filter takes the new configuration; connections stay open"
            }
        }
        ("WasmPlugin" | "TrafficExtension", What::Deleted) => "the gateway has no filter: its routes lead nowhere",
        ("IstioOperator", _) => "in effect after the next `istioctl install`",
        ("Deployment", What::Deleted) => "the gateway stops serving",
        ("Deployment", What::Changed) if differs("/spec/template") => PODS_REPLACED,
        ("Deployment" | "HorizontalPodAutoscaler", What::Changed) => "pods are added or removed",
        ("Gateway" | "EnvoyFilter", What::Changed) => "the listener is replaced, and its connections are drained",
        ("Gateway", What::Deleted) => "the listener is removed, and its connections are drained",
        ("Service" | "ServiceEntry" | "VirtualService" | "DestinationRule", What::Changed) => {
            "routes and clusters are taken live; connections stay open"
        }
        (_, What::Created) => "",
        (_, What::Changed) => "taken live",
        (_, What::Deleted) => "no longer in force",
    }
}
