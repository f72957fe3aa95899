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
//! metadata: {name: onprem, namespace: egress}
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

/// What is wrong with a target: it is in another namespace, or no waypoint guards it.
fn of_target(input: &Input<'_>, policy: &Manifest, target: &Node) -> Option<(String, &'static str)> {
    let kind = match target.text_at(&["kind"])? {
        "ServiceEntry" => Kind::ServiceEntry,
        "Gateway" => Kind::KubernetesGateway,
        _ => return None,
    };
    let name = target.text_at(&["name"])?;
    let all: Vec<_> = input.set.of(kind).filter(|manifest| manifest.name == name).collect();
    let Some(own) = all.iter().find(|manifest| manifest.namespace == policy.namespace) else {
        let elsewhere = quoted(&all.first()?.qualified());
        let message = format!("the policy is not in the namespace of {elsewhere}, so nothing enforces it");
        return Some((message, "write the policy in the namespace of its target"));
    };
    if kind != Kind::ServiceEntry || uses_waypoint(input, own) {
        return None;
    }
    let message = format!("no waypoint guards the ServiceEntry {}, so nothing enforces this policy", quoted(name));
    Some((message, "label the entry with `istio.io/use-waypoint`, or let a gateway enforce the policy"))
}

/// By a label of its own, or of its namespace.
fn uses_waypoint(input: &Input<'_>, entry: &Manifest) -> bool {
    let of_namespace = || {
        let mut all = input.set.of(Kind::Namespace);
        all.find(|namespace| namespace.name == entry.namespace).and_then(|namespace| namespace.label(USE_WAYPOINT))
    };
    entry.label(USE_WAYPOINT).or_else(of_namespace).is_some_and(|waypoint| waypoint != "none")
}
