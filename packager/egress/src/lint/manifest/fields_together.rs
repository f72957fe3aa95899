//! A manifest has two fields of which only one may be there.
//!
//! The API server refuses the manifest: a value is matched in one way, a balancer balances in one way, a
//! policy selects pods in one way.
//!
//! Bad:
//!
//! ```yaml
//! kind: VirtualService
//! metadata: {name: api, namespace: egress}
//! spec:
//!   hosts: [api.example.com]
//!   http:
//!     - match: [{uri: {prefix: /v1, exact: /v1}}]
//!       route: [{destination: {host: api.example.com}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: VirtualService
//! metadata: {name: api, namespace: egress}
//! spec:
//!   hosts: [api.example.com]
//!   http:
//!     - match: [{uri: {prefix: /v1}}]
//!       route: [{destination: {host: api.example.com}}]
//! ```
//!
//! Fix: Remove one of the two; where both are meant, write two items of the list above them.

use crate::code::Code;
use crate::import::slips::What;
use crate::lint::definition::Lint;

pub(super) const LINT: Lint = Lint {
    code: Code::FieldsTogether,
    run: |input| input.slips(What::Alternatives),
    source: include_str!("fields_together.rs"),
};
