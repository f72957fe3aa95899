//! A manifest lacks a field that must be there.
//!
//! The API server refuses the manifest. In a set of files that are applied one after the other, the rest is
//! in force without it.
//!
//! Bad:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: egress, namespace: egress}
//! spec:
//!   selector: {istio: egressgateway}
//!   servers: [{hosts: [api.example.com], port: {number: 80, protocol: HTTP}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: Gateway
//! metadata: {name: egress, namespace: egress}
//! spec:
//!   selector: {istio: egressgateway}
//!   servers: [{hosts: [api.example.com], port: {number: 80, name: http, protocol: HTTP}}]
//! ```
//!
//! Fix: Add the field.

use crate::code::Code;
use crate::import::slips::What;
use crate::lint::definition::Lint;

pub(super) const LINT: Lint = Lint {
    code: Code::MissingManifestField,
    run: |input| input.slips(What::Missing),
    source: include_str!("missing_field.rs"),
};
