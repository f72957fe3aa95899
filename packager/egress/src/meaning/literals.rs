//! Addresses that host patterns name: in an authority they are read as a whole.

use std::net::{IpAddr, Ipv6Addr};

use sallyport_core::outline::{Outline, StringPattern, Subject, Test};

use super::machine::Literal;

/// The addresses, each as it is written and in another spelling if it has one.
pub(super) fn of(outlines: [&Outline; 2]) -> Vec<Literal> {
    let mut literals = Vec::new();
    for rule in outlines.into_iter().flat_map(|outline| &outline.rules) {
        let operations = rule.to.iter().flatten().flatten();
        for Test { subject, .. } in operations {
            let Subject::Host(listed) = subject else { continue };
            let with_port = listed.patterns.with_port.iter().map(|(name, _)| name);
            for name in listed.patterns.names.iter().chain(with_port) {
                literals.extend(spellings(name));
            }
        }
    }
    literals.sort();
    literals.dedup();
    literals
}

fn spellings(name: &StringPattern) -> Vec<Literal> {
    let StringPattern::Exact(text) = name else { return Vec::new() };
    let text = String::from_utf8_lossy(text).into_owned();
    let plain = text.trim_start_matches('[').trim_end_matches(']');
    match plain.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => vec![(text, None)],
        Ok(IpAddr::V6(address)) => vec![(text.clone(), None), (in_full(address), Some(text))],
        Err(_) => Vec::new(),
    }
}

/// With every zero that the canonical spelling leaves out.
fn in_full(address: Ipv6Addr) -> String {
    let groups: Vec<String> = address.segments().iter().map(|group| format!("{group:04x}")).collect();
    format!("[{}]", groups.join(":"))
}
