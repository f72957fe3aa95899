//! A manifest has a kind or a version that Istio does not have.
//!
//! The API server refuses it. In a set of files that are applied one after the other, the rest is in
//! force without it.
//!
//! Bad:
//!
//! ```yaml
//! kind: PeerAuthentications
//! metadata: {name: default, namespace: egress}
//! spec: {mtls: {mode: STRICT}}
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: PeerAuthentication
//! metadata: {name: default, namespace: egress}
//! spec: {mtls: {mode: STRICT}}
//! ```
//!
//! Fix: Write the kind as Istio does, with its own group and version.

use crate::code::Code;
use crate::import::{Kind, Manifest};
use crate::istio::{ApiKind, KINDS};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::model::{API_VERSION, KINDS as OWN_KINDS};
use crate::wording::{did_you_mean, quoted};
use crate::yaml::tree::Node;

pub(super) const LINT: Lint = Lint { code: Code::UnknownManifestKind, run, source: include_str!("unknown_kind.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    input.set.manifests.iter().filter_map(of_one).collect()
}

fn of_one(manifest: &Manifest) -> Option<Finding> {
    let (api_version, place) = manifest.head("apiVersion");
    let (kind, kind_place) = manifest.head("kind");
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let of_group: Vec<_> = KINDS.iter().filter(|known| known.group == group).collect();
    let known = KINDS.iter().find(|known| known.kind == kind);
    match known.filter(|known| known.group == group) {
        Some(known) if known.versions.contains(&version) => None,
        Some(known) => {
            let message = format!("Istio has no version {} of {}", quoted(version), quoted(kind));
            Some(finding(manifest.file, place, message, format!("write {}", quoted(&api_version_of(known)))))
        }
        None if manifest.kind == Kind::KubernetesGateway && has_servers(manifest) => {
            let message =
                format!("a Gateway of the group {} has no `servers`: this one is of Istio's own kind", quoted(group));
            let own = known.map(api_version_of).unwrap_or_default();
            Some(finding(manifest.file, place, message, format!("write {}", quoted(&format!("apiVersion: {own}")))))
        }
        // Only what claims to be of Istio can be wrong in this way.
        None if manifest.kind != Kind::Unknown => None,
        None => {
            let (place, help): (&Node, String) = match known {
                Some(known) => (place, format!("write {}", quoted(&format!("apiVersion: {}", api_version_of(known))))),
                None if OWN_KINDS.contains(&kind) => {
                    (place, format!("write `apiVersion: {API_VERSION}`: it is a kind of Sallyport"))
                }
                None => {
                    let meant = did_you_mean(kind, KINDS.iter().map(|known| known.kind));
                    let names: Vec<_> = of_group.iter().map(|known| known.kind).collect();
                    let help = meant.map(|meant| format!("did you mean {}?", quoted(meant)));
                    (kind_place, help.unwrap_or_else(|| format!("the kinds of this group are {}", names.join(", "))))
                }
            };
            let message = match group {
                "" => format!("the group of {} is missing", quoted(kind)),
                _ => format!("Istio has no kind {} in the group {}", quoted(kind), quoted(group)),
            };
            Some(finding(manifest.file, place, message, help))
        }
    }
}

fn has_servers(gateway: &Manifest) -> bool {
    let spec = gateway.spec();
    spec.get("servers").is_some() && spec.get("gatewayClassName").is_none()
}

fn api_version_of(known: &ApiKind) -> String {
    format!("{}/{}", known.group, known.versions.first().copied().unwrap_or_default())
}
