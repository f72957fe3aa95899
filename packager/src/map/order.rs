//! The order of the nodes in their columns, so that few links cross.
//!
//! # Design
//! Each column in turn is sorted by where the neighbours are, groups as wholes and then the nodes of each (the barycentre
//! method of Sugiyama). Of some rounds the one with the fewest crossings wins. Ties are broken by name, so the order is a
//! function of the files.

use std::collections::{BTreeMap, BTreeSet};

use super::model::Map;

const ROUNDS: usize = 8;
/// So many gateways in a namespace each are one by one: then the gateways of the same callers are shown together.
const MOST_GROUPS: usize = 40;

/// Puts all nodes in order, and moves the indices of the grants with them.
pub(super) fn arrange(map: &mut Map) {
    regroup(map);
    let groups = |names: Vec<(&String, &String)>| -> Vec<(String, String)> {
        names.into_iter().map(|(group, name)| (group.clone(), name.clone())).collect()
    };
    let callers = groups(map.callers.iter().map(|one| (&one.group, &one.name)).collect());
    let gateways = groups(map.gateways.iter().map(|one| (&one.group, &one.route)).collect());
    let links: BTreeSet<_> = map.grants.iter().map(|grant| (grant.caller, grant.gateway)).collect();
    let links: Vec<_> = links.into_iter().collect();
    let mut left = sorted(&callers, &BTreeMap::new());
    let mut right = sorted(&gateways, &BTreeMap::new());
    let mut best = (crossings(&links, &left, &right), left.clone(), right.clone());
    for _ in 0..ROUNDS {
        left = sorted(&callers, &means(links.iter().map(|(caller, gateway)| (*caller, *gateway)), &right));
        right = sorted(&gateways, &means(links.iter().map(|(caller, gateway)| (*gateway, *caller)), &left));
        let crossed = crossings(&links, &left, &right);
        if crossed < best.0 {
            best = (crossed, left.clone(), right.clone());
        }
    }
    let (_, left, right) = best;
    let new_caller = ranks(&left);
    let new_gateway = ranks(&right);
    // Upstreams stand beside the first of their gateways.
    let mut upstreams: Vec<usize> = Vec::new();
    let of_gateways = right.iter().filter_map(|gateway| map.gateways.get(*gateway));
    let wanted = of_gateways.flat_map(|gateway| std::iter::once(gateway.upstream)).chain(0..map.upstreams.len());
    for upstream in wanted {
        if !upstreams.contains(&upstream) {
            upstreams.push(upstream);
        }
    }
    let new_upstream = ranks(&upstreams);
    let moved = |new: &BTreeMap<usize, usize>, old: usize| new.get(&old).copied().unwrap_or(old);
    map.callers = picked(&map.callers, &left);
    map.gateways = picked(&map.gateways, &right);
    map.upstreams = picked(&map.upstreams, &upstreams);
    for gateway in &mut map.gateways {
        gateway.upstream = moved(&new_upstream, gateway.upstream);
        gateway.standbys.iter_mut().for_each(|standby| *standby = moved(&new_upstream, *standby));
    }
    for grant in &mut map.grants {
        grant.caller = moved(&new_caller, grant.caller);
        grant.gateway = moved(&new_gateway, grant.gateway);
    }
    map.grants.sort_by_key(|grant| (grant.gateway, grant.caller));
}

/// Gives gateways of many namespaces the groups of those who call them most, and upstreams those of their gateways.
fn regroup(map: &mut Map) {
    let namespaces: BTreeSet<_> = map.gateways.iter().map(|gateway| &gateway.group).collect();
    if namespaces.len() > MOST_GROUPS {
        let mut callers: BTreeMap<usize, BTreeMap<&str, usize>> = BTreeMap::new();
        for grant in &map.grants {
            let Some(caller) = map.callers.get(grant.caller) else { continue };
            let count = callers.entry(grant.gateway).or_default().entry(&caller.group).or_default();
            *count = count.saturating_add(1);
        }
        for (index, gateway) in map.gateways.iter_mut().enumerate() {
            let most = callers.get(&index).and_then(|counts| {
                let mut counts: Vec<_> = counts.iter().collect();
                counts.sort_by_key(|(group, count)| (std::cmp::Reverse(**count), **group));
                counts.first().map(|(group, _)| (**group).to_owned())
            });
            gateway.group = most.map_or_else(|| "no callers".to_owned(), |group| format!("for {group}"));
        }
    }
    for gateway in map.gateways.iter().rev() {
        if let Some(upstream) = map.upstreams.get_mut(gateway.upstream) {
            upstream.group.clone_from(&gateway.group);
        }
    }
}

