//! An upstream stands by for itself, or standbys stand by for each other.
//!
//! If `a` fails over to `b` and `b` to `a`, the load of the one that is ill comes to the other, and makes it ill, too. Then
//! each gateway tries the other's upstream in turn, and neither rests.
//!
//! Let one of them be the last: leave its `failover` out.

use super::{Finding, Input};
use crate::model::Egress;
use crate::parse::suggest::quoted;
use std::collections::{HashMap, HashSet};

type Name<'a> = (&'a str, &'a str);

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let all: HashMap<Name<'_>, &Egress> =
        input.egresses.iter().map(|subject| (name_of(subject.egress), subject.egress)).collect();
    let (mut told, mut findings) = (HashSet::new(), Vec::new());
    for subject in &input.egresses {
        let own = name_of(subject.egress);
        for (position, standby) in subject.egress.spec.health.failover.iter().enumerate() {
            let Some(way) = way(&all, (own.0, standby.as_str()), own).filter(|_| !told.contains(&own)) else { continue };
            let message = match way.as_slice() {
                [_] => "the standby is the upstream itself".to_owned(),
                _ => format!("the standbys go in a loop: {}", words(own.1, &way)),
            };
            told.extend(way.into_iter().map(|name| (own.0, name)));
            let help = "name another upstream, or none: one of them is the last";
            findings.push(subject.at(&format!("health.failover[{position}]"), message, help));
        }
    }
    findings
}

fn name_of(egress: &Egress) -> Name<'_> {
    (&egress.namespace, &egress.name)
}

/// The names from one to the other, both included, if failover leads there.
fn way<'a>(all: &HashMap<Name<'a>, &'a Egress>, from: Name<'a>, to: Name<'a>) -> Option<Vec<&'a str>> {
    let mut ways = vec![vec![from.1]];
    let mut seen = HashSet::new();
    while let Some(way) = ways.pop() {
        let last = way.last().copied()?;
        if last == to.1 {
            return Some(way);
        }
        if seen.insert(last) {
            let next = all.get(&(from.0, last)).map_or(&[][..], |egress| &egress.spec.health.failover);
            ways.extend(next.iter().map(|name| way.iter().copied().chain([name.as_str()]).collect()));
        }
    }
    None
}

fn words(first: &str, way: &[&str]) -> String {
    let names: Vec<_> = std::iter::once(&first).chain(way).map(|name| quoted(name)).collect();
    names.join(", ")
}
