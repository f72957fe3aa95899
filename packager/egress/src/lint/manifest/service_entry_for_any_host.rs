//! A ServiceEntry is for every host.
//!
//! Istio refuses the host `*`: it would take every request that no other service is found for.
//!
//! Write the hosts, or patterns such as `*.example.com`.

use crate::import::Kind;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let entries = input.set.of(Kind::ServiceEntry);
    let hosts = entries.flat_map(|entry| entry.spec().items_at(&["hosts"]).iter().map(|host| (entry.file, host)));
    let any = hosts.filter(|(_, host)| host.text() == Some("*"));
    any.map(|(file, host)| finding(file, host, "the host `*` is refused by Istio", "write the hosts")).collect()
}
