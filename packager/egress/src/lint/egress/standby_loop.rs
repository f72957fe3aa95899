//! An upstream is its own standby, or standbys form a loop.
//!
//! If `a` fails over to `b` and `b` to `a`, the load of the unhealthy one moves to the other and can
//! make it unhealthy, too. Then each gateway tries the other's upstream, and neither recovers.
//!
//! Bad:
//!
//! ```yaml
//! # a.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: a, namespace: egress}
//! spec:
//!   host: a.internal
//!   upstream: {host: a.example, port: 443}
//!   health: {passive: {}, failover: [b]}
//! # b.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: b, namespace: egress}
//! spec:
//!   host: b.internal
//!   upstream: {host: b.example, port: 443}
//!   health: {passive: {}, failover: [a]}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # a.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: a, namespace: egress}
//! spec:
//!   host: a.internal
//!   upstream: {host: a.example, port: 443}
//!   health: {passive: {}, failover: [b]}
//! # b.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: b, namespace: egress}
//! spec:
//!   host: b.internal
//!   upstream: {host: b.example, port: 443}
//!   health: {passive: {}}
//! ```
//!
//! Fix: Remove `failover` from one of them.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::model::Egress;
use crate::wording::quoted;
use std::collections::{HashMap, HashSet};

pub(super) const LINT: Lint = Lint { code: Code::StandbyLoop, run, source: include_str!("standby_loop.rs") };

type Name<'a> = (&'a str, &'a str);

fn run(input: &Input<'_>) -> Vec<Finding> {
    let all: HashMap<Name<'_>, &Egress> =
        input.egresses.iter().map(|subject| (name_of(subject.egress), subject.egress)).collect();
    let within = between_loops(&all);
    let (mut reported, mut findings) = (HashSet::new(), Vec::new());
    for subject in &input.egresses {
        let own = name_of(subject.egress);
        if !within.contains(&own) {
            continue;
        }
        for (position, standby) in subject.egress.spec.health.failover.iter().enumerate() {
            let Some(chain) = chain(&all, (own.0, standby.as_str()), own).filter(|_| !reported.contains(&own)) else {
                continue;
            };
            let message = match chain.as_slice() {
                [_] => "the upstream is its own standby".to_owned(),
                _ => format!("the standbys form a loop: {}", listed(own.1, &chain)),
            };
            reported.extend(chain.into_iter().map(|name| (own.0, name)));
            let help = "name another upstream, or remove the entry";
            findings.push(subject.at(&format!("health.failover[{position}]"), message, help));
        }
    }
    findings
}

fn name_of(egress: &Egress) -> Name<'_> {
    (&egress.namespace, &egress.name)
}

/// The Egresses in loops and those between two loops. Usually there are none, and no search is needed.
fn between_loops<'a>(all: &HashMap<Name<'a>, &'a Egress>) -> HashSet<Name<'a>> {
    let edges = all.iter().flat_map(|(name, egress)| {
        let to = egress.spec.health.failover.iter().map(|standby| (name.0, standby.as_str()));
        to.filter(|to| all.contains_key(to)).map(|to| (*name, to))
    });
    // Remove what does not lead to a loop; then, on the reversed edges, what no loop leads to.
    let leading = without_dead_ends(edges.collect());
    let between = without_dead_ends(leading.into_iter().map(|(from, to)| (to, from)).collect());
    between.into_iter().map(|(from, _)| from).collect()
}

/// The edges that do not end in an Egress without failover.
fn without_dead_ends<'a>(edges: Vec<(Name<'a>, Name<'a>)>) -> Vec<(Name<'a>, Name<'a>)> {
    let (mut going_out, mut coming_in) = (HashMap::<_, usize>::new(), HashMap::<_, Vec<_>>::new());
    for (from, to) in &edges {
        let count = going_out.entry(*from).or_default();
        *count = count.saturating_add(1);
        going_out.entry(*to).or_default();
        coming_in.entry(*to).or_default().push(*from);
    }
    let mut ends: Vec<_> = going_out.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
    let mut ended = HashSet::new();
    while let Some(end) = ends.pop() {
        ended.insert(end);
        for from in coming_in.get(&end).into_iter().flatten() {
            if let Some(count) = going_out.get_mut(from) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    ends.push(*from);
                }
            }
        }
    }
    edges.into_iter().filter(|(_, to)| !ended.contains(to)).collect()
}

/// The names on the way from one to the other, both included, if failover leads there.
fn chain<'a>(all: &HashMap<Name<'a>, &'a Egress>, from: Name<'a>, to: Name<'a>) -> Option<Vec<&'a str>> {
    // Each name with the index of the one before it.
    let mut reached: Vec<(&str, Option<usize>)> = vec![(from.1, None)];
    let mut open = vec![0];
    let mut seen = HashSet::new();
    while let Some(place) = open.pop() {
        let (last, _) = *reached.get(place)?;
        if last == to.1 {
            let before = |place: &usize| reached.get(*place).and_then(|(_, before)| *before);
            let places = std::iter::successors(Some(place), before);
            let mut chain: Vec<&str> = places.filter_map(|place| Some(reached.get(place)?.0)).collect();
            chain.reverse();
            return Some(chain);
        }
        if seen.insert(last) {
            for name in all.get(&(from.0, last)).map_or(&[][..], |egress| &egress.spec.health.failover) {
                open.push(reached.len());
                reached.push((name.as_str(), Some(place)));
            }
        }
    }
    None
}

fn listed(first: &str, chain: &[&str]) -> String {
    let names: Vec<_> = std::iter::once(&first).chain(chain).map(|name| quoted(name)).collect();
    names.join(", ")
}
