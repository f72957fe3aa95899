//! Two lists as one: what both have, and what only one has, in an order that fits both.

use rustc_hash::FxHashMap as HashMap;

use super::lists::{Entry, Origin};

/// Which of two policies has something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The old one alone.
    Old,
    /// The new one alone.
    New,
    /// Both, in the same way.
    Both,
}

impl Side {
    /// Whether the list of this side (not [`Side::Both`]) has it.
    pub(super) fn is_of(self, side: Self) -> bool {
        self == Self::Both || self == side
    }

    /// The other one of two.
    pub(super) fn other(self) -> Self {
        match self {
            Self::Old => Self::New,
            Self::New => Self::Old,
            Self::Both => Self::Both,
        }
    }
}

/// The merged list. An entry that has moved is one that only the old list has, and one that only the new list has, unless
/// it is among the many that kept their order.
pub(super) fn merge(old: Vec<Entry>, new: Vec<Entry>) -> Vec<(Side, Entry)> {
    let mut places: HashMap<&Entry, Vec<usize>> = HashMap::default();
    for (place, entry) in new.iter().enumerate().rev() {
        places.entry(entry).or_default().push(place);
    }
    // For each old entry that the new list has: its places in both.
    let mut pairs = Vec::new();
    for (place, entry) in old.iter().enumerate() {
        if let Some(other) = places.get_mut(entry).and_then(Vec::pop) {
            pairs.push((place, other));
        }
    }
    let kept = longest_rising(&pairs);
    let mut merged = Vec::new();
    let (mut old, mut new) = (old.into_iter().enumerate().peekable(), new.into_iter().enumerate().peekable());
    for (old_place, new_place) in kept {
        let gone = std::iter::from_fn(|| old.next_if(|(place, _)| *place < old_place)).map(|(_, entry)| entry);
        let come = std::iter::from_fn(|| new.next_if(|(place, _)| *place < new_place)).map(|(_, entry)| entry);
        fill(&mut merged, gone.collect(), come.collect());
        old.next();
        merged.extend(new.next().map(|(_, entry)| (Side::Both, entry)));
    }
    fill(&mut merged, old.map(|(_, entry)| entry).collect(), new.map(|(_, entry)| entry).collect());
    merged
}

/// What stands between two entries that both lists have: ambiguities first, then rules, so that requests are told by the rules
/// that decide them, and not by the default that did. Each list has this order, too.
fn fill(merged: &mut Vec<(Side, Entry)>, old: Vec<Entry>, new: Vec<Entry>) {
    let [old_first, old_rules, old_defaults] = by_kind(old);
    let [new_first, new_rules, new_defaults] = by_kind(new);
    let parts = [(old_first, new_first), (old_rules, new_rules), (old_defaults, new_defaults)];
    for (old, new) in parts {
        for (side, entries) in [(Side::Old, old), (Side::New, new)] {
            merged.extend(entries.into_iter().map(|entry| (side, entry)));
        }
    }
}

/// Ambiguities, rules and defaults.
fn by_kind(entries: Vec<Entry>) -> [Vec<Entry>; 3] {
    let (defaults, others): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.from == Origin::Default);
    let (first, rules) = others.into_iter().partition(|entry| matches!(entry.from, Origin::Ambiguity(..)));
    [first, rules, defaults]
}

/// The longest part of the pairs, whose first numbers rise, in which the second do, too (patience sorting).
fn longest_rising(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // By length, the pair that ends a rising part of it with the smallest number; and for each pair the one before it.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::new();
    let second = |at: &usize| pairs.get(*at).map_or(usize::MAX, |(_, second)| *second);
    for (at, (_, value)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| second(end) < *value);
        before.push(length.checked_sub(1).and_then(|shorter| ends.get(shorter)).copied());
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut longest = Vec::new();
    let mut at = ends.last().copied();
    while let Some(index) = at {
        longest.extend(pairs.get(index));
        at = before.get(index).copied().flatten();
    }
    longest.reverse();
    longest
}

#[cfg(test)]
mod tests {
    use super::super::formula::Formula;
    use super::*;
    use crate::scenario::Effect;

    fn entries(names: &str) -> Vec<Entry> {
        let entry = |name: char| Entry {
            formula: Formula::Is(name as usize, true),
            effect: Effect::Allowed(Some(name.to_string())),
            from: Origin::Rule(name.to_string()),
        };
        names.chars().map(entry).collect()
    }

    fn merged(old: &str, new: &str) -> String {
        let word = |(side, entry): (Side, Entry)| match side {
            Side::Old => format!("-{}", entry.effect.rule().unwrap()),
            Side::New => format!("+{}", entry.effect.rule().unwrap()),
            Side::Both => entry.effect.rule().unwrap().to_owned(),
        };
        merge(entries(old), entries(new)).into_iter().map(word).collect()
    }

    #[test]
    fn what_kept_its_order_is_common() {
        assert_eq!(merged("abc", "abc"), "abc");
        assert_eq!(merged("abc", "axc"), "a-b+xc");
        assert_eq!(merged("abcd", "bcda"), "-abcd+a");
        assert_eq!(merged("", "ab"), "+a+b");
        assert_eq!(merged("ab", ""), "-a-b");
        assert_eq!(merged("ab", "ba"), "-ab+a");
    }
}
