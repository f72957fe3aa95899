//! Every sidecar knows the upstream, so callers can leave the gateway aside.
//!
//! A ServiceEntry without `exportTo` is for all namespaces. A caller that asks for the upstream itself, and not for the
//! host that leads to the gateway, goes there directly, past every rule; `REGISTRY_ONLY` does not keep it back.
//!
//! Write `exportTo: ["."]`, in the gateway's namespace.

use crate::import::Kind;
use crate::import::set::entry_hosts;
use crate::lint::finding::{Finding, of_manifest};
use crate::lint::input::Input;
use crate::parse::suggest::quoted;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in input.set.of(Kind::ServiceEntry) {
        let exported = entry.spec().items_at(&["exportTo"]);
        let is_for_all = exported.is_empty() || exported.iter().any(|to| to.text() == Some("*"));
        let host = entry_hosts(entry)
            .find(|host| is_for_all && input.set.is_external(host) && input.set.is_behind_gateway(host));
        if let Some(host) = host {
            let message = format!("every sidecar knows {}, so callers can leave the gateway aside", quoted(host));
            findings.push(of_manifest(entry, message, "write `exportTo: [\".\"]`"));
        }
    }
    findings
}
