//! An object of the Gateway API, or a label for waypoints, has a name that leads nowhere.
//!
//! Istio serves Gateways of its own classes, and makes a Service `NAME-CLASS` for each. It takes a waypoint
//! for what `istio.io/waypoint-for` says, and leads what is labelled `istio.io/use-waypoint` through the
//! Gateway of that name. The API server accepts any name in these places: then there are no pods, requests
//! pass without the waypoint, or get 500.
//!
//! Bad:
//!
//! ```yaml
//! apiVersion: gateway.networking.k8s.io/v1
//! kind: Gateway
//! metadata: {name: waypoint, namespace: egress, labels: {istio.io/waypoint-for: services}}
//! spec:
//!   gatewayClassName: istio-waypoint
//!   listeners: [{name: mesh, port: 15008, protocol: HBONE}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! apiVersion: gateway.networking.k8s.io/v1
//! kind: Gateway
//! metadata: {name: waypoint, namespace: egress, labels: {istio.io/waypoint-for: service}}
//! spec:
//!   gatewayClassName: istio-waypoint
//!   listeners: [{name: mesh, port: 15008, protocol: HBONE}]
//! ```
//!
//! Fix: Write a class or value that Istio has, the name of a Gateway or Service that is there, and the
//! `group` of Istio's own kinds.

use crate::code::Code;
use crate::import::names::{MOST_COMPARED, meant};
use crate::import::{Kind, Manifest};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::{either, quoted};
use crate::yaml::tree::Node;
use std::collections::BTreeMap;

pub(super) const LINT: Lint = Lint { code: Code::GatewayApiName, run, source: include_str!("gateway_api_name.rs") };

/// The classes that Istio makes pods or endpoints for.
const CLASSES: [&str; 4] = ["istio", "istio-waypoint", "istio-remote", "istio-east-west"];
const WAYPOINT_FOR: &str = "istio.io/waypoint-for";
const SERVED: [&str; 4] = ["service", "workload", "all", "none"];
const USE_WAYPOINT: &str = "istio.io/use-waypoint";
const USE_NAMESPACE: &str = "istio.io/use-waypoint-namespace";
const TERMINATE_MODE: &str = "gateway.istio.io/tls-terminate-mode";
const MODES: [&str; 4] = ["SIMPLE", "MUTUAL", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL"];
const OF_ISTIO: &str = "networking.istio.io";

/// The names of objects, by their namespace.
type Names<'a> = BTreeMap<&'a str, Vec<&'a str>>;

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut gateways: Names<'_> = BTreeMap::new();
    let mut services: Names<'_> = BTreeMap::new();
    for gateway in input.set.of(Kind::KubernetesGateway) {
        gateways.entry(&gateway.namespace).or_default().push(&gateway.name);
    }
    for service in input.set.of(Kind::Service) {
        services.entry(&service.namespace).or_default().push(&service.name);
    }
    let mut findings = Vec::new();
    for manifest in input.set.manifests {
        findings.extend(use_waypoint(manifest, &gateways));
        match manifest.kind {
            Kind::KubernetesGateway => findings.extend(of_gateway(manifest)),
            Kind::HTTPRoute => findings.extend(of_route(input, manifest, &gateways, &services)),
            _ => {}
        }
    }
    findings
}

fn of_gateway(gateway: &Manifest) -> Vec<Finding> {
    let mut findings = Vec::new();
    let class = gateway.spec().get("gatewayClassName");
    if let Some((node, near)) = class.and_then(|node| Some((node, near(node.text()?, &CLASSES)?))) {
        let message = format!("Istio has no class {}, so nothing serves this Gateway", shown(node));
        findings.push(finding(gateway.file, node, message, did_you_mean(near)));
    }
    let served = gateway.label_node(WAYPOINT_FOR);
    if let Some(node) = served.filter(|node| node.text().is_some_and(|text| !SERVED.contains(&text))) {
        let message = format!("the waypoint serves nothing: Istio does not know {}", shown(node));
        findings.push(finding(gateway.file, node, message, format!("write {}", either(SERVED.into_iter()))));
    }
    let listeners = gateway.spec().items_at(&["listeners"]).iter();
    let modes = listeners.filter_map(|listener| listener.descend(&["tls", "options"])?.get(TERMINATE_MODE));
    for node in modes.filter(|node| node.text().is_some_and(|text| !MODES.contains(&text))) {
        let message = format!("Istio does not know {}, and asks callers for no certificate", shown(node));
        findings.push(finding(gateway.file, node, message, format!("write {}", either(MODES.into_iter()))));
    }
    findings
}

