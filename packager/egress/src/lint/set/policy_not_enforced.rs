//! No proxy enforces a policy, because only a waypoint would and none does.
//!
//! A policy for a ServiceEntry is enforced by the waypoint that the entry uses, and by nothing else: not
//! by sidecars, not by a gateway. `targetRefs` name objects of the policy's own namespace only, and a
//! waypoint ignores a `selector`. Istio accepts such a policy, and every caller passes.
//!
//! Bad:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: onprem, namespace: egress, labels: {istio.io/use-waypoint: none}}
//! spec: {hosts: [onprem.example.com], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]}
//! ---
//! kind: AuthorizationPolicy
//! metadata: {name: onprem, namespace: egress}
//! spec:
//!   targetRefs: [{group: networking.istio.io, kind: ServiceEntry, name: onprem}]
//!   action: DENY
//!   rules: [{from: [{source: {namespaces: [apps]}}]}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: onprem, namespace: egress, labels: {istio.io/use-waypoint: waypoint}}
//! spec: {hosts: [onprem.example.com], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]}
//! ---
//! kind: Namespace
//! metadata: {name: egress}
//! ---
//! kind: AuthorizationPolicy
//! metadata: {name: onprem, namespace: egress}
//! spec:
//!   targetRefs: [{group: networking.istio.io, kind: ServiceEntry, name: onprem}]
//!   action: DENY
//!   rules: [{from: [{source: {namespaces: [apps]}}]}]
//! ```
//!
//! Fix: Label the ServiceEntry with `istio.io/use-waypoint`, write the policy in the namespace of its
//! target, and use `targetRefs` for a waypoint.

use crate::code::Code;
use crate::import::names::{MOST_COMPARED, meant};
use crate::import::{Kind, Manifest};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use crate::yaml::tree::Node;

pub(super) const LINT: Lint =
    Lint { code: Code::PolicyNotEnforced, run, source: include_str!("policy_not_enforced.rs") };

const KINDS: [Kind; 5] =
    [Kind::AuthorizationPolicy, Kind::RequestAuthentication, Kind::WasmPlugin, Kind::TrafficExtension, Kind::Telemetry];

/// The labels that Istio gives to the pods of a Gateway of Kubernetes.
const NAME_LABELS: [&str; 2] = ["gateway.networking.k8s.io/gateway-name", "istio.io/gateway-name"];

const USE_WAYPOINT: &str = "istio.io/use-waypoint";

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for policy in input.set.manifests.iter().filter(|manifest| KINDS.contains(&manifest.kind)) {
        for target in policy.spec().items_at(&["targetRefs"]) {
            if let Some((message, help)) = of_target(input, policy, target) {
                let place = target.get("name").unwrap_or(target);
                findings.push(finding(policy.file, place, message, help));
            }
        }
        let named = policy.selected_labels().iter().find(|label| {
            let name = label.value.text().unwrap_or_default();
            NAME_LABELS.contains(&label.key.name.as_str()) && is_waypoint(input, &policy.namespace, name)
        });
        if let Some(label) = named {
            let name = quoted(label.value.text().unwrap_or_default());
            let message = format!("the waypoint {name} ignores policies with a `selector`");
            let help = "write `targetRefs` with the Gateway, or with what it guards";
            findings.push(finding(policy.file, &label.value, message, help));
        }
    }
    findings
}

fn is_waypoint(input: &Input<'_>, namespace: &str, name: &str) -> bool {
    let mut gateways = input.set.of(Kind::KubernetesGateway);
    gateways.any(|gateway| {
        (gateway.namespace.as_str(), gateway.name.as_str()) == (namespace, name)
            && gateway.spec().text_at(&["gatewayClassName"]) == Some("istio-waypoint")
    })
}

/// What is wrong with a target: it is in another namespace, or misspelt, or no waypoint guards it.
fn of_target(input: &Input<'_>, policy: &Manifest, target: &Node) -> Option<(String, String)> {
    let kind = match target.text_at(&["kind"])? {
        "ServiceEntry" => Kind::ServiceEntry,
        "Gateway" => Kind::KubernetesGateway,
        _ => return None,
    };
    let name = target.text_at(&["name"])?;
    let (own, others): (Vec<_>, Vec<_>) =
        input.set.of(kind).partition(|manifest| manifest.namespace == policy.namespace);
    let Some(own_target) = own.iter().find(|manifest| manifest.name == name) else {
        // What is not here may be elsewhere in the cluster, unless objects of its kind and namespace are here.
        let is_whole = !own.is_empty() || namespace(input, &policy.namespace).is_some();
        if let Some(elsewhere) = others.iter().find(|manifest| manifest.name == name).filter(|_| is_whole) {
            let elsewhere = quoted(&elsewhere.qualified());
            let message = format!("the policy is not in the namespace of {elsewhere}, so nothing enforces it");
            return Some((message, "write the policy in the namespace of its target".to_owned()));
        }
        let known = own.iter().map(|manifest| manifest.name.as_str());
        let near = meant(name, known).filter(|_| own.len() <= MOST_COMPARED)?;
        let kind = target.text_at(&["kind"]).unwrap_or_default();
        let message = format!("there is no {kind} {} here, so nothing enforces this policy", quoted(name));
        return Some((message, format!("did you mean {}?", quoted(near))));
    };
    if kind != Kind::ServiceEntry || may_use_waypoint(input, own_target) {
        return None;
    }
    let message = format!("no waypoint guards the ServiceEntry {}, so nothing enforces this policy", quoted(name));
    let help = "label the entry with `istio.io/use-waypoint`, or let a gateway enforce the policy";
    Some((message, help.to_owned()))
}

/// By a label of its own, or of its namespace, which may not be here.
fn may_use_waypoint(input: &Input<'_>, entry: &Manifest) -> bool {
    match (entry.label(USE_WAYPOINT), namespace(input, &entry.namespace)) {
        (Some(waypoint), _) => waypoint != "none",
        (None, Some(namespace)) => namespace.label(USE_WAYPOINT).is_some_and(|waypoint| waypoint != "none"),
        (None, None) => true,
    }
}

fn namespace<'a>(input: &Input<'a>, name: &str) -> Option<&'a Manifest> {
    input.set.of(Kind::Namespace).find(|namespace| namespace.name == name)
}
