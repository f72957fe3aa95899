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
use crate::import::slips::What;
use crate::lint::definition::Lint;

pub(super) const LINT: Lint = Lint {
    code: Code::UnknownManifestField,
    run: |input| input.slips(What::Field),
    source: include_str!("unknown_field.rs"),
};