/// The mean place of the neighbours of each node that has some.
fn means(links: impl Iterator<Item = (usize, usize)>, others: &[usize]) -> BTreeMap<usize, f64> {
    let places = ranks(others);
    let mut sums: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
    for (node, other) in links {
        let Some(place) = places.get(&other) else { continue };
        let (sum, count) = sums.entry(node).or_default();
        *sum += *place as f64;
        *count += 1.0;
    }
    sums.into_iter().map(|(node, (sum, count))| (node, sum / count)).collect()
}

/// The nodes by groups: those by the mean of their nodes, and the nodes of each by their own.
fn sorted(nodes: &[(String, String)], means: &BTreeMap<usize, f64>) -> Vec<usize> {
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, (group, _)) in nodes.iter().enumerate() {
        groups.entry(group).or_default().push(index);
    }
    let mean = |node: &usize| means.get(node).copied().unwrap_or(f64::MAX);
    let mut groups: Vec<(f64, &str, Vec<usize>)> = groups
        .into_iter()
        .map(|(group, mut members)| {
            let known: Vec<f64> = members.iter().filter_map(|node| means.get(node).copied()).collect();
            let sum: f64 = known.iter().sum();
            let of_group = if known.is_empty() { f64::MAX } else { sum / known.len() as f64 };
            let name = |node: &usize| nodes.get(*node).map(|(_, name)| name);
            members.sort_by(|one, two| mean(one).total_cmp(&mean(two)).then_with(|| name(one).cmp(&name(two))));
            (of_group, group, members)
        })
        .collect();
    groups.sort_by(|one, two| one.0.total_cmp(&two.0).then_with(|| one.1.cmp(two.1)));
    groups.into_iter().flat_map(|(_, _, members)| members).collect()
}

fn ranks(order: &[usize]) -> BTreeMap<usize, usize> {
    order.iter().enumerate().map(|(rank, node)| (*node, rank)).collect()
}

fn picked<T: Clone>(all: &[T], order: &[usize]) -> Vec<T> {
    order.iter().filter_map(|index| all.get(*index).cloned()).collect()
}

/// How many pairs of links cross.
fn crossings(links: &[(usize, usize)], left: &[usize], right: &[usize]) -> usize {
    let (left, right) = (ranks(left), ranks(right));
    let mut ends: Vec<_> = links.iter().map(|(one, two)| (left.get(one), right.get(two))).collect();
    ends.sort_unstable();
    // Before each link: how many links there are by their right end.
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    let mut crossed = 0_usize;
    for (_, end) in ends {
        crossed = crossed.saturating_add(
            counts
                .range((std::ops::Bound::Excluded(end), std::ops::Bound::Unbounded))
                .map(|(_, count)| count)
                .sum::<usize>(),
        );
        let count = counts.entry(end).or_default();
        *count = count.saturating_add(1);
    }
    crossed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_cross_if_their_ends_change_places() {
        assert_eq!(crossings(&[(0, 1), (1, 0)], &[0, 1], &[0, 1]), 1);
        assert_eq!(crossings(&[(0, 1), (1, 0)], &[0, 1], &[1, 0]), 0);
        assert_eq!(crossings(&[(0, 0), (0, 1), (1, 0), (1, 1)], &[0, 1], &[0, 1]), 1);
    }

    #[test]
    fn a_group_stays_together() {
        let nodes = [("a", "1"), ("b", "2"), ("a", "3")].map(|(group, name)| (group.to_owned(), name.to_owned()));
        let means = BTreeMap::from([(0, 5.0), (1, 2.0), (2, 1.0)]);
        assert_eq!(sorted(&nodes, &means), [1, 2, 0]);
    }
}
