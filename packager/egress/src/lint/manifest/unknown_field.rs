//! A manifest has a field that Istio does not have.
//!
//! An API server with strict validation, as `kubectl` asks for it, refuses the manifest. Without it the
//! field is dropped: what it was meant to restrict or to verify is not.
//!
//! Bad:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: api, namespace: egress}
//! spec: {hosts: [api.example.com], export_to: ["."], resolution: DNS}
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: api, namespace: egress}
//! spec: {hosts: [api.example.com], exportTo: ["."], resolution: DNS}
//! ```
//!
//! Fix: Write the field as Istio's reference does, in the place where it belongs.

use crate::code::Code;
use crate::import::Manifest;
use crate::istio::fields_of;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::wording::{did_you_mean, quoted};
use crate::yaml::tree::Node;
use serde_json::{Map, Value};

pub(super) const LINT: Lint = Lint { code: Code::UnknownManifestField, run, source: include_str!("unknown_field.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in input.set.manifests {
        // Only what has a `spec` is of the shape that is known.
        let (Some(fields), Some(spec)) = (fields_of(manifest.head("kind").0), manifest.written_spec()) else {
            continue;
        };
        if manifest.is_of_istio() {
            compare(manifest, spec, fields, &mut findings);
        }
    }
    findings
}

fn compare(manifest: &Manifest, node: &Node, fields: &Map<String, Value>, findings: &mut Vec<Finding>) {
    for item in node.items() {
        compare(manifest, item, fields, findings);
    }
    for entry in node.entries() {
        let name = entry.key.name.as_str();
        match fields.get(name) {
            // A merge key of YAML has the fields of another mapping.
            None if name == "<<" => {}
            None => {
                let meant = did_you_mean(name, fields.keys().map(String::as_str));
                let help = match meant {
                    Some(meant) => format!("did you mean {}?", quoted(meant)),
                    None => format!("the fields here are {}", fields.keys().cloned().collect::<Vec<_>>().join(", ")),
                };
                let message = format!("Istio has no field {} here", quoted(name));
                findings.push(Finding { file: manifest.file, span: entry.key.span, message, help });
            }
            Some(known) => {
                if let Some(known) = known.as_object() {
                    compare(manifest, &entry.value, known, findings);
                }
            }
        }
    }
}
