//! A manifest has a value that is none of its field's.
//!
//! The API server refuses the manifest. Most values are words in capitals, and case counts; durations are
//! of a millisecond or more.
//!
//! Bad:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: api, namespace: egress}
//! spec: {hosts: [api.example.com], location: EXTERNAL, resolution: Dns}
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: ServiceEntry
//! metadata: {name: api, namespace: egress}
//! spec: {hosts: [api.example.com], location: MESH_EXTERNAL, resolution: DNS}
//! ```
//!
//! Fix: Write one of the values that Istio's reference lists.

use crate::code::Code;
use crate::import::slips::What;
use crate::lint::definition::Lint;

pub(super) const LINT: Lint = Lint {
    code: Code::UnknownManifestValue,
    run: |input| input.slips(What::Word),
    source: include_str!("unknown_value.rs"),
};
