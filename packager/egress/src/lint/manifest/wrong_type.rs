//! A manifest has a value of another type than its field.
//!
//! The API server refuses the manifest: text where there must be a list, a number in quotes, a number where
//! there must be text. In a set of files that are applied one after the other, the rest is in force without it.
//!
//! Bad:
//!
//! ```yaml
//! kind: AuthorizationPolicy
//! metadata: {name: callers, namespace: egress}
//! spec:
//!   rules: [{to: [{operation: {ports: [443], hosts: api.example.com}}]}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: AuthorizationPolicy
//! metadata: {name: callers, namespace: egress}
//! spec:
//!   rules: [{to: [{operation: {ports: ["443"], hosts: [api.example.com]}}]}]
//! ```
//!
//! Fix: Write the value as Istio's reference does; text that looks like a number or a boolean stands in quotes.

use crate::code::Code;
use crate::import::slips::What;
use crate::lint::definition::Lint;

pub(super) const LINT: Lint =
    Lint { code: Code::WrongManifestType, run: |input| input.slips(What::Type), source: include_str!("wrong_type.rs") };
