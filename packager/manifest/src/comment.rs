//! Comments in the manifests, where a reader would wonder.
//!
//! # Design
//! A comment is about an object as it is written, after all patches, so that it is never about something that a patch has
//! changed. For the same reason a rule of the NetworkPolicy is explained only where it is as the plan has it.

use serde_json::Value;

use crate::kind::network_policy;
use crate::plan::Plan;
use crate::yaml::Comment;

/// What is to be said of an object of this gateway.
pub(crate) fn of(plan: &Plan<'_>, object: &Value) -> Vec<Comment> {
    let is_at = |pointer: &str, wanted: &str| object.pointer(pointer).and_then(Value::as_str) == Some(wanted);
    let mut comments = Vec::new();
    let mut say = |pointer: String, text: &str| comments.push(Comment { pointer, text: text.to_owned() });
    match object.get("kind").and_then(Value::as_str).unwrap_or_default() {
        "Deployment" => {
            if object.pointer("/spec/replicas").is_none() {
                say(
                    "/spec".to_owned(),
                    "No `replicas`: the HorizontalPodAutoscaler sets them, and each apply would reset them.",
                );
            }
            if object.pointer("/spec/strategy/rollingUpdate/maxUnavailable").is_some_and(|number| *number == 0) {
                say(
                    "/spec/strategy".to_owned(),
                    "A new pod is ready before an old one stops: without a ready pod callers get 503.",
                );
            }
            for position in positions(object, "/spec/template/spec/containers", |item| item["image"] == "auto") {
                let pointer = format!("/spec/template/spec/containers/{position}/image");
                say(pointer, "Istio's webhook writes the proxy's image here.");
            }
        }
        "ServiceEntry" if is_at("/spec/location", "MESH_INTERNAL") && object.pointer("/spec/endpoints").is_none() => {
            say(
                "/spec".to_owned(),
                "No endpoints: callers' sidecars only learn the host from it. The VirtualService of the same name sends the requests \
                 to the gateway, and without it no request gets anywhere.",
            );
        }
        "ServiceEntry" if is_at("/spec/location", "MESH_EXTERNAL") && is_at("/spec/exportTo/0", ".") => {
            say(
                "/spec/exportTo".to_owned(),
                "Only this namespace sees it, so that no sidecar sends requests past the gateway.",
            );
        }
        "VirtualService" => {
            for position in positions(object, "/spec/http", |route| route.get("directResponse").is_some()) {
                say(
                    format!("/spec/http/{position}"),
                    "What the filter has not marked as permitted, also if no filter runs.",
                );
            }
        }
        "HTTPRoute" => {
            for position in positions(object, "/spec/rules", |rule| rule.get("backendRefs").is_none()) {
                say(
                    format!("/spec/rules/{position}"),
                    "What the filter has not marked as permitted, also if no filter runs.",
                );
            }
        }
        "WasmPlugin" | "TrafficExtension" => {
            for pointer in ["/spec/failStrategy", "/spec/wasm/failStrategy"] {
                say(pointer.to_owned(), "A filter that cannot be loaded or that fails lets no request through.");
            }
        }
        "NetworkPolicy" => {
            explain(object, "/spec/ingress", &network_policy::ingress(plan), &mut say);
            explain(object, "/spec/egress", &network_policy::egress(plan), &mut say);
        }
        _ => {}
    }
    comments
}

/// What is to be said of a namespace.
pub(crate) fn of_namespace() -> Vec<Comment> {
    vec![Comment {
        pointer: "/metadata/labels/pod-security.kubernetes.io~1enforce".to_owned(),
        text: "The gateways' pods need no more. Pods that do are refused in this namespace.".to_owned(),
    }]
}

/// What is to be said of a kustomization.
pub(crate) fn of_kustomization() -> Vec<Comment> {
    vec![Comment {
        pointer: "/sortOptions".to_owned(),
        text:
            "The order of the files is part of the policy: the filter exists before the pods, and the routes come last."
                .to_owned(),
    }]
}

fn explain(object: &Value, list: &str, allowed: &[network_policy::Allowed], say: &mut impl FnMut(String, &str)) {
    let rules = object.pointer(list).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for (position, rule) in rules.iter().enumerate() {
        for known in allowed.iter().filter(|allowed| allowed.rule == *rule) {
            known.reasons.iter().for_each(|reason| say(format!("{list}/{position}"), reason));
        }
    }
}

fn positions(object: &Value, list: &str, wanted: impl Fn(&Value) -> bool) -> Vec<usize> {
    let items = object.pointer(list).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    items.iter().enumerate().filter(|(_, item)| wanted(item)).map(|(position, _)| position).collect()
}
