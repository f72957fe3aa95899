//! A gateway sends requests to itself.
//!
//! One VirtualService is for the mesh and for the gateway, and its route to the gateway does not say that it is for the
//! mesh alone. So the gateway follows it, too: the request goes round until something gives up.
//!
//! Write `match: [{gateways: [mesh]}]` in the route to the gateway and the Gateway's name in the other, or write two
//! VirtualServices.

use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::parse::suggest::quoted;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let legs = input.set.legs.iter().filter(|leg| leg.is_in_mesh() && leg.is_at_gateway() && leg.anywhere);
    for leg in legs {
        for to in leg.destinations.iter().filter(|to| input.set.served_at(&to.host).is_some()) {
            let message = format!("the gateway {} follows this route, too, and asks itself", quoted(&to.host));
            let help = "write `match: [{gateways: [mesh]}]`, or a VirtualService of its own";
            findings.push(finding(leg.manifest.file, to.node.get("host").unwrap_or(to.node), message, help));
        }
    }
    findings
}
