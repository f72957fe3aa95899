//! From what callers do to few rules that allow it and nothing else.
//!
//! # Design
//!
//! A grant is a pattern, a method and a caller. A rule allows each of its operations to each of its callers, so rules are made
//! of grants in one of two ways, neither of which allows anything that is not a grant: callers with the same grants share a rule,
//! or grants with the same callers do. What has fewer lines is taken.

use std::collections::{BTreeMap, BTreeSet};

/// A pattern with its other spellings, which an ALLOW rule must match, too: they stay in one list.
pub(super) type Spelled = Vec<String>;

/// A pattern with a method.
pub(super) type Access = (Spelled, String);

/// Callers, and what all of them may do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group {
    pub(super) operations: Vec<(BTreeSet<String>, BTreeSet<Spelled>)>,
    pub(super) callers: BTreeSet<u32>,
}

/// The groups of these grants.
pub(super) fn group(grants: &BTreeSet<(u32, Access)>) -> Vec<Group> {
    let (by_caller, by_access) = (same_grants(grants), same_callers(grants));
    let lines = |groups: &[Group]| -> usize {
        let of_one = |group: &Group| {
            let paths = group.operations.iter().map(|(_, paths)| paths.len().saturating_add(3));
            paths.chain([group.callers.len(), 5]).fold(0, usize::saturating_add)
        };
        groups.iter().map(of_one).fold(0, usize::saturating_add)
    };
    if lines(&by_caller) <= lines(&by_access) { by_caller } else { by_access }
}

fn same_grants(grants: &BTreeSet<(u32, Access)>) -> Vec<Group> {
    let mut of_caller: BTreeMap<u32, BTreeSet<&Access>> = BTreeMap::new();
    for (caller, access) in grants {
        of_caller.entry(*caller).or_default().insert(access);
    }
    let mut callers: BTreeMap<BTreeSet<&Access>, BTreeSet<u32>> = BTreeMap::new();
    for (caller, accesses) in of_caller {
        callers.entry(accesses).or_default().insert(caller);
    }
    groups(callers.into_iter().map(|(accesses, callers)| (callers, accesses)))
}

fn same_callers(grants: &BTreeSet<(u32, Access)>) -> Vec<Group> {
    let mut of_access: BTreeMap<&Access, BTreeSet<u32>> = BTreeMap::new();
    for (caller, access) in grants {
        of_access.entry(access).or_default().insert(*caller);
    }
    let mut accesses: BTreeMap<BTreeSet<u32>, BTreeSet<&Access>> = BTreeMap::new();
    for (access, callers) in of_access {
        accesses.entry(callers).or_default().insert(access);
    }
    groups(accesses.into_iter())
}

fn groups<'a>(sets: impl Iterator<Item = (BTreeSet<u32>, BTreeSet<&'a Access>)>) -> Vec<Group> {
    let mut groups: Vec<Group> =
        sets.map(|(callers, accesses)| Group { operations: operations(&accesses), callers }).collect();
    // By the first path of a rule, so that what is about one thing stands together.
    let first = |group: &Group| group.operations.iter().filter_map(|(_, patterns)| patterns.first()).min().cloned();
    groups.sort_by_cached_key(|group| (first(group), group.clone()));
    groups
}

/// Patterns with the same methods share an operation.
fn operations(accesses: &BTreeSet<&Access>) -> Vec<(BTreeSet<String>, BTreeSet<Spelled>)> {
    let mut methods: BTreeMap<&Spelled, BTreeSet<String>> = BTreeMap::new();
    for (pattern, method) in accesses {
        methods.entry(pattern).or_default().insert(method.clone());
    }
    let mut patterns: BTreeMap<BTreeSet<String>, BTreeSet<Spelled>> = BTreeMap::new();
    for (pattern, methods) in methods {
        patterns.entry(methods).or_default().insert(pattern.clone());
    }
    patterns.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(list: &[(u32, &str, &str)]) -> BTreeSet<(u32, Access)> {
        list.iter().map(|(caller, method, path)| (*caller, (vec![(*path).to_owned()], (*method).to_owned()))).collect()
    }

    #[test]
    fn groups_allow_the_grants_and_nothing_else() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..500 {
            let mut all = BTreeSet::new();
            for _ in 0..random.usize(1..20) {
                let path = format!("/{}", random.u8(0..4));
                all.insert((random.u32(0..4), (vec![path], ["GET", "PUT", "POST"][random.usize(0..3)].to_owned())));
            }
            for groups in [same_grants(&all), same_callers(&all), group(&all)] {
                let mut allowed = BTreeSet::new();
                for Group { callers, operations } in &groups {
                    for (methods, patterns) in operations {
                        for (caller, method) in callers.iter().flat_map(|c| methods.iter().map(move |m| (c, m))) {
                            allowed.extend(patterns.iter().map(|p| (*caller, (p.clone(), method.clone()))));
                        }
                    }
                }
                assert_eq!(allowed, all);
            }
        }
    }

    #[test]
    fn the_smaller_way_is_taken() {
        let same = grants(&[(1, "GET", "/a"), (1, "GET", "/b"), (2, "GET", "/a"), (2, "GET", "/b")]);
        assert_eq!(group(&same).len(), 1);
        let many: Vec<_> = (0..20).map(|caller| (caller, "GET", "/a")).chain([(3, "GET", "/b")]).collect();
        assert_eq!(group(&grants(&many)).len(), 2);
    }
}