/// The waypoint that a label names, if another one is there and has a name that is near.
fn use_waypoint(manifest: &Manifest, gateways: &Names<'_>) -> Option<Finding> {
    let node = manifest.label_node(USE_WAYPOINT)?;
    let own = if manifest.kind == Kind::Namespace { &manifest.name } else { &manifest.namespace };
    let namespace = manifest.label(USE_NAMESPACE).unwrap_or(own);
    let near = near(node.text().filter(|name| *name != "none")?, gateways.get(namespace)?)?;
    let message = format!("there is no waypoint {} in {}", shown(node), quoted(namespace));
    Some(finding(manifest.file, node, message, did_you_mean(near)))
}

fn of_route(input: &Input<'_>, route: &Manifest, gateways: &Names<'_>, services: &Names<'_>) -> Vec<Finding> {
    let own = route.namespace.as_str();
    let mut findings = Vec::new();
    for parent in route.spec().items_at(&["parentRefs"]) {
        let is_gateway = parent.text_at(&["kind"]).is_none_or(|kind| kind == "Gateway");
        let namespace = parent.text_at(&["namespace"]).unwrap_or(own);
        let Some(node) = parent.get("name").filter(|_| is_gateway) else { continue };
        let known = gateways.get(namespace).map_or(&[][..], Vec::as_slice);
        if let Some(near) = node.text().and_then(|name| near(name, known)) {
            let message = format!("there is no Gateway {} in {}", shown(node), quoted(namespace));
            findings.push(finding(route.file, node, message, did_you_mean(near)));
        }
    }
    let backends = route.spec().items_at(&["rules"]).iter().flat_map(|rule| rule.items_at(&["backendRefs"]));
    for backend in backends {
        let group = backend.text_at(&["group"]).unwrap_or_default();
        let kind = backend.get("kind");
        if let Some(node) = kind.filter(|node| node.text() == Some("Hostname") && group != OF_ISTIO) {
            let message = "`Hostname` is a kind of Istio's, so this backend is not found";
            findings.push(finding(route.file, node, message, format!("write `group: {OF_ISTIO}` beside it")));
        }
        let is_service = kind.is_none_or(|node| node.text() == Some("Service"));
        let namespace = backend.text_at(&["namespace"]).unwrap_or(own);
        let Some(node) = backend.get("name").filter(|_| is_service) else { continue };
        let own_services = services.get(namespace).map_or(&[][..], Vec::as_slice);
        let made = made(input, namespace);
        let name = node.text().unwrap_or_default();
        let of_gateway = made.iter().find(|(gateway, _)| *gateway == name).map(|(_, service)| service.as_str());
        let known: Vec<_> = own_services.iter().copied().chain(made.iter().map(|(_, name)| name.as_str())).collect();
        if known.contains(&name) {
            continue;
        }
        if let Some(service) = of_gateway {
            let message = format!("the Service of the Gateway {} has the name {}", shown(node), quoted(service));
            findings.push(finding(route.file, node, message, format!("write {}", quoted(service))));
        } else if let Some(near) = near(name, &known) {
            let message = format!("there is no Service {} in {}", shown(node), quoted(namespace));
            findings.push(finding(route.file, node, message, did_you_mean(near)));
        }
    }
    findings
}

/// The Services that Istio makes for Gateways of a namespace, by the names of these.
fn made<'a>(input: &Input<'a>, namespace: &str) -> Vec<(&'a str, String)> {
    let gateways = input.set.of(Kind::KubernetesGateway).filter(|gateway| gateway.namespace == namespace);
    let of_istio = gateways.filter(|gateway| {
        let is_by_hand = gateway.spec().get("addresses").is_some();
        !is_by_hand && gateway.annotation("gateway.istio.io/name-override").is_none()
    });
    let with_class = of_istio.filter_map(|gateway| match gateway.spec().text_at(&["gatewayClassName"])? {
        "istio" => Some((gateway.name.as_str(), format!("{}-istio", gateway.name))),
        _ => None,
    });
    with_class.collect()
}

/// The one of these that was probably meant by a name that is none of them.
fn near<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let may_be_compared = known.len() <= MOST_COMPARED && !known.contains(&name);
    meant(name, known.iter().copied()).filter(|_| may_be_compared)
}

fn shown(node: &Node) -> String {
    quoted(node.text().unwrap_or_default())
}

fn did_you_mean(near: &str) -> String {
    format!("did you mean {}?", quoted(near))
}
